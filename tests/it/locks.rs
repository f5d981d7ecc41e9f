//! Do the locks of the model and the real ones live alike: who takes one, how long it lives, what ends it?

use racesim::checker::Property;
use racesim::cli::strategy_of;
use racesim::history::Reply;

use super::ladder::{SAFE, assert_broken, assert_holds, forced};
use super::reports::happened;
use super::support::run;

/// With a fence, the real Redis was always asked for `NX PX`, whatever `--acquire` said, and the model
/// did as it was told: `set-ex` was never raced, and `setnx-then-expire` had a time to live that it
/// should not have. There is a counted way of each now.
#[test]
fn a_fenced_lock_is_taken_on_the_real_redis_as_acquire_says() {
    for fence in ["write", "check-and-write"] {
        let words = format!("locked --acquire set-ex --fence {fence}");
        let replayed = forced(&strategy_of(&words).unwrap(), "A.acquire B.acquire");
        let granted = Some(Reply::Granted);
        assert_eq!(replayed.replies[..2], [granted, granted], "{words}");
    }
    assert_broken(
        "locked --acquire set-ex --fence write",
        (SAFE, 2, &[]),
        6,
        2,
    );
    let forever = "locked --acquire setnx-then-expire --fence write";
    assert_broken(forever, (Property::NoEternalLock, 2, &["crash"]), 2, 0);
}

/// The race of the same: nothing was sold twice, and it was called safe.
#[test]
fn a_race_of_set_ex_with_a_fence_sells_the_seat_twice() {
    let words = "locked --acquire set-ex --fence write --users 100 --rounds 20 --format json";
    let ran = run(&words.split(' ').collect::<Vec<_>>());
    assert_eq!(ran.code, Some(1), "{}", ran.all());
}

/// Replay compared answers, outcomes and rows, and said that all agree where a lock had a time to live
/// on one side only. It compares who holds each lock after each move, and with which life.
#[test]
fn a_replay_tells_a_lock_that_is_held_otherwise_than_in_the_model() {
    // The model knows nothing of clocks: it has no lock that is over after a millisecond.
    let schedule = "A.acquire A.check:slow A.crash";
    let replay = |ttl: &str| run(&["replay", "locked", "--schedule", schedule, "--ttl", ttl]);
    assert_eq!(replay("600s").code, Some(0));
    let ran = replay("1ms");
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    let told = "the lock is free; in the model it is held by request 1 of A, with a time to live";
    assert!(ran.stdout.contains(told), "{}", ran.all());
}

/// A lock without a time to live ran out in a stall: the model said so, and the replay made it so with a
/// PEXPIRE of 0, and then agreed with itself. What has no end does not end.
#[test]
fn a_lock_without_a_time_to_live_does_not_run_out_and_nothing_makes_it() {
    let replay = |schedule: &str| {
        let words = ["locked", "--acquire", "setnx-then-expire"];
        run(&[&["replay"], &words[..], &["--schedule", schedule]].concat())
    };
    replay("A.acquire A.stall B.acquire").assert_refused(
        2,
        "move 2 of the schedule, 'A.stall', cannot be followed: the lock of A has no time to live, so it never runs out",
    );
    replay("A.acquire expire B.acquire")
        .assert_refused(2, "the lock has no time to live, so it never runs out");
    assert_eq!(
        replay("A.acquire A.set-ttl A.stall B.acquire").code,
        Some(0)
    );
    let words = "locked --acquire setnx-then-expire";
    for fault in ["expire", "stall"] {
        assert_broken(words, (SAFE, 2, &[fault]), 9, 2);
    }
}

/// The same in a race, on both kinds of locks.
#[test]
fn a_fault_ends_no_lock_of_a_race_that_has_no_end() {
    for redis in ["private", "embedded"] {
        let words =
            "locked --acquire setnx-then-expire --users 20 --fault expire:acquire:1 --format json";
        let ran = run(&[
            &words.split(' ').collect::<Vec<_>>()[..],
            &["--redis", redis],
        ]
        .concat());
        assert_eq!(ran.code, Some(0), "{}", ran.all());
        let happened = happened(&ran.race(), "expire:acquire:1");
        assert_eq!(happened, 0, "{redis}: {}", ran.all());
    }
}

/// A user of redlock that had some of its locks, and stalled before it knew whether they were enough,
/// was taken for one that goes by them: in 4 moves the search called mutual exclusion violated.
#[test]
fn a_stall_before_a_majority_was_had_is_no_lock_in_use() {
    let words = "redlock --nodes 3";
    assert_holds(words, Property::MutualExclusion, 2, &[]);
    let question = (Property::MutualExclusion, 2, &["stall:2"][..]);
    let schedule = assert_broken(words, question, 9, 1);
    let validated = schedule.find("A.validate");
    assert!(
        validated.is_some() && validated < schedule.find("A.stall"),
        "{schedule}"
    );
}

