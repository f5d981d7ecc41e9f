//! Does each strategy, and each way to do its parts, behave as it is known to? Searched, and forced on
//! the real stores. The names are those of the lines that say what is known.

use racesim::checker::Property;
use racesim::cli::strategy_of;
use racesim::client::{Check, Client, Insert, Isolation, StepError};
use racesim::engine::Engine;
use racesim::explore::replay::{Replayed, replay, replay_all};
use racesim::explore::{Search, SearchVerdict, search};
use racesim::history::{Outcome, Reply};
use racesim::plan::Plan;
use racesim::strategy::{Needs, Strategy};

use super::reports::{happened, metric, race_of};
use super::support::{on_a_runtime, run};

pub(super) fn searching(users: u32, faults: &[&str]) -> Search {
    Search {
        users,
        faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
        ..Search::default()
    }
}

/// Users on services that serve this strategy.
pub(super) async fn engine(strategy: &impl Strategy, users: u32) -> (Engine, Plan) {
    let plan = Plan::new(users.try_into().unwrap());
    (super::support::engine(&plan, strategy.needs()).await, plan)
}

/// What the real stores did, which is what the model says.
#[track_caller]
pub(super) fn forced(strategy: &impl Strategy, schedule: &str) -> Replayed {
    let schedule: racesim::schedule::Schedule = schedule.parse().unwrap();
    let replayed = on_a_runtime(async {
        let (engine, plan) = engine(strategy, schedule.users()).await;
        replay(&engine, strategy, &plan, schedule).await.unwrap()
    });
    assert_eq!(replayed.differences, [""; 0], "{}", strategy.settings());
    replayed
}

/// The shortest schedule that breaks it has so many moves; forced, it leaves so many rows.
#[track_caller]
pub(super) fn assert_broken(
    words: &str,
    question: (Property, u32, &[&str]),
    moves: usize,
    rows: usize,
) -> String {
    let strategy = strategy_of(words).unwrap();
    let (property, users, faults) = question;
    let found = search(&strategy, property, &searching(users, faults));
    let SearchVerdict::Violated(schedule) = found.answer else {
        panic!("{property} of {words} is {}", found.answer.name());
    };
    assert_eq!(schedule.0.len(), moves, "{words}: {schedule}");
    let replayed = forced(&strategy, &schedule.to_string());
    assert_eq!(replayed.rows.len(), rows, "{words}: {schedule}");
    schedule.to_string()
}

#[track_caller]
pub(super) fn assert_holds(words: &str, property: Property, users: u32, faults: &[&str]) {
    let strategy = strategy_of(words).unwrap();
    let found = search(&strategy, property, &searching(users, faults));
    assert_eq!(found.answer, SearchVerdict::Holds, "{property} of {words}");
    assert!(found.states > 1);
}

/// Every interleaving of so many users on the real stores leaves one row and agrees with the model.
#[track_caller]
fn assert_one_booking_in_every_interleaving(words: &str, users: u32) {
    let strategy = strategy_of(words).unwrap();
    let all = on_a_runtime(async {
        let (engine, plan) = engine(&strategy, users).await;
        replay_all(&engine, &strategy, &plan).await.unwrap()
    });
    assert!(all.len() > 1);
    for replayed in all {
        assert_eq!(
            replayed.differences, [""; 0],
            "{words}: {}",
            replayed.schedule
        );
        assert_eq!(replayed.rows.len(), 1, "{words}: {}", replayed.schedule);
    }
}

pub(super) const SAFE: Property = Property::NoDoubleBooking;

#[test]
fn d1_a_deferred_transaction_is_safe_by_error() {
    let strategy = strategy_of("transaction --begin deferred").unwrap();
    let too_late = forced(
        &strategy,
        "A.begin B.begin A.check B.check A.insert A.commit B.insert",
    );
    assert_eq!(too_late.replies[6], Some(Reply::Stale));
    assert_eq!(too_late.model.outcomes[1], Some(Outcome::Conflict));
    let too_early = forced(
        &strategy,
        "A.begin B.begin A.check B.check A.insert B.insert",
    );
    assert_eq!(too_early.replies[5], Some(Reply::Busy));
    assert_holds(
        "transaction --begin deferred",
        SAFE,
        3,
        &["crash", "lost-reply:2"],
    );
    assert_one_booking_in_every_interleaving("transaction --begin deferred", 2);
}

