//! Messages that are late, or never arrive: what they break in the search, on the real stores and in
//! races. No message was ever late before, and none was lost on its way to a service.

use racesim::checker::{Property, VerdictKind};
use racesim::cli::strategy_of;
use racesim::client::{Client, Guard, StepError};
use racesim::engine::{Engine, EngineError};
use racesim::explore::replay::{Replayed, replay};
use racesim::explore::{Search, SearchVerdict, follow, search};
use racesim::history::{Outcome, Reply};
use racesim::plan::Plan;
use racesim::strategy::{BuiltIn, Needs, Strategy};

use super::reports::{answer_to, happened as happened_of, metric, total};
use super::support::{Ran, RedisServer, on_a_runtime, run};

fn named(words: &str) -> BuiltIn {
    strategy_of(words).unwrap()
}

fn answer<S: Strategy>(
    strategy: &S,
    property: Property,
    users: u32,
    faults: &[&str],
) -> SearchVerdict {
    let faults = faults.iter().map(|fault| fault.parse().unwrap()).collect();
    let searched = Search {
        users,
        faults,
        ..Search::default()
    };
    search(strategy, property, &searched).answer
}

/// The shortest schedule that breaks the property; it does so on the real stores too.
#[track_caller]
fn broken<S: Strategy>(strategy: &S, property: Property, users: u32, faults: &[&str]) -> String {
    let SearchVerdict::Violated(schedule) = answer(strategy, property, users, faults) else {
        panic!("nothing breaks {property} of {}", strategy.name());
    };
    forced(strategy, &schedule.to_string());
    schedule.to_string()
}

#[track_caller]
fn assert_holds(words: &str, property: Property, users: u32, faults: &[&str]) {
    let found = answer(&named(words), property, users, faults);
    assert_eq!(
        found,
        SearchVerdict::Holds,
        "{words}: {property} under {faults:?}"
    );
}

/// Forces a schedule on the real stores, which do what the model says.
#[track_caller]
fn forced<S: Strategy>(strategy: &S, schedule: &str) -> Replayed {
    on_a_runtime(async {
        let schedule: racesim::schedule::Schedule = schedule.parse().unwrap();
        let plan = Plan::new(schedule.users().max(2).try_into().unwrap());
        let engine = super::support::engine(&plan, super::support::everything(3)).await;
        let replayed = replay(&engine, strategy, &plan, schedule).await.unwrap();
        assert_eq!(replayed.differences, [""; 0], "{}", replayed.schedule);
        replayed
    })
}

/// Why a schedule cannot be followed.
#[track_caller]
fn refused(words: &str, schedule: &str) -> String {
    let error = follow(&named(words), &schedule.parse().unwrap(), 2);
    error.unwrap_err().to_string()
}

/// A's insert waited behind another writer, A was told that there was no reply and freed its lock, B came
/// in, and A's insert landed: two rows under a lock that never ran out. The search said that this cannot
/// be.
#[test]
fn x1_a_late_insert_sells_the_seat_twice_under_a_lock_that_did_not_run_out() {
    let locked = named("locked");
    for property in [Property::NoDoubleBooking, Property::NoDoubleBookingInLease] {
        let schedule = broken(&locked, property, 2, &["late"]);
        assert!(
            schedule.starts_with("A.acquire A.check A.insert:late A.release B.acquire B.check"),
            "{schedule}"
        );
        assert_eq!(
            schedule
                .parse::<racesim::schedule::Schedule>()
                .unwrap()
                .0
                .len(),
            8
        );
        assert!(schedule.contains("A.insert arrives"), "{schedule}");
    }
    let replayed = forced(
        &locked,
        "A.acquire A.check A.insert:late A.release B.acquire B.check A.insert arrives B.insert B.release",
    );
    let arrival = &replayed.model.moves[6];
    assert_eq!(
        (replayed.replies[6], arrival.change.as_str()),
        (
            Some(Reply::Inserted),
            "the seat is sold; nobody hears the reply"
        )
    );
    assert_eq!(replayed.model.outcomes[0], Some(Outcome::Unknown));
    // The rows have the order in which they landed, not the one in which they were sent.
    let users: Vec<u32> = replayed.rows.iter().map(|user| user.0).collect();
    assert_eq!(users, [1, 2]);
    let last = forced(
        &locked,
        "A.acquire A.check A.insert:late A.release B.acquire B.check B.insert A.insert arrives",
    );
    let users: Vec<u32> = last.rows.iter().map(|user| user.0).collect();
    assert_eq!(users, [2, 1]);
    assert_holds("locked", Property::NoDoubleBooking, 3, &["lost-reply:3"]);
    assert_holds("locked", Property::NoDoubleBooking, 3, &["lost-request:3"]);
}

