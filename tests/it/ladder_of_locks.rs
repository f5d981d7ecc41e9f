//! Does each way to lock behave as it is known to? Searched, and forced on the real stores. The names are those of the lines that say what is known.

use super::ladder::{
    SAFE, assert_broken, assert_holds, assert_one_booking_in_every_interleaving, forced,
};
use super::reports::{happened, metric};
use super::support::run;
use racesim::checker::Property;
use racesim::cli::strategy_of;
use racesim::history::{Outcome, Reply};

#[test]
fn l1_a_stall_past_the_lease_sells_the_seat_twice_in_seven_steps_however_it_is_freed() {
    for words in ["locked", "locked --release del", "locked --renew"] {
        let schedule = assert_broken(words, (SAFE, 2, &["stall"]), 7, 2);
        assert!(
            schedule.starts_with("A.acquire A.check A.stall B.acquire"),
            "{schedule}"
        );
    }
}

#[test]
fn l2_a_plain_del_harms_innocent_users_in_ten_steps() {
    let question = (
        Property::NoDoubleBookingInLease,
        3,
        &["expire", "give-up"][..],
    );
    let schedule = assert_broken("locked --release del", question, 10, 2);
    assert!(schedule.contains("C.insert"), "{schedule}");
    assert_holds("locked", question.0, 3, &["expire:2", "give-up:2"]);
}

#[test]
fn a_lock_that_is_held_with_the_persons_name_is_freed_by_the_persons_other_request() {
    let question = (
        Property::NoDoubleBookingInLease,
        3,
        &["expire", "give-up"][..],
    );
    assert_broken("locked --lock-value user", question, 10, 2);
    assert_broken(
        "locked --lock-value user",
        (Property::NoForeignRelease, 2, &["expire"]),
        6,
        1,
    );
}

#[test]
fn a_look_before_a_del_leaves_a_gap_of_one_step() {
    let question = (
        Property::NoDoubleBookingInLease,
        3,
        &["expire", "give-up"][..],
    );
    let schedule = assert_broken("locked --release get-then-del", question, 11, 2);
    assert!(
        schedule.contains("A.verify expire B.acquire A.release"),
        "{schedule}"
    );
}

#[test]
fn l8_a_holder_that_crashes_before_its_lock_has_an_end_keeps_it_for_ever() {
    let question = (Property::NoEternalLock, 2, &["crash"][..]);
    assert_broken("locked --acquire setnx-then-expire", question, 2, 0);
    assert_holds("locked", question.0, 3, question.2);
    assert_broken("locked", (Property::SomeoneBooks, 2, &["crash"]), 3, 0);
}

#[test]
fn l10_a_crash_after_the_insert_leaves_one_booking_and_tells_the_next_it_is_locked() {
    let strategy = strategy_of("locked").unwrap();
    let replayed = forced(&strategy, "A.acquire A.check A.insert A.crash B.acquire");
    assert_eq!(replayed.rows.len(), 1);
    assert_eq!(replayed.model.outcomes, [None, Some(Outcome::Locked)]);
}

#[test]
fn l11_an_orphan_lock_is_freed_by_the_client_that_did_not_hear_of_it() {
    let strategy = strategy_of("locked").unwrap();
    let replayed = forced(&strategy, "A.acquire:lost-reply A.release B.acquire");
    assert_eq!(replayed.replies[1], Some(Reply::Released));
    assert_eq!(replayed.model.outcomes[0], Some(Outcome::Unknown));
    assert_eq!(replayed.replies[2], Some(Reply::Granted));
}

#[test]
fn l12_a_lost_insert_is_unknown_never_failed() {
    for words in ["naive", "unique", "locked", "optimistic"] {
        let strategy = strategy_of(words).unwrap();
        let lock = if words == "locked" { "A.acquire " } else { "" };
        let replayed = forced(&strategy, &format!("{lock}A.check A.insert:lost-reply"));
        assert_eq!(
            replayed.model.outcomes[0],
            Some(Outcome::Unknown),
            "{words}"
        );
        assert_eq!(replayed.rows.len(), 1, "{words}");
    }
}

