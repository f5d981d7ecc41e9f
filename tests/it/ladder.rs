//! Does each strategy, and each way to do its parts, behave as it is known to? Searched, and forced on
//! the real stores. The names are those of the lines that say what is known.

use super::reports::{metric, race_of};
use super::support::{on_a_runtime, run};
use racesim::checker::Property;
use racesim::cli::strategy_of;
use racesim::client::{Check, Client, Insert, Isolation, StepError};
use racesim::engine::Engine;
use racesim::explore::replay::{Replayed, replay, replay_all};
use racesim::explore::{Search, SearchVerdict, search};
use racesim::history::{Outcome, Reply};
use racesim::plan::Plan;
use racesim::strategy::{Needs, Strategy};

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
pub(crate) fn assert_one_booking_in_every_interleaving(words: &str, users: u32) {
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
            conditional_delete: false,
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
