//! Do the real stores follow an interleaving, and do they do what the model says?

use std::collections::BTreeMap;

use racesim::checker::{Property, VerdictKind};
use racesim::client::Ttl;
use racesim::engine::Engine;
use racesim::explore::replay::{replay, replay_all};
use racesim::history::Reply;
use racesim::plan::Plan;
use racesim::services::{DatabaseChoice, ServiceChoice, Services};
use racesim::strategy::{Conditional, Locked, Naive, Unique};

use super::support::{Ran, RedisServer, on_a_runtime, run};

fn plan(users: u32) -> Plan {
    Plan::new(users.try_into().unwrap())
}

async fn engine(plan: &Plan) -> Engine {
    super::support::engine(plan, super::support::everything(1)).await
}

#[test]
fn naive_sells_the_seat_twice_on_real_sqlite_every_time_out_of_two_hundred() {
    on_a_runtime(async {
        let plan = plan(2);
        let engine = engine(&plan).await;
        for _ in 0..200 {
            let schedule = "A.check B.check A.insert B.insert".parse().unwrap();
            let replayed = replay(&engine, &Naive, &plan, schedule).await.unwrap();
            assert_eq!((replayed.rows.len(), replayed.differences), (2, vec![]));
        }
    });
}

#[test]
fn d3_and_d6_every_interleaving_of_three_books_once_on_real_sqlite() {
    on_a_runtime(async {
        let plan = plan(3);
        let engine = engine(&plan).await;
        let unique = replay_all(&engine, &Unique, &plan).await.unwrap();
        let conditional = replay_all(&engine, &Conditional, &plan).await.unwrap();
        assert!(unique.len() > 10 && conditional.len() > 5);
        for one in unique.iter().chain(&conditional) {
            assert_eq!(one.differences, [""; 0], "{}", one.schedule);
            assert_eq!(one.rows.len(), 1, "{}", one.schedule);
        }
    });
}

#[test]
fn every_interleaving_of_two_naive_users_is_six_and_four_of_them_double_book() {
    on_a_runtime(async {
        let plan = plan(2);
        let replayed = replay_all(&engine(&plan).await, &Naive, &plan)
            .await
            .unwrap();
        let mut by_rows = BTreeMap::new();
        for one in &replayed {
            assert_eq!(one.differences, [""; 0], "{}", one.schedule);
            *by_rows.entry(one.rows.len()).or_insert(0) += 1;
        }
        assert_eq!(by_rows, BTreeMap::from([(1, 2), (2, 4)]));
    });
}