#[test]
fn x2_a_release_that_never_arrives_leaves_the_lock_until_its_time_is_over() {
    let schedule = broken(&named("locked"), Property::NoLockLeft, 2, &["lost-request"]);
    assert_eq!(
        schedule,
        "A.acquire A.check A.insert A.release:lost-request"
    );
    let schedule = "A.acquire A.check A.insert A.release:lost-request B.acquire expire";
    let replayed = forced(&named("locked"), schedule);
    assert_eq!(
        replayed.replies[3..5],
        [Some(Reply::Lost), Some(Reply::Held)]
    );
    // One that is only late frees it in the end, and DEL then frees whatever lock is there.
    let schedule = "A.acquire A.check A.insert A.release:late B.acquire A.release arrives";
    assert_eq!(
        forced(&named("locked"), schedule).replies[5],
        Some(Reply::Released)
    );
    let schedule = "A.acquire A.check A.insert A.release:late expire B.acquire A.release arrives";
    let replayed = forced(&named("locked --release del"), schedule);
    let change = &replayed.model.moves[6].change;
    assert!(
        change.starts_with("a lock is taken away that another holds"),
        "{change}"
    );
    assert_eq!(
        forced(&named("locked"), schedule).replies[6],
        Some(Reply::NotHeld)
    );
    assert_holds("locked", Property::NoForeignRelease, 2, &["late", "expire"]);
}

/// A client that takes the time-out of its insert for success.
#[derive(Clone)]
struct Hopeful;

impl Strategy for Hopeful {
    fn name(&self) -> &'static str {
        "hopeful"
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }

    async fn attempt(&self, client: &mut Client) -> Result<Outcome, StepError> {
        if !client.check().await? {
            return Ok(Outcome::Taken);
        }
        match client.insert_guarded(Guard::Unique).await {
            Ok(true) | Err(StepError::Lost) => Ok(Outcome::Confirmed),
            Ok(false) => Ok(Outcome::Conflict),
            Err(error) => Err(error),
        }
    }
}

#[test]
fn x3_who_takes_a_time_out_for_success_promises_what_never_arrived() {
    let lost = broken(&Hopeful, Property::NoPhantomSuccess, 1, &["lost-request"]);
    assert_eq!(lost, "A.check A.insert:lost-request");
    // What is late comes true in the end, unless somebody else was there first.
    assert_eq!(
        answer(&Hopeful, Property::NoPhantomSuccess, 1, &["late"]),
        SearchVerdict::Holds
    );
    let late = broken(&Hopeful, Property::NoPhantomSuccess, 2, &["late"]);
    assert!(late.ends_with("A.insert arrives"), "{late}");
    let replayed = forced(&Hopeful, &late);
    assert_eq!(replayed.replies.last(), Some(&Some(Reply::Conflict)));
    assert_eq!(
        answer(&Hopeful, Property::NoPhantomSuccess, 1, &["lost-reply"]),
        SearchVerdict::Holds
    );
}

#[test]
fn x4_a_constraint_beneath_it_keeps_one_booking_whatever_is_late_or_lost() {
    let faults = ["late:3", "lost-request:2", "expire"];
    for words in ["locked --unique", "unique", "conditional"] {
        for property in [
            Property::NoDoubleBooking,
            Property::NoPhantomSuccess,
            Property::NoStrayBooking,
        ] {
            assert_holds(words, property, 3, &faults);
        }
    }
    let schedule =
        "A.acquire A.check A.insert:late A.release B.acquire B.check B.insert A.insert arrives";
    let replayed = forced(&named("locked --unique"), schedule);
    assert_eq!(
        (replayed.replies[7], replayed.rows.len()),
        (Some(Reply::Conflict), 1)
    );
}

