//! What goes wrong in a race: does it, for whom, and is it said?

use super::reports::{metric, total, verdict_on};
use super::support::{LIMIT, Ran, run};
use racesim::checker::{Property, VerdictKind};
use racesim::explore::{Search, random_schedules};
use racesim::history::Step;
use racesim::schedule::{Delivery, Move};
use racesim::strategy::Strategy;
use std::collections::BTreeSet;
use std::time::Duration;

pub(crate) fn raced(arguments: &[&str]) -> Ran {
    run(&[arguments, &["--format", "json", "--seed", "5"]].concat())
}

/// How often each fault happened.
#[track_caller]
pub(crate) fn happened(ran: &Ran) -> Vec<(String, u64)> {
    let faults = ran.race().faults.into_iter();
    faults.map(|count| (count.fault, count.happened)).collect()
}

/// What is left of a time to live of ten minutes: all of it but for the time of the run, which had an
/// end within the limit of every test.
#[track_caller]
fn assert_almost_all_is_left(left: Duration) {
    let ttl = Duration::from_mins(10);
    assert!(left <= ttl && left + LIMIT >= ttl, "{left:?}");
}

#[test]
fn a_holder_that_crashes_leaves_the_seat_unsold_and_the_report_says_for_how_long() {
    let ran = raced(&["locked", "--users", "50", "--fault", "crash:acquire"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    let race = ran.race();
    assert_eq!(metric(&race, "bookings"), 0);
    assert_eq!(metric(&race, "seats_unsold"), 1);
    assert_eq!(
        metric(&race, "unknown"),
        1,
        "nobody knows what became of it"
    );
    assert_eq!(metric(&race, "refused_locked"), 49);
    assert_eq!(happened(&ran), [("crash:acquire:1".to_owned(), 1)]);
    let left = &race.locks_left[0];
    assert_eq!(
        (left.seat.to_string(), left.is_sold),
        ("10".to_owned(), false)
    );
    assert_almost_all_is_left(Duration::from_millis(left.left_ms.unwrap()));
    let text = run(&["locked", "--users", "5", "--fault", "crash:acquire"]).stdout;
    let told = "Seat 10 was not sold, and stays locked for another ";
    let time = text.split_once(told).map_or("", |(_, rest)| rest);
    let time = time.lines().next().unwrap_or_default();
    // It was told in milliseconds, six figures long; docs/faults.md shows seconds.
    let seconds: Option<f64> = time.strip_suffix("s.").and_then(|time| time.parse().ok());
    let seconds = seconds.unwrap_or_else(|| panic!("'{time}' is not told in seconds"));
    assert_almost_all_is_left(Duration::from_secs_f64(seconds));
}

#[test]
fn a_claim_of_a_holder_that_crashes_keeps_the_seat_and_the_report_says_for_how_long() {
    let ran = raced(&["hold", "--users", "20", "--fault", "crash:hold"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    let left = &ran.race().locks_left[0];
    assert!(!left.is_sold);
    assert_almost_all_is_left(Duration::from_millis(left.left_ms.unwrap()));
}

#[test]
fn a_lock_without_an_end_is_said_to_be_left_for_ever() {
    let arguments = ["locked", "--acquire", "setnx-then-expire", "--users", "5"];
    let ran = run(&[&arguments[..], &["--fault", "crash:acquire"]].concat());
    assert!(
        ran.stdout
            .contains("stays locked for ever: its lock has no time to live"),
        "{}",
        ran.stdout
    );
}

#[test]
fn every_round_begins_without_the_locks_of_the_one_before() {
    let arguments = [
        "locked",
        "--users",
        "10",
        "--rounds",
        "3",
        "--fault",
        "crash:insert",
    ];
    let ran = raced(&arguments);
    assert_eq!(total(&ran.race(), "bookings"), 3, "{}", ran.all());
    assert_eq!(happened(&ran), [("crash:insert:1".to_owned(), 3)]);
}

/// Two users, of whom one sleeps past its lease while the other waits for the lock: what comes between
/// the end of the lease and the end of the sleep is a second, in which two steps are to be taken.
#[test]
fn a_stall_past_the_lease_sells_the_seat_twice() {
    let arguments = [
        "locked",
        "--users",
        "2",
        "--on-busy",
        "wait:1m",
        "--ttl",
        "2s",
    ];
    let ran = raced(&[&arguments[..], &["--fault", "stall:check"]].concat());
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    assert_eq!(happened(&ran), [("stall:check:1".to_owned(), 2)]);
    assert_eq!(metric(&ran.race(), "double_bookings"), 1);
    let fenced = ["--fence", "check-and-write", "--fault", "stall:check"];
    let ran = raced(&[&arguments[..], &fenced].concat());
    assert_eq!(metric(&ran.race(), "double_bookings"), 0, "{}", ran.all());
}

#[test]
fn a_stall_that_would_sleep_for_minutes_is_refused() {
    run(&["locked", "--fault", "stall"])
        .assert_refused(2, "'stall' sleeps longer than the time to live, 600s");
}

#[test]
fn a_restart_in_the_middle_sells_the_seat_twice_and_is_no_trouble_of_the_service() {
    let arguments = [
        "locked",
        "--users",
        "40",
        "--arrive-over",
        "200ms",
        "--payment",
        "40ms",
    ];
    let ran = raced(&[&arguments[..], &["--fault", "restart:check"]].concat());
    assert_eq!(happened(&ran), [("restart:check:1".to_owned(), 1)]);
    assert!(metric(&ran.race(), "double_bookings") > 0, "{}", ran.all());
    assert_eq!(ran.race().troubles, [""; 0]);
}

#[test]
fn a_redis_that_stands_still_makes_everybody_wait() {
    let ran = raced(&["locked", "--users", "20", "--fault", "pause-redis:150ms"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(happened(&ran), [("pause-redis:150ms:1".to_owned(), 1)]);
    let waited_ms = ran.race().figures.median("duration").unwrap();
    assert!(waited_ms >= 150.0, "{waited_ms}");
}

#[test]
fn what_is_slow_is_slow_at_every_step() {
    let ran = raced(&["naive", "--users", "20", "--fault", "slow:30ms"]);
    assert_eq!(happened(&ran), [("slow:30ms:1".to_owned(), 40)]);
    let fastest_ms = ran.race().figures.median("latency_p50").unwrap();
    assert!(fastest_ms >= 60.0, "{fastest_ms}");
}

#[test]
fn a_lost_reply_leaves_the_user_in_the_dark_and_the_row_in_place() {
    let ran = raced(&["unique", "--users", "30", "--fault", "lost-reply:insert"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(metric(&ran.race(), "bookings"), 1);
    assert_eq!(metric(&ran.race(), "unknown"), 30);
}

#[test]
fn a_user_that_gives_up_frees_its_lock() {
    let arguments = ["locked", "--users", "20", "--fault", "give-up:check:0.3"];
    let ran = raced(&[&arguments[..], &["--arrive-over", "200ms"]].concat());
    assert_eq!(metric(&ran.race(), "bookings"), 1, "{}", ran.all());
    assert_eq!(metric(&ran.race(), "locks_left"), 0);
}

#[test]
fn a_transaction_of_a_user_that_crashes_is_undone() {
    let ran = raced(&["transaction", "--users", "8", "--fault", "crash:insert:0.5"]);
    let race = ran.race();
    let crashed = happened(&ran)[0].1;
    assert!(crashed > 0);
    assert_eq!(metric(&race, "unknown"), crashed);
    assert_eq!(metric(&race, "bookings"), metric(&race, "confirmed"));
}

/// What a strategy says of its steps is what its users do, whatever goes wrong: none more, none fewer.
#[test]
fn the_steps_that_a_strategy_names_are_those_that_its_users_take() {
    let faults = [
        "expire:2",
        "stall:2",
        "crash",
        "give-up",
        "lost-reply:2",
        "late",
        "restart",
    ];
    for words in [
        "naive",
        "locked",
        "locked --acquire setnx-then-expire --release get-then-del",
        "locked --on-busy wait:1s --release none --fence check-and-write",
        "locked --release-order after-commit",
        "locked --release-order before-commit --unique",
        "unique",
        "conditional",
        "optimistic --retries 1",
        "hold",
        "transaction --begin deferred --retries 1",
        "redlock --nodes 2 --retries 1",
        "redlock --nodes 1 --retries 0",
    ] {
        let strategy = racesim::cli::strategy_of(words).unwrap();
        let search = Search {
            users: 3,
            faults: faults.map(|fault| fault.parse().unwrap()).to_vec(),
            ..Search::default()
        };
        let mut taken = BTreeSet::new();
        let mut late = BTreeSet::new();
        for schedule in random_schedules(&strategy, &search, 2000) {
            for one in schedule.0 {
                if let Move::Step { step, reply, .. } = one {
                    taken.insert(step);
                    late.extend((reply == Delivery::Late).then_some(step));
                }
            }
        }
        // The model takes no time to pay.
        taken.insert(Step::Pay);
        let named: BTreeSet<Step> = strategy.steps().unwrap().into_iter().collect();
        assert_eq!(taken, named, "{words}");
        let named: BTreeSet<Step> = strategy.late_steps().unwrap().into_iter().collect();
        assert_eq!(late, named, "{words}");
    }
}

#[test]
fn one_seed_strikes_the_same_users() {
    let strike = || {
        let ran = raced(&["naive", "--users", "200", "--fault", "crash:check:0.2"]);
        (happened(&ran), metric(&ran.race(), "unknown"))
    };
    let (first, again) = (strike(), strike());
    assert_eq!(first, again);
    assert!((20..=60).contains(&first.1), "{first:?}");
}

#[test]
fn a_holder_of_several_locks_that_crashes_leaves_them_and_the_next_round_begins_without() {
    let arguments = ["redlock", "--nodes", "3", "--users", "1", "--rounds", "2"];
    let ran = raced(&[&arguments[..], &["--fault", "crash:insert"]].concat());
    let race = ran.race();
    assert_eq!(total(&race, "bookings"), 2, "{}", ran.all());
    // A seat is left locked however many of its locks are.
    assert_eq!(total(&race, "locks_left"), 2);
    assert!(!race.is_unknown());
}

#[test]
fn a_stall_after_the_majority_is_seen_as_two_who_go_by_the_lock() {
    // The second tries again until the lease of the first is over, and has a second then.
    let arguments = [
        "redlock",
        "--nodes",
        "3",
        "--users",
        "2",
        "--retries",
        "100000",
    ];
    let stall = ["--ttl", "2s", "--fault", "stall:check"];
    let ran = raced(&[&arguments[..], &stall[..]].concat());
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    assert_eq!(metric(&ran.race(), "double_bookings"), 1);
    let verdict = |property| verdict_on(&ran.race().verdicts, property);
    assert_eq!(verdict(Property::MutualExclusion), VerdictKind::Violated);
    assert_eq!(verdict(Property::NoForeignRelease), VerdictKind::Holds);
}

#[test]
fn redlock_races_on_servers_of_ones_own() {
    let servers = [(); 3].map(|()| super::support::RedisServer::start(""));
    let urls: Vec<String> = servers
        .iter()
        .map(super::support::RedisServer::url)
        .collect();
    // As often as it takes: all of them may be refused by each other.
    let mut arguments = vec!["redlock", "--users", "20", "--format", "json"];
    arguments.extend(["--retries", "200"]);
    for url in &urls {
        arguments.extend(["--redis", url]);
    }
    let ran = run(&arguments);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(metric(&ran.race(), "bookings"), 1);
    assert!(ran.race().header.settings.contains("--nodes 3"));
    for server in servers {
        assert_eq!(server.cli(&["DBSIZE"]), "0");
    }
}

/// A release whose reply was lost was counted as a lock that is left, though Redis was asked and held none.
#[test]
fn a_lock_that_the_server_does_not_hold_is_not_left() {
    let ran = super::support::run(&[
        "locked",
        "--users",
        "5",
        "--fault",
        "lost-reply:release:1",
        "--assert",
        "locks_left == 0",
        "--format",
        "json",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(metric(&ran.race(), "locks_left"), 0);
}