#[test]
fn every_interleaving_of_three_users_of_a_lock_sells_the_seat_once() {
    let ran = run(&[
        "replay", "locked", "--all", "--users", "3", "--format", "json",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let report = ran.replayed();
    let all = BTreeMap::from([(1, report.interleavings)]);
    assert_eq!(report.by_bookings, all);
    assert_eq!(report.differences, [""; 0]);
    let lock = report.lock.unwrap();
    assert!(lock.to_string().starts_with("Redis "), "{lock}");
}

fn forced(strategy: &str, schedule: &str) -> Ran {
    let ran = run(&[
        "replay",
        strategy,
        "--schedule",
        schedule,
        "--format",
        "json",
    ]);
    assert_eq!(ran.code, Some(0), "{schedule}: {}", ran.all());
    ran
}

/// The bookings of the seat, and what the checker says does not hold.
fn outcome_of(ran: &Ran) -> (usize, Vec<Property>) {
    let report = ran.replayed();
    let (bookings, _) = report.by_bookings.first_key_value().unwrap();
    let verdicts = report.single.unwrap().verdicts.into_iter();
    let broken = verdicts.filter(|told| told.verdict == VerdictKind::Violated);
    (*bookings, broken.map(|told| told.property).collect())
}

#[test]
fn l1_a_lock_that_really_expires_sells_the_seat_twice() {
    let ran = forced(
        "locked",
        "A.acquire A.check expire B.acquire B.check B.insert A.insert",
    );
    let (bookings, broken) = outcome_of(&ran);
    assert_eq!(
        (bookings, broken),
        (
            2,
            vec![Property::NoDoubleBooking, Property::MutualExclusion]
        )
    );
}

#[test]
fn r1_a_redis_that_is_really_killed_and_started_again_has_forgotten_the_lock() {
    let ran = forced(
        "locked",
        "A.acquire A.check restart B.acquire B.check B.insert A.insert",
    );
    let (bookings, broken) = outcome_of(&ran);
    assert_eq!(
        (bookings, broken),
        (
            2,
            vec![Property::NoDoubleBooking, Property::MutualExclusion]
        )
    );
}

#[test]
fn l8_a_holder_that_crashes_leaves_the_seat_unsold() {
    let ran = forced("locked", "A.acquire A.crash B.acquire");
    assert_eq!(outcome_of(&ran), (0, vec![Property::SomeoneBooks]));
}

#[test]
fn l10_after_a_crash_behind_the_insert_later_users_are_told_locked() {
    let ran = forced("locked", "A.acquire A.check A.insert A.crash B.acquire");
    assert_eq!(outcome_of(&ran).0, 1);
    let last = ran.replayed().single.unwrap().moves.pop().unwrap();
    assert_eq!(
        (last.real, &*last.change),
        (Some(Reply::Held), "B is told 'locked'")
    );
}

#[test]
fn l11_a_lost_reply_to_set_is_followed_by_a_release_with_ones_own_token() {
    let ran = forced("locked", "A.acquire:lost-reply");
    let moves = ran.replayed().single.unwrap().moves;
    let release = moves.iter().find(|told| told.step == "A.release").unwrap();
    assert_eq!(release.real, Some(Reply::Released));
    assert_eq!(release.change, "the lock is free; A is told 'unknown'");
}

#[test]
fn l12_a_lost_reply_to_insert_is_unknown_and_the_row_is_there() {
    let ran = forced("locked", "A.acquire A.check A.insert:lost-reply A.release");
    assert_eq!(outcome_of(&ran), (1, vec![]));
    assert!(ran.stdout.contains("A is told 'unknown'"), "{}", ran.stdout);
}

#[test]
fn a_user_that_gives_up_frees_its_lock_and_the_next_one_books() {
    let ran = forced(
        "locked",
        "A.acquire A.check A.give-up A.release B.acquire B.check B.insert B.release",
    );
    assert_eq!(outcome_of(&ran), (1, vec![]));
}

#[test]
fn a_schedule_that_cannot_be_followed_says_where_and_what_is_possible() {
    let replay = |schedule: &str| run(&["replay", "locked", "--schedule", schedule]);
    replay("A.acquire A.insert").assert_refused(2, "move 2 of the schedule, 'A.insert', cannot be followed: the next step of A is check; possible here: A.check");
    replay("A.acquire B.acquire B.check").assert_refused(2, "B was already told 'locked'");
    replay("expire").assert_refused(
        2,
        "move 1 of the schedule, 'expire', cannot be followed: nothing is held that it could take away",
    );
    replay("A.chek").assert_refused(2, "move 1 of the schedule, 'A.chek', is not a move");
    replay("F.acquire").assert_refused(2, "the schedule names 6 users: a model has at most 5");
    run(&["replay", "locked"]).assert_refused(2, "nothing to replay");
    run(&["replay", "naive", "--all", "--users", "5"])
        .assert_refused(2, "5 users have more than 20000 interleavings");
}

#[test]
fn what_explore_recorded_is_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("found.json");
    let export = format!("json:{}", file.display());
    let file = file.to_str().unwrap();
    assert_eq!(
        run(&[
            "explore", "locked", "--fault", "expire", "--export", &export
        ])
        .code,
        Some(1)
    );
    let ran = run(&["replay", "--from", file, "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(outcome_of(&ran).0, 2);
    assert_eq!(
        run(&["explore", "locked", "--export", &export]).code,
        Some(0)
    );
    run(&["replay", "--from", file]).assert_refused(
        2,
        "no property in it is violated, so there is nothing to replay",
    );
    run(&["replay", "--from", "Cargo.toml"]).assert_refused(
        2,
        "cannot replay 'Cargo.toml': it is not what racesim explore --export json:FILE writes",
    );
    // What the parser of JSON said stood in the line.
    let folder = tempfile::tempdir().unwrap();
    for (text, why) in [
        (
            "{\"kind\":\"comparison\"}",
            "writes, but the report of a comparison",
        ),
        ("{\"kind\":\"exploration\"}", "json:FILE writes\n"),
        ("{\"kind\":\"exp", "json:FILE writes: it ends too early\n"),
        ("[]", "json:FILE writes\n"),
        ("no", "json:FILE writes: it is no JSON document\n"),
    ] {
        let file = folder.path().join("other.json");
        std::fs::write(&file, text).unwrap();
        run(&["replay", "--from", file.to_str().unwrap()]).assert_refused(2, why);
    }
    run(&["replay", "--from", "no-such-file"]).assert_refused(2, "cannot replay 'no-such-file'");
}

#[test]
fn a_server_of_ones_own_is_never_restarted_and_is_left_as_it_was() {
    let server = RedisServer::start("");
    let replay = |schedule: &str| {
        run(&[
            "replay",
            "locked",
            "--redis",
            &server.url(),
            "--schedule",
            schedule,
        ])
    };
    replay("A.acquire restart B.acquire").assert_refused(2, "'restart' kills or stops the server");
    assert_eq!(server.cli(&["DBSIZE"]), "0");
    assert_eq!(replay("A.acquire A.crash B.acquire").code, Some(0));
    assert_eq!(
        server.cli(&["DBSIZE"]),
        "0",
        "the lock of a crashed user is freed at the end"
    );
}

#[test]
fn real_stores_that_differ_from_the_model_are_found_out() {
    on_a_runtime(async {
        // The model knows nothing of a row that somebody else put there.
        let plan = plan(1);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("race.db");
        let choice = ServiceChoice {
            database: DatabaseChoice::File(path.clone()),
            ..ServiceChoice::default()
        };
        let services = Services::start(&choice, &plan, racesim::strategy::Needs::default(), &[])
            .await
            .unwrap();
        let engine = Engine::new(services);
        let intruder = rusqlite::Connection::open(&path).unwrap();
        let row = "PRAGMA foreign_keys = OFF; INSERT INTO bookings (run, seat, user, position) VALUES (1, 10, 5, 0)";
        intruder.execute_batch(row).unwrap();
        let replayed = replay(&engine, &Naive, &plan, "A.check".parse().unwrap())
            .await
            .unwrap();
        let differences = replayed.differences.join("\n");
        for difference in [
            "move 1, A.check: the model says 'available', the real stores 'taken'",
            "A takes no more steps, so not insert either",
            "A was told 'taken', in the model 'confirmed'",
            "the database has rows of E, the model of A",
        ] {
            assert!(differences.contains(difference), "{differences}");
        }
    });
}

#[test]
fn a_lock_keeps_its_promise_in_every_interleaving_of_the_library_too() {
    on_a_runtime(async {
        let plan = plan(2);
        let strategy = Locked::new(Ttl::default());
        for replayed in replay_all(&engine(&plan).await, &strategy, &plan)
            .await
            .unwrap()
        {
            assert_eq!((replayed.rows.len(), replayed.differences), (1, vec![]));
        }
    });
}

/// Where no Redis is installed the locks are racesim's own: the texts said "on the real stores".
#[test]
fn what_was_forced_without_a_redis_is_not_told_as_of_the_real_stores() {
    let stores = "the real database and racesim's own lock server";
    for arguments in [
        &["replay", "locked", "--all"][..],
        &["replay", "locked", "--schedule", "A.acquire A.check"],
        &[
            "replay",
            "locked",
            "--schedule",
            "A.acquire",
            "--format",
            "mermaid",
        ],
        &["matrix", "locked --renew", "--fault", "expire"],
    ] {
        let mut command = super::support::racesim(arguments);
        command.env("PATH", "/nowhere");
        let ran = super::support::finish(command);
        assert_eq!(ran.code, Some(0), "{}", ran.all());
        assert!(!ran.stdout.contains("real stores"), "{}", ran.stdout);
        assert!(ran.stdout.contains(stores), "{}", ran.stdout);
    }
    // Without any lock they are what they are called.
    let ran = super::support::run(&["replay", "naive", "--all"]);
    assert!(
        ran.stdout.contains("replayed on the real stores"),
        "{}",
        ran.stdout
    );
}