/// What was sent is carried out with what it was sent with: a token that is old by now is refused.
#[test]
fn a_late_request_brings_the_token_and_the_version_that_it_was_sent_with() {
    let fenced = named("locked --fence check-and-write");
    let schedule = "A.acquire A.check A.insert:late A.release B.acquire B.check A.insert arrives";
    assert_eq!(forced(&fenced, schedule).replies[6], Some(Reply::Stale));
    let schedule = "A.check B.check A.insert:late B.insert A.insert arrives";
    assert_eq!(
        forced(&named("optimistic"), schedule).replies[4],
        Some(Reply::Conflict)
    );
    assert_holds("optimistic", Property::NoDoubleBooking, 3, &["late:3"]);
}

#[test]
fn a_late_claim_lands_after_its_user_was_told_and_keeps_others_out() {
    let schedule = "A.hold:late B.hold A.hold arrives B.confirm";
    let replayed = forced(&named("hold"), schedule);
    assert_eq!(replayed.replies[2], Some(Reply::Held));
    let schedule = "A.hold:late A.hold arrives B.hold";
    assert_eq!(
        forced(&named("hold"), schedule).replies[2],
        Some(Reply::Held)
    );
    let schedule = "A.hold A.confirm:late A.stall B.hold A.confirm arrives B.confirm";
    let error = refused("hold", schedule);
    assert!(error.contains("A was already told 'unknown'"), "{error}");
    let schedule = "A.hold A.confirm:late expire B.hold A.confirm arrives";
    assert_eq!(
        forced(&named("hold"), schedule).replies[4],
        Some(Reply::Conflict)
    );
}

/// An insert cannot land while another's transaction writes: SQLite lets it wait until that ends.
#[test]
fn a_late_insert_waits_for_the_end_of_an_open_transaction() {
    #[derive(Clone)]
    struct Mixed;
    impl Strategy for Mixed {
        fn name(&self) -> &'static str {
            "mixed"
        }
        fn needs(&self) -> Needs {
            super::support::everything(0)
        }
        async fn attempt(&self, client: &mut Client) -> Result<Outcome, StepError> {
            if client.check().await? {
                client.insert().await?;
                return Ok(Outcome::Confirmed);
            }
            let busy = std::time::Duration::from_millis(1);
            client
                .begin_transaction(racesim::client::Isolation::SingleWriter, busy)
                .await?;
            client.rollback().await?;
            Ok(Outcome::Taken)
        }
    }
    let schedule = "A.check A.insert B.check C.check:lost-request";
    let schedule = schedule.replace(" C.check:lost-request", " B.begin");
    // A has a row; what C sends late waits for B's transaction.
    let waiting = format!("C.check C.insert:late {schedule} C.insert arrives");
    let error = follow(&Mixed, &waiting.parse().unwrap(), 3).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("it waits behind an open transaction"),
        "{error}"
    );
    let landing = format!("C.check C.insert:late {schedule} B.rollback C.insert arrives");
    assert_eq!(forced(&Mixed, &landing).rows.len(), 2);
    // Sent while B writes already, it waits for B itself; at the end it arrives by itself.
    let behind = "C.check A.check A.insert B.check B.begin C.insert:late B.rollback";
    let replayed = forced(&Mixed, behind);
    assert_eq!(replayed.rows.len(), 2);
    assert_eq!(replayed.replies.last(), Some(&Some(Reply::Inserted)));
}

#[test]
fn a_crashed_users_late_request_still_arrives_and_a_restart_takes_those_to_redis_along() {
    let naive = "A.check A.insert:late B.check B.insert A.insert arrives";
    assert_eq!(forced(&named("naive"), naive).rows.len(), 2);
    let crashed = "A.acquire A.check A.insert:late A.crash expire B.acquire B.check B.insert A.insert arrives";
    assert_eq!(forced(&named("locked"), crashed).rows.len(), 2);
    let cut = "A.acquire A.check A.insert A.release:late restart B.acquire";
    assert_eq!(
        forced(&named("locked"), cut).replies[5],
        Some(Reply::Granted)
    );
    let error = refused("locked", &format!("{cut} A.release arrives"));
    assert!(error.contains("nothing of A is on its way"), "{error}");
    let other = "A.acquire A.acquire@2:late A.acquire@3 restart A.acquire@2 arrives";
    assert_eq!(
        forced(&named("redlock --nodes 3"), other).replies[4],
        Some(Reply::Granted)
    );
}