#[test]
fn l13_a_release_before_the_commit_sells_the_seat_twice_in_ten_steps_without_any_fault() {
    assert_broken(
        "locked --release-order before-commit",
        (SAFE, 2, &[]),
        10,
        2,
    );
    assert_holds("locked --release-order after-commit", SAFE, 3, &[]);
    assert_one_booking_in_every_interleaving("locked --release-order after-commit", 2);
}

#[test]
fn l15_a_fence_at_check_and_write_withstands_three_stalls_and_one_at_the_write_does_not() {
    let stalls = ["stall:3"];
    assert_holds("locked --fence check-and-write", SAFE, 3, &stalls);
    assert_broken("locked --fence write", (SAFE, 2, &stalls), 7, 2);
    let strategy = strategy_of("locked --fence check-and-write").unwrap();
    let replayed = forced(
        &strategy,
        "A.acquire A.check A.stall B.acquire B.check A.insert B.insert",
    );
    assert_eq!(replayed.replies[5], Some(Reply::Stale));
    assert_eq!(replayed.rows.len(), 1);
}

#[test]
fn a_fence_whose_counter_is_forgotten_protects_nobody() {
    assert_broken(
        "locked --fence check-and-write",
        (SAFE, 2, &["restart"]),
        7,
        2,
    );
}

#[test]
fn l17_nothing_sells_a_seat_twice_that_unique_watches_over() {
    let everything = [
        "expire",
        "stall",
        "restart",
        "crash",
        "give-up",
        "lost-reply",
    ];
    assert_holds("locked --unique", SAFE, 2, &everything);
    assert_holds(
        "locked --unique --release del",
        SAFE,
        3,
        &["expire", "give-up", "stall"],
    );
    let strategy = strategy_of("locked --unique").unwrap();
    let replayed = forced(
        &strategy,
        "A.acquire A.check expire B.acquire B.check A.insert B.insert",
    );
    assert_eq!(replayed.model.outcomes[1], Some(Outcome::Conflict));
    assert_eq!(replayed.rows.len(), 1);
}

#[test]
fn a_watchdog_keeps_a_slow_holders_lock_and_not_a_stalled_ones() {
    assert_holds("locked --renew", SAFE, 3, &["expire:2"]);
    let slow = [
        "--ttl",
        "60ms",
        "--payment",
        "300ms",
        "--users",
        "30",
        "--arrive-over",
        "250ms",
    ];
    let ran = run(&[&["locked", "--renew"], &slow[..], &["--seed", "3"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.all());
}

#[test]
fn who_waits_for_a_lock_gets_it_when_it_is_freed() {
    let strategy = strategy_of("locked --on-busy wait:1s").unwrap();
    let replayed = forced(
        &strategy,
        "A.acquire B.acquire A.check A.insert A.release B.wait B.acquire B.check",
    );
    assert_eq!(replayed.replies[5], Some(Reply::Again));
    assert_eq!(replayed.model.outcomes[1], Some(Outcome::Taken));
    let impatient = forced(&strategy, "A.acquire B.acquire B.wait");
    assert_eq!(impatient.model.outcomes[1], Some(Outcome::Locked));
}

#[test]
fn the_watchdog_of_a_user_that_crashed_lets_its_lock_run_out() {
    let arguments = [
        "locked", "--renew", "--ttl", "40ms", "--users", "150", "--seed", "4",
    ];
    let crash = ["--arrive-over", "400ms", "--fault", "crash:acquire:0.5"];
    let ran = run(&[&arguments[..], &crash, &["--format", "json"]].concat());
    let race = ran.race();
    let crashed = happened(&race, "crash:acquire:0.5");
    assert!(crashed > 0, "somebody crashed with the lock: {}", ran.all());
    assert_eq!(metric(&race, "bookings"), 1, "{}", ran.all());
}