#[test]
fn d2_an_immediate_transaction_makes_the_loser_wait_then_finds_the_seat_taken() {
    let strategy = strategy_of("transaction").unwrap();
    let waited = forced(
        &strategy,
        "A.begin A.check A.insert A.commit B.begin B.check",
    );
    assert_eq!(waited.model.outcomes[1], Some(Outcome::Taken));
    let refused = forced(&strategy, "A.begin B.begin");
    assert_eq!(refused.replies[1], Some(Reply::Busy));
    assert_holds("transaction", SAFE, 3, &["crash", "lost-reply:2"]);
    let ran = run(&[
        "transaction",
        "--users",
        "20",
        "--payment",
        "2ms",
        "--busy-timeout",
        "4s",
        "--format",
        "json",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let race = ran.race();
    let metric = |name| metric(&race, name);
    assert_eq!((metric("bookings"), metric("refused_taken")), (1, 19));
    assert_eq!(metric("paid_in_vain"), 0);
}

#[test]
fn an_exclusive_transaction_and_one_with_retries_are_safe_too() {
    assert_holds("transaction --begin exclusive", SAFE, 3, &["crash"]);
    assert_holds(
        "transaction --begin deferred --retries 2",
        SAFE,
        2,
        &["lost-reply"],
    );
    assert_one_booking_in_every_interleaving("transaction --begin exclusive", 2);
}

#[test]
fn d5_the_loser_of_a_version_changes_no_row() {
    let strategy = strategy_of("optimistic").unwrap();
    let replayed = forced(&strategy, "A.check B.check A.insert B.insert");
    assert_eq!(replayed.replies[3], Some(Reply::Conflict));
    assert_eq!(replayed.rows.len(), 1);
    assert_holds(
        "optimistic --retries 2",
        SAFE,
        3,
        &["crash:2", "lost-reply:2", "give-up"],
    );
    assert_one_booking_in_every_interleaving("optimistic --retries 1", 2);
}

#[test]
fn a_hold_that_has_run_out_is_taken_over_and_its_first_holder_has_paid_in_vain() {
    let strategy = strategy_of("hold").unwrap();
    let replayed = forced(&strategy, "A.hold expire B.hold B.confirm A.confirm");
    assert_eq!(replayed.model.outcomes[0], Some(Outcome::Conflict));
    assert_eq!(replayed.rows.len(), 1);
    let held = forced(&strategy, "A.hold B.hold A.confirm C.hold");
    let [_, second, third] = held.model.outcomes[..] else {
        panic!("three users");
    };
    assert_eq!(
        (second, third),
        (Some(Outcome::Locked), Some(Outcome::Taken))
    );
    assert_holds(
        "hold",
        SAFE,
        3,
        &["expire:2", "stall", "crash", "lost-reply"],
    );
    assert_one_booking_in_every_interleaving("hold", 3);
}

/// Looks only at the commit, whatever the insert was answered.
#[derive(Clone)]
pub(super) struct OnlyCommit;

impl Strategy for OnlyCommit {
    fn name(&self) -> &'static str {
        "only-commit"
    }

    fn needs(&self) -> Needs {
        Needs {
            transactions: true,
            ..Needs::default()
        }
    }

    async fn attempt(&self, client: &mut Client) -> Result<Outcome, StepError> {
        let transaction = Some(Isolation::Snapshot);
        let checking = Check {
            transaction,
            ..Check::default()
        };
        let inserting = Insert {
            transaction,
            ..Insert::default()
        };
        client
            .begin_transaction(Isolation::Snapshot, std::time::Duration::ZERO)
            .await?;
        if !client.check_with(checking).await?.is_done() {
            let _ = client.rollback().await;
            return Ok(Outcome::Taken);
        }
        client.pay().await?;
        client.insert_with(inserting).await?;
        Ok(if client.commit().await? {
            Outcome::Confirmed
        } else {
            Outcome::Conflict
        })
    }
}

#[test]
fn d15_who_looks_only_at_the_commit_is_told_yes_and_has_no_row() {
    let found = search(&OnlyCommit, Property::NoPhantomSuccess, &searching(2, &[]));
    let SearchVerdict::Violated(schedule) = found.answer else {
        panic!("a phantom success is found");
    };
    let replayed = forced(&OnlyCommit, &schedule.to_string());
    let verdicts = racesim::checker::judge(&replayed.history);
    let phantom = verdicts
        .iter()
        .find(|judged| judged.verdict.name() == "violated");
    assert_eq!(
        phantom.map(|judged| judged.property),
        Some(Property::NoPhantomSuccess)
    );
}

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
fn redlock_keeps_its_promise_until_a_holder_stalls_or_a_node_forgets() {
    let words = "redlock --nodes 3";
    assert_holds(words, SAFE, 3, &["crash", "lost-reply"]);
    assert_broken(words, (SAFE, 2, &["stall"]), 13, 2);
    let schedule = assert_broken(words, (SAFE, 2, &["restart"]), 13, 2);
    for word in ["restart@", "A.acquire ", "A.acquire@2 ", "B.acquire@3 "] {
        assert!(schedule.contains(word), "{word} is not in {schedule}");
    }
    let five = strategy_of("redlock").unwrap();
    let replayed = forced(
        &five,
        "A.acquire A.acquire@2 A.acquire@3 B.acquire B.acquire@2 B.acquire@3 B.acquire@4 A.acquire@4",
    );
    assert_eq!(replayed.rows.len(), 1);
}

#[test]
fn a_user_of_redlock_that_stalled_while_it_took_its_locks_notices() {
    let strategy = strategy_of("redlock --nodes 3").unwrap();
    let replayed = forced(
        &strategy,
        "A.acquire A.acquire@2 A.stall A.acquire@3 A.validate",
    );
    assert_eq!(replayed.replies[4], Some(Reply::Late));
    assert_eq!(replayed.rows.len(), 0);
}

/// A schedule could not say which Redis a step meant, though a history could. Now it is written as in a
/// history, and a step at another one is refused.
#[test]
fn a_schedule_says_which_redis_a_step_asks() {
    let strategy = strategy_of("redlock --nodes 3").unwrap();
    let refused = |text: &str| {
        let schedule = text.parse().unwrap();
        racesim::explore::follow(&strategy, &schedule, 2)
            .unwrap_err()
            .to_string()
    };
    let error = refused("A.acquire A.acquire");
    assert!(
        error.contains("the next step of A is acquire@2; possible here: A.acquire@2, B.acquire"),
        "{error}"
    );
    let error = refused("A.acquire@2");
    assert!(
        error.contains("the next step of A is acquire; possible here"),
        "{error}"
    );
    let arguments = ["--nodes", "3", "--fault", "restart", "--property"];
    let ran = run(&[
        &["explore", "redlock"],
        &arguments[..],
        &["no-double-booking"],
        &["--format", "mermaid"],
    ]
    .concat());
    assert!(
        ran.stdout.contains("A->>Redis 2: acquire@2"),
        "{}",
        ran.stdout
    );
    let lost = forced(
        &strategy,
        "A.acquire A.acquire@2:lost-reply A.acquire@3 A.validate A.check A.insert A.release A.release@2",
    );
    assert_eq!(lost.replies[1], Some(Reply::Granted));
}

#[test]
fn every_strategy_is_compared_with_every_other() {
    let names: Vec<&str> = racesim::strategy::CATALOGUE
        .iter()
        .map(|entry| entry.name)
        .collect();
    let options = ["--users", "40", "--retries", "50", "--format", "json"];
    let ran = run(&[&["compare"], &names[..], &options].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let report = ran.compared();
    for name in names {
        let race = race_of(&report, name);
        let doubles = metric(race, "double_bookings");
        let strategy = strategy_of(name).unwrap();
        let is_right = if strategy.promises_one_booking() {
            doubles == 0
        } else {
            (1..=39).contains(&doubles)
        };
        assert!(is_right, "{name}: {doubles}");
        assert!(metric(race, "bookings") > 0, "{name}");
    }
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

#[test]
fn what_only_lets_time_pass_changes_no_answer() {
    let strategy = strategy_of("locked").unwrap();
    let schedule = "A.acquire pause-redis A.check:slow B.acquire:slow A.insert";
    let replayed = forced(&strategy, schedule);
    assert_eq!(replayed.rows.len(), 1);
    let plain = "A.acquire A.check B.acquire A.insert";
    assert_eq!(
        forced(&strategy, plain).model.outcomes,
        replayed.model.outcomes
    );
    let ran = run(&[
        "explore",
        "locked",
        "--fault",
        "slow:20ms",
        "--fault",
        "pause-redis:1s",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    for fault in ["slow", "pause-redis"] {
        let said = format!("{fault} only lets time pass");
        assert!(ran.stdout.contains(&said), "{}", ran.stdout);
    }
    let nobody = run(&["replay", "naive", "--schedule", "A.check pause-redis"]);
    nobody.assert_refused(2, "nothing is held that it could take away");
}

/// The locks that a forced schedule left on several Redis were listed once for each of them, those of a
/// race once for each seat.
#[test]
fn a_lock_on_several_servers_that_a_forced_schedule_leaves_is_one_of_its_seat() {
    let strategy = strategy_of("redlock --nodes 3").unwrap();
    let crashed = forced(&strategy, "A.acquire A.acquire@2 A.acquire@3 A.crash");
    let left = &crashed.history.footer.locks_left;
    assert_eq!(left.len(), 1, "{left:?}");
}