#[test]
fn what_can_never_be_late_is_refused_with_a_sentence() {
    for (words, schedule, text) in [
        (
            "locked",
            "A.acquire A.check:late",
            "check is never late: it only looks, and nobody would see what it saw",
        ),
        (
            "transaction",
            "A.begin A.check A.insert:late",
            "insert is never late: it is part of an open transaction",
        ),
        (
            "transaction",
            "A.begin:late",
            "begin is never late: the steps of a transaction come in their order on one connection",
        ),
        (
            "redlock --nodes 3",
            "A.acquire A.acquire@2 A.acquire@3 A.validate:lost-request",
            "validate sends no request",
        ),
        (
            "redlock --nodes 3",
            "A.acquire:late A.acquire@2:late",
            "acquire of A is still on its way, and a user has one late request at a time",
        ),
        (
            "redlock --nodes 3",
            "A.acquire:late A.acquire@2 A.acquire@2 arrives",
            "what is on its way of A is acquire",
        ),
        (
            "naive",
            "A.check A.insert arrives",
            "nothing of A is on its way",
        ),
    ] {
        let error = refused(words, schedule);
        assert!(error.contains(text), "{schedule}: {error}");
    }
}

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

// A user whose request to free its lock was lost went by the lock again once its time had run out: the
// search said that two went by it, the checker that nobody did any more who had asked to free it.
#[test]
fn who_has_asked_to_free_a_lock_does_not_go_by_it_any_more() {
    let before_commit = ["locked", "--renew", "--release-order", "before-commit"];
    let faults = [
        "--fault",
        "lost-request",
        "--fault",
        "expire",
        "--property",
        "mutual-exclusion",
    ];
    let found = run(&[
        &["explore"],
        &before_commit[..],
        &faults,
        &["--format", "json"],
    ]
    .concat());
    assert_eq!(
        answer_to(&found.explored(), Property::MutualExclusion).verdict,
        VerdictKind::Holds,
        "{}",
        found.all()
    );
    let schedule =
        "A.acquire A.check A.insert A.release:lost-request expire B.acquire A.commit B.check";
    let replayed = run(&[&["replay"], &before_commit[..], &["--schedule", schedule]].concat());
    assert!(
        replayed.stdout.contains("mutual-exclusion   ┆ holds"),
        "{}",
        replayed.all()
    );
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
fn bad_words_are_refused() {
    let refused = |fault: &str, text: &str| {
        run(&["locked", "--fault", fault]).assert_refused(2, text);
    };
    refused("late:insert", "'late' needs a duration: write late:200ms");
    refused(
        "late:50ms:check",
        "'late' cannot strike 'check': it only looks, and nobody would see what it saw; it strikes acquire, set-ttl, hold, insert, confirm, release",
    );
    refused(
        "lost-request:pay",
        "'lost-request' cannot strike 'pay': it sends no request",
    );
    run(&["replay", "naive", "--schedule", "A.check arrives arrives"])
        .assert_refused(2, "move 2 of the schedule, 'arrives', is not a move");
}

#[test]
fn a_diagram_shows_what_is_lost_and_what_is_late() {
    let schedule = "A.acquire:lost-request A.release:late B.acquire:lost-reply A.release arrives";
    let ran = run(&[
        "replay",
        "locked",
        "--schedule",
        schedule,
        "--format",
        "mermaid",
    ]);
    for line in [
        "    A-xRedis: acquire:lost-request\n",
        "    A-)Redis: release:late\n",
        "    A->>Redis: release arrives\n    Redis--xA: no longer held\n",
        "    B->>Redis: acquire:lost-reply\n    Redis--xB: granted\n",
    ] {
        assert!(ran.stdout.contains(line), "{line}{}", ran.all());
    }
}

#[test]
fn the_locks_inside_the_process_are_late_too() {
    on_a_runtime(async {
        let plan = Plan::new(2.try_into().unwrap());
        let choice = racesim::services::ServiceChoice {
            redis: racesim::services::RedisChoice::InProcess,
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
