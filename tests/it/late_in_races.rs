//! Messages of a race that are late, or never arrive: what they break, and what is refused.

use super::messages::{assert_holds, broken, named};
use super::reports::{happened as happened_of, metric, total};
use super::support::{Ran, RedisServer, on_a_runtime, run};
use racesim::checker::{Property, VerdictKind};
use racesim::engine::{Engine, EngineError};
use racesim::explore::replay::replay;
use racesim::history::Reply;
use racesim::plan::Plan;

#[test]
fn what_is_left_behind_is_judged_when_nothing_is_on_its_way_any_more() {
    // The seat is not unsold while an insert is on its way, nor is a lock left that is to be freed.
    assert_holds("naive", Property::SomeoneBooks, 1, &["late"]);
    broken(
        &named("naive"),
        Property::SomeoneBooks,
        1,
        &["lost-request"],
    );
    assert_holds("hold", Property::NoLockLeft, 2, &["late"]);
    // A lock that is taken after it was freed stays.
    let left = broken(&named("locked"), Property::NoLockLeft, 2, &["late"]);
    assert_eq!(left, "A.acquire:late A.release A.acquire arrives");
}

fn raced(arguments: &[&str]) -> Ran {
    run(&[arguments, &["--format", "json", "--seed", "5"]].concat())
}

fn happened(ran: &Ran) -> u64 {
    ran.race().faults[0].happened
}

/// Three users who take the lock one after another: each waits for the one before it.
const IN_TURN: [&str; 5] = ["locked", "--users", "3", "--on-busy", "wait:1m"];

/// All three have looked long before the first insert arrives: a round trip each, against two seconds.
#[test]
fn late_inserts_of_a_race_sell_the_seat_twice_and_a_constraint_keeps_it() {
    let late = ["--fault", "late:2s:insert"];
    let ran = raced(&[&IN_TURN[..], &late].concat());
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    assert_eq!(happened(&ran), 3);
    // Whoever was told "no reply" has a row by now, and it was counted.
    assert_eq!(metric(&ran.race(), "unknown"), 3);
    assert_eq!(metric(&ran.race(), "bookings"), 3);
    assert_eq!(metric(&ran.race(), "double_bookings"), 2);
    let ran = raced(&[&IN_TURN[..], &late, &["--unique"]].concat());
    // The seat is kept. Whether a late insert was refused under the lock of another, no history tells.
    assert_eq!(ran.code, Some(3), "{}", ran.all());
    let race = ran.race();
    assert_eq!(metric(&race, "bookings"), 1);
    let verdicts = race.verdicts.iter();
    let unsure = verdicts.filter(|it| it.verdict != VerdictKind::Holds);
    let unsure: Vec<Property> = unsure.map(|it| it.property).collect();
    assert_eq!(unsure, [Property::MutualExclusion]);
}

/// Each frees the lock that it may have, at once; the lock is taken a second later.
#[test]
fn locks_that_are_taken_late_are_left_behind_said_and_removed() {
    let late = ["--fault", "late:1s:acquire", "--rounds", "2"];
    let ran = raced(&[&["locked", "--users", "3"][..], &late].concat());
    assert_eq!(happened(&ran), 6);
    assert_eq!(total(&ran.race(), "locks_left"), 2, "{}", ran.all());
    assert_eq!(ran.race().troubles, [""; 0]);
}

