//! Messages that are late, or never arrive: what they break in the search, on the real stores and in
//! races. No message was ever late before, and none was lost on its way to a service.

use super::late_in_schedules::refused;
use super::reports::answer_to;
use super::support::{on_a_runtime, run};
use racesim::checker::{Property, VerdictKind};
use racesim::cli::strategy_of;
use racesim::client::{Client, Guard, StepError};
use racesim::explore::replay::{Replayed, replay};
use racesim::explore::{Search, SearchVerdict, follow, search};
use racesim::history::{Outcome, Reply};
use racesim::plan::Plan;
use racesim::strategy::{BuiltIn, Needs, Strategy};

pub(crate) fn named(words: &str) -> BuiltIn {
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
pub(crate) fn broken<S: Strategy>(
    strategy: &S,
    property: Property,
    users: u32,
    faults: &[&str],
) -> String {
    let SearchVerdict::Violated(schedule) = answer(strategy, property, users, faults) else {
        panic!("nothing breaks {property} of {}", strategy.name());
    };
    forced(strategy, &schedule.to_string());
    schedule.to_string()
}

#[track_caller]
pub(crate) fn assert_holds(words: &str, property: Property, users: u32, faults: &[&str]) {
    let found = answer(&named(words), property, users, faults);
    assert_eq!(
        found,
        SearchVerdict::Holds,
        "{words}: {property} under {faults:?}"
    );
}

/// Forces a schedule on the real stores, which do what the model says.
#[track_caller]
pub(crate) fn forced<S: Strategy>(strategy: &S, schedule: &str) -> Replayed {
    on_a_runtime(async {
        let schedule: racesim::schedule::Schedule = schedule.parse().unwrap();
        let plan = Plan::new(schedule.users().max(2).try_into().unwrap());
        let engine = super::support::engine(&plan, super::support::everything(3)).await;
        let replayed = replay(&engine, strategy, &plan, schedule).await.unwrap();
        assert_eq!(replayed.differences, [""; 0], "{}", replayed.schedule);
        replayed
    })
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
