//! Does a race, a search or a replay of one's own read like a test, and say why it fails?

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use racesim::checker::{Property, Verdict};
use racesim::client::{Client, StepError};
use racesim::history::Outcome;
use racesim::strategy::{Locked, Naive, Strategy, Transaction, Unique};
use racesim::{BuilderError, explore, race, replay};

use super::support::on_a_runtime;

/// What an assertion says that fails.
fn said(assertion: impl FnOnce()) -> String {
    let failed = catch_unwind(AssertUnwindSafe(assertion)).expect_err("the assertion fails");
    *failed.downcast::<String>().expect("it says why")
}

/// The strategy of whoever embeds racesim.
#[derive(Clone)]
struct Own;

impl Strategy for Own {
    fn name(&self) -> &'static str {
        "own"
    }

    async fn attempt(&self, client: &mut Client) -> Result<Outcome, StepError> {
        Naive.attempt(client).await
    }
}

#[test]
fn a_race_is_put_together_run_and_asserted_in_a_line() {
    on_a_runtime(async {
        let raced = race(Unique).users(50).rounds(3).seats(4).seed(7).run();
        let raced = raced.await.unwrap();
        raced.assert_one_booking();
        raced.assert_holds(Property::NoPhantomSuccess);
        assert_eq!(raced.histories().count(), 3);
        assert_eq!(raced.stats().double_bookings(), Some(0));
    });
}

#[test]
fn a_race_that_sells_a_seat_twice_says_to_whom_and_in_which_steps() {
    on_a_runtime(async {
        let raced = race(Own).users(20).rounds(2).seed(7).run().await.unwrap();
        assert!(matches!(
            raced.verdict(Property::NoDoubleBooking),
            Verdict::Violated(_)
        ));
        let said = said(|| raced.assert_one_booking());
        let begins =
            "no-double-booking of 'own' is violated in round 1 of 2: seat 10 was sold to user ";
        assert!(said.starts_with(begins), "{said}");
        assert_eq!(said.matches(" inserted  ").count(), 2, "{said}");
        assert!(said.contains("seat 10 is sold AGAIN"), "{said}");
        assert!(said.contains("The seed, 7, fixes who wants what"), "{said}");
    });
}

#[test]
fn a_race_that_leaves_the_seat_unsold_fails_too() {
    on_a_runtime(async {
        let crashing = race(Locked::default()).users(5).fault("crash:acquire");
        let raced = crashing.run().await.unwrap();
        let said = said(|| raced.assert_one_booking());
        assert!(
            said.starts_with("someone-books of 'locked' is violated in round 1 of 1"),
            "{said}"
        );
    });
}

#[test]
fn a_search_says_the_shortest_schedule_its_answers_and_how_to_replay_it() {
    explore(Unique)
        .users(3)
        .fault("lost-reply:2")
        .assert_holds(Property::NoDoubleBooking);
    let schedule = "A.check B.check A.insert B.insert";
    let found = explore(Own).run(Property::NoDoubleBooking).unwrap();
    assert_eq!(found.schedule().unwrap().to_string(), schedule);
    let said_of_own = said(|| found.assert_holds());
    let begins =
        "no-double-booking of 'own' is violated in 4 moves, the fewest possible:\n  A.check  ";
    assert!(said_of_own.starts_with(begins), "{said_of_own}");
    let call = format!("racesim::replay(strategy).schedule(\"{schedule}\").run().await");
    assert!(said_of_own.ends_with(&call), "{said_of_own}");
    // The command line knows those that racesim brings.
    let said_of_naive = said(|| explore(Naive).assert_holds(Property::NoDoubleBooking));
    let line = format!("\nor: racesim replay naive --schedule '{schedule}'");
    assert!(said_of_naive.ends_with(&line), "{said_of_naive}");
}

#[test]
fn what_a_search_says_can_be_replayed() {
    on_a_runtime(async {
        let found = explore(Own)
            .users(2)
            .run(Property::NoDoubleBooking)
            .unwrap();
        let replayed = replay(Own).schedule(found.schedule().unwrap()).run();
        let replayed = replayed.await.unwrap();
        assert_eq!((replayed.rows.len(), replayed.differences), (2, Vec::new()));
    });
}