const INNOCENT: Property = Property::NoDoubleBookingInLease;

/// Explore let no renewed lock run out while its holder ran, though the watchdog lives only from the grant
/// to the end of the booking: after a give-up, and between the insert and the release, it does run out.
/// When a watchdog lives is said once, by the strategy's own code, to users who race and to the model.
#[test]
fn w1_and_w2_a_watchdog_lives_from_the_grant_to_the_end_of_the_booking_and_not_longer() {
    let words = "locked --renew --release del";
    let schedule = assert_broken(words, (INNOCENT, 3, &["expire", "give-up"]), 10, 2);
    assert!(schedule.contains("A.give-up expire"), "{schedule}");
    assert_broken(words, (Property::NoForeignRelease, 2, &["expire"]), 6, 1);
    for property in [INNOCENT, Property::NoForeignRelease] {
        assert_holds("locked --renew", property, 3, &["expire:2", "give-up:2"]);
    }
    assert_holds("locked --renew", SAFE, 3, &["expire:2"]);
    let replay = |schedule: &str| run(&["replay", "locked", "--renew", "--schedule", schedule]);
    replay("A.acquire expire")
        .assert_refused(2, "a watchdog extends the lock until its holder has booked");
    assert_eq!(
        replay("A.acquire A.check A.insert expire B.acquire").code,
        Some(0)
    );
}

/// In a race, no renewed lock was let run out at all. It is, exactly when no watchdog lives.
#[test]
fn a_renewed_lock_of_a_race_runs_out_exactly_when_its_watchdog_does_not_live() {
    let happened = |faults: &[&str]| -> Vec<u64> {
        let faults: Vec<&str> = faults.iter().flat_map(|it| ["--fault", it]).collect();
        let arguments = ["locked", "--renew", "--users", "1", "--format", "json"];
        let ran = run(&[&arguments[..], &faults].concat());
        let counts = ran.race().faults.into_iter();
        counts.map(|count| count.happened).collect()
    };
    assert_eq!(happened(&["expire:acquire"]), [0]);
    assert_eq!(happened(&["expire:check"]), [0]);
    assert_eq!(happened(&["expire:insert"]), [1]);
    assert_eq!(happened(&["expire:check", "give-up:check"]), [1, 1]);
    assert_eq!(happened(&["expire:check", "crash:check"]), [1, 1]);
}

/// A user that gave up between the two commands of its lock left it without an end, though whoever gives
/// up frees its lock.
#[test]
fn who_gives_up_before_its_lock_has_an_end_frees_it() {
    let words = "locked --acquire setnx-then-expire";
    assert_holds(
        words,
        Property::NoEternalLock,
        2,
        &["give-up", "lost-reply"],
    );
    let replayed = forced(
        &strategy_of(words).unwrap(),
        "A.acquire A.give-up A.release",
    );
    let released = Some(Reply::Released);
    assert_eq!(replayed.replies[2], released);
}

/// With the person's name as the lock's value, two users were always one person at two screens, and two
/// strangers were never looked at. A and B are one person, A and C are two, in the search as in a replay.
#[test]
fn the_search_looks_at_strangers_and_at_one_person_at_two_screens() {
    let strategy = strategy_of("locked --lock-value user").unwrap();
    let all = racesim::explore::interleavings(&strategy, 2, 10_000).unwrap();
    let of_strangers = all.iter().filter(|it| it.users() == 3).count();
    assert_eq!((of_strangers > 1, all.len()), (true, 2 * of_strangers));
    let drawn = racesim::explore::random_schedules(
        &strategy,
        &super::ladder::searching(4, &["expire"]),
        12,
    );
    for letters in ["ABCD", "ABCE", "ACEG"] {
        let has_last = |it: &&racesim::schedule::Schedule| {
            letters
                .chars()
                .all(|letter| it.to_string().contains(&format!("{letter}.acquire")))
        };
        assert!(drawn.iter().any(|it| has_last(&it)), "{letters}");
    }
    let last = |schedule: &str| {
        let replayed = forced(&strategy, schedule);
        (
            *replayed.replies.last().unwrap(),
            replayed.model.moves[3].change.clone(),
        )
    };
    let (reply, change) = last("A.acquire A.check expire B.acquire B.crash A.insert A.release");
    assert_eq!(reply, Some(Reply::Released));
    assert!(change.starts_with("A and B are one person; "), "{change}");
    let (reply, change) = last("A.acquire A.check expire C.acquire C.crash A.insert A.release");
    assert_eq!(reply, Some(Reply::NotHeld));
    assert!(change.starts_with("C is another person; "), "{change}");
    forced(
        &strategy,
        "A.acquire C.acquire E.acquire G.acquire I.acquire",
    );
}