#[test]
fn a_release_that_never_arrives_keeps_everybody_else_out_of_a_race() {
    let lost = ["--fault", "lost-request:release"];
    let ran = raced(&[&["locked", "--users", "30"][..], &lost].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let race = ran.race();
    assert_eq!(metric(&race, "bookings"), 1);
    assert_eq!(metric(&race, "refused_locked"), 29);
    assert_eq!(happened(&ran), 1);
    let ran = raced(&["naive", "--users", "20", "--fault", "lost-request:insert"]);
    assert_eq!(metric(&ran.race(), "bookings"), 0, "{}", ran.all());
    assert_eq!(metric(&ran.race(), "unknown"), 20);
}

// A request that came later than the end of the race would wait was called a failed service, which
// none was: it is refused before the race.
#[test]
fn what_would_arrive_after_the_end_of_the_race_is_refused_before_it() {
    let late = |time: &str| format!("late:{time}:insert");
    for time in ["60s", "300ms"] {
        let fault = late(time);
        run(&["naive", "--fault", &fault, "--timeout", "300ms"])
            .assert_refused(2, "arrives after --timeout 300ms");
    }
    let in_time = [
        "naive",
        "--users",
        "3",
        "--fault",
        &late("50ms"),
        "--timeout",
        "2s",
    ];
    let ran = raced(&in_time);
    assert_eq!(metric(&ran.race(), "bookings"), 3, "{}", ran.all());
}

// A Redis that stands still for longer than anybody waits kept the race going, or was reported as "never
// fired" while it stood still.
#[test]
fn a_pause_that_nobody_waits_for_is_refused() {
    for time in ["1s", "100h"] {
        let fault = format!("pause-redis:{time}");
        let race = ["locked", "--users", "5", "--timeout", "1s", "--fault"];
        run(&[&race[..], &[&fault]].concat()).assert_refused(2, "after which Redis is given up");
    }
}

// A release that was on its way when a restart cut its connection was called a failure of the service,
// exit 4: the restart was asked for, and nothing failed.
#[test]
fn what_a_restart_cuts_off_is_no_failure_of_the_service() {
    let one_after_another = [
        "locked",
        "--users",
        "2",
        "--concurrency",
        "1",
        "--ttl",
        "50ms",
        "--on-busy",
        "wait:2s",
    ];
    let faults = [
        "--fault",
        "late:400ms:release:1",
        "--fault",
        "restart:acquire:0.5",
        "--seed",
        "1",
    ];
    let ran = run(&[&one_after_another[..], &faults, &["--format", "json"]].concat());
    let race = ran.race();
    assert_eq!(
        happened_of(&race, "restart:acquire:0.5"),
        1,
        "{}",
        ran.all()
    );
    assert_eq!(race.troubles, [""; 0]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
}

/// The command is with the server but for its last byte, also where it is reached by TCP and wants a
/// password; not even a number of it is done before it is let go.
#[test]
fn a_command_is_held_back_on_its_way_to_a_server_of_ones_own() {
    let server = RedisServer::with_password("geheim");
    let url = format!("redis://:geheim@127.0.0.1:{}", server.port);
    let arguments = ["locked", "--users", "1", "--redis", &url];
    let late = ["--fault", "late:50ms:acquire"];
    let ran = raced(&[&arguments[..], &late].concat());
    assert_eq!(happened(&ran), 1, "{}", ran.all());
    let left = &ran.race().locks_left[0];
    assert_eq!(left.seat.to_string(), "10", "{}", ran.all());
    assert_eq!(
        server.cli(&["-a", "geheim", "--no-auth-warning", "DBSIZE"]),
        "0"
    );
}

#[test]
fn a_command_to_racesims_own_lock_server_is_late_too() {
    on_a_runtime(async {
        let plan = Plan::new(2.try_into().unwrap());
        let choice = racesim::services::ServiceChoice {
            redis: racesim::services::RedisChoice::Embedded,
            ..racesim::services::ServiceChoice::default()
        };
        let needs = super::support::everything(1);
        let services = racesim::services::Services::start(&choice, &plan, needs, &[]).await;
        let engine = Engine::new(services.unwrap());
        let schedule =
            "A.acquire:late A.release B.acquire B.check B.insert B.release A.acquire arrives";
        let locked = named("locked");
        let replayed = replay(&engine, &locked, &plan, schedule.parse().unwrap()).await;
        let replayed = replayed.unwrap();
        assert_eq!(replayed.differences, [""; 0]);
        assert_eq!(replayed.replies[6], Some(Reply::Granted));
        // Nothing of an earlier schedule is left on its way.
        let again = "A.acquire arrives".parse().unwrap();
        let forced = engine.force(&locked, &plan, &again).await;
        assert!(
            matches!(&forced, Ok(forced) if forced.diverged.is_some())
                || matches!(forced, Err(EngineError::Diverged(_)))
        );
    });
}
