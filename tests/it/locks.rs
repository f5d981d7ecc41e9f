//! Do the locks of the model and the real ones live alike: who takes one, how long it lives, what ends it?

use racesim::checker::Property;

use super::ladder::{SAFE, assert_broken, assert_holds, forced};
use super::support::run;
use racesim::cli::strategy_of;

/// With a fence, the real Redis was always asked for `NX PX`, whatever `--acquire` said, and the model
/// did as it was told: `set-ex` was never raced, and `setnx-then-expire` had a time to live that it
/// should not have. There is a counted way of each now.
#[test]
fn a_fenced_lock_is_taken_on_the_real_redis_as_acquire_says() {
    for fence in ["write", "check-and-write"] {
        let words = format!("locked --acquire set-ex --fence {fence}");
        let replayed = forced(&strategy_of(&words).unwrap(), "A.acquire B.acquire");
        let granted = Some(racesim::history::Reply::Granted);
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
    for redis in ["private", "in-process"] {
        let words =
            "locked --acquire setnx-then-expire --users 20 --fault expire:acquire:1 --format json";
        let ran = run(&[
            &words.split(' ').collect::<Vec<_>>()[..],
            &["--redis", redis],
        ]
        .concat());
        assert_eq!(ran.code, Some(0), "{}", ran.all());
        let happened = &ran.json()["races"][0]["faults"][0]["happened"];
        assert_eq!(happened.as_u64(), Some(0), "{redis}: {}", ran.all());
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