#[test]
fn a_search_that_ends_early_holds_nothing() {
    let found = explore(Own).users(5).limit_states(3);
    let said = said(|| found.assert_holds(Property::MutualExclusion));
    assert!(
        said.starts_with("mutual-exclusion of 'own' is unknown after "),
        "{said}"
    );
}

#[test]
fn what_cannot_run_is_an_error_and_no_panic() {
    on_a_runtime(async {
        let second = Duration::from_secs(1);
        for (builder, why) in [
            (race(Naive).users(0), "there are no users: give at least 1"),
            (
                race(Naive).rounds(0).users(0),
                "there are no rounds: give at least 1",
            ),
            (
                race(Naive).payment(second, Duration::ZERO),
                "the payment range 1s..0ms is reversed: write 0ms..1s",
            ),
            (race(Naive).fault("explode"), "unknown fault 'explode'"),
            (
                race(Naive).fault("expire"),
                "the fault 'expire:0.1' can never happen to 'naive': it holds nothing for a time",
            ),
            (
                race(Naive).fault("crash:acquire"),
                "it has no step 'acquire'",
            ),
            (
                race(Naive).fault("late:9s"),
                "the fault 'late:9s:0.1' lasts longer than anybody waits, 5s",
            ),
            (
                race(Naive).redis("nonsense"),
                "this is not the URL of a Redis",
            ),
            (race(Naive).users(u32::MAX), "users need about"),
            (
                race(Naive).database("/no/such/folder/a.db"),
                "/no/such/folder",
            ),
        ] {
            let error = builder.run().await.unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        let stalling = race(Locked::default()).fault("stall:check");
        let error = stalling.run().await.unwrap_err();
        assert!(matches!(error, BuilderError::Long { .. }), "{error}");
        for (schedule, why) in [
            ("", "empty"),
            ("A.chek", "'A.chek'"),
            ("A.insert", "cannot be followed"),
        ] {
            let error = replay(Naive).schedule(schedule).run().await.unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
    });
}

#[test]
fn what_cannot_be_searched_is_an_error_and_no_panic() {
    for (builder, why) in [
        (
            explore(Transaction::default()).users(0),
            "there are no users",
        ),
        (
            explore(Transaction::default()).users(6),
            "a search has at most 5 users, and not 6",
        ),
        (
            explore(Transaction::default()).fault("crash:0"),
            "unknown fault 'crash:0'",
        ),
        (
            explore(Transaction::default()).fault("restart"),
            "it asks no Redis",
        ),
    ] {
        let error = builder.run(Property::NoDoubleBooking).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[test]
fn without_a_runtime_a_race_is_refused() {
    let mut running = std::pin::pin!(race(Naive).run());
    let waker = std::task::Waker::noop();
    let polled = running
        .as_mut()
        .poll(&mut std::task::Context::from_waker(waker));
    assert!(matches!(
        polled,
        std::task::Poll::Ready(Err(BuilderError::NoRuntime))
    ));
}

/// Locks that were kept in no Redis, because there was none, let a test pass that tested none.
#[test]
fn no_redis_is_raced_only_where_the_test_says_so() {
    on_a_runtime(async {
        let embedded = race(Locked::default()).embedded_locks().users(20);
        embedded.run().await.unwrap().assert_one_booking();
        let real = race(Locked::default()).users(20).run().await.unwrap();
        let lock = real.histories().next().unwrap().header.lock.clone();
        assert!(lock.unwrap().to_string().contains("a private server"));
    });
}

/// Takes a lock, and does not say that it needs one.
#[derive(Debug, Clone)]
struct Forgetful;

impl Strategy for Forgetful {
    fn name(&self) -> &'static str {
        "forgetful"
    }

    async fn attempt(&self, client: &mut Client) -> Result<Outcome, StepError> {
        Locked::default().attempt(client).await
    }
}

// Each acquire failed, nobody booked, and every promise was said to hold.
#[test]
fn a_search_of_a_lock_that_nothing_serves_is_refused() {
    let refused = explore(Forgetful).run(Property::NoDoubleBooking);
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("let them say `locks: 1`"), "{refused}");
}
