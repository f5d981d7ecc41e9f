//! Is what users are told so? Whoever is told that the seat is booked by someone else finds a row of
//! someone else in the database.

use std::time::Duration;

use racesim::cli::strategy_of;
use racesim::client::{Client, Insert, Isolation, StepError};
use racesim::engine::Engine;
use racesim::explore::replay::{Replayed, replay, replay_all};
use racesim::explore::{
    Entrants, Search, Trace, completion, follow, interleavings, random_schedules,
};
use racesim::history::{Outcome, Reply};
use racesim::plan::{Plan, Wanted};
use racesim::schedule::Schedule;
use racesim::seat::{Booking, SeatId, UserId};
use racesim::strategy::{BuiltIn, CATALOGUE, Needs, Strategy};

use super::reports::metric;
use super::support::{on_a_runtime, run};

/// Every strategy that racesim brings, and each of its options that decides what a user is told.
fn strategies() -> Vec<BuiltIn> {
    let plain = CATALOGUE.iter().map(|entry| entry.name);
    let others = [
        "transaction --begin deferred",
        "transaction --begin deferred --retries 1",
        "optimistic --retries 1",
        "locked --fence write",
        "locked --fence check-and-write",
        "locked --unique",
        "locked --release-order after-commit",
        "locked --release-order before-commit",
        "redlock --nodes 2 --retries 0",
    ];
    let few_nodes = |name: &&str| *name != "redlock";
    plain
        .filter(few_nodes)
        .chain(others)
        .map(|words| strategy_of(words).unwrap())
        .collect()
}

fn seats(numbers: &[u32]) -> Vec<SeatId> {
    numbers
        .iter()
        .map(|number| SeatId::new(*number).unwrap())
        .collect()
}

/// The users who were told that their seat is booked, while nobody else has a row of it.
fn told_lies(trace: &Trace, seats: &[SeatId]) -> Vec<UserId> {
    let seat_of = |user: UserId| seats[usize::try_from(user.0).unwrap() - 1];
    let users = (1..).map(UserId).zip(&trace.outcomes);
    let refused =
        users.filter(|(_, outcome)| matches!(outcome, Some(Outcome::Taken | Outcome::Conflict)));
    let has_other = |user: UserId| {
        let mut rows = trace.rows.iter();
        rows.any(|row| *row != user && seat_of(*row) == seat_of(user))
    };
    refused
        .map(|(user, _)| user)
        .filter(|user| !has_other(*user))
        .collect()
}

#[test]
fn whoever_is_told_that_the_seat_is_booked_finds_someone_elses_row_in_every_interleaving() {
    // SQLite has one lock for all seats. Who was in the way of a deferred transaction was taken for
    // someone who had booked the same seat; who had claimed a seat, for someone who had booked it.
    let mut followed = 0;
    for strategy in strategies() {
        for wanted in [seats(&[1, 1, 2]), seats(&[1, 2]), seats(&[1, 1])] {
            let entrants = Entrants::after(&wanted);
            let all = interleavings(&strategy, entrants, 20_000).unwrap_or_default();
            for schedule in all {
                let trace = follow(&strategy, &schedule, entrants).unwrap();
                let lies = told_lies(&trace, &wanted);
                let words = strategy.settings();
                assert_eq!(lies, [], "{} {words}: {schedule}", strategy.name());
                followed += 1;
            }
        }
    }
    assert!(followed > 10_000, "{followed} interleavings say too little");
}

#[test]
fn whoever_is_told_that_the_seat_is_booked_finds_someone_elses_row_whatever_goes_wrong() {
    let faults = ["expire:2", "stall:2", "crash", "give-up:2", "lost-reply:2"];
    let mut followed = 0;
    for strategy in strategies() {
        for wanted in [seats(&[1, 1, 2]), seats(&[1, 2, 3]), seats(&[1, 1, 1])] {
            let search = Search {
                seats: wanted.clone(),
                faults: faults.map(|fault| fault.parse().unwrap()).to_vec(),
                ..Search::default()
            };
            for mut schedule in random_schedules(&strategy, &search, 300) {
                let entrants = Entrants::after(&wanted);
                let rest = completion(&strategy, &schedule, entrants);
                schedule.0.extend(rest);
                let trace = follow(&strategy, &schedule, entrants).unwrap();
                let lies = told_lies(&trace, &wanted);
                let words = strategy.settings();
                assert_eq!(lies, [], "{} {words}: {schedule}", strategy.name());
                followed += 1;
            }
        }
    }
    assert!(followed > 5_000, "{followed} interleavings say too little");
}

/// Forces a schedule on users who want these seats: the outcomes, which are those of the model.
fn forced(words: &str, wanted: Wanted, schedule: &str) -> (Vec<Option<Outcome>>, Vec<Reply>) {
    let strategy = strategy_of(words).unwrap();
    let schedule: Schedule = schedule.parse().unwrap();
    on_a_runtime(async {
        let plan = Plan {
            wanted,
            ..Plan::new(schedule.users().try_into().unwrap())
        };
        let engine: Engine = super::support::engine(&plan, strategy.needs()).await;
        let replayed = replay(&engine, &strategy, &plan, schedule).await.unwrap();
        assert_eq!(replayed.differences, [""; 0], "{words}");
        let replies = replayed.replies.into_iter().flatten().collect();
        (replayed.model.outcomes, replies)
    })
}

#[test]
fn a_deferred_transaction_that_another_seats_booking_made_stale_failed_and_is_told_so() {
    // It was told "seat was booked by someone else while you paid" of a seat that nobody has booked.
    let words = "transaction --begin deferred";
    let schedule = "A.begin B.begin A.check B.check A.insert A.commit B.insert B.rollback B.check";
    let (outcomes, replies) = forced(words, Wanted::Own, schedule);
    assert_eq!((replies[6], replies[8]), (Reply::Stale, Reply::Available));
    assert_eq!(outcomes, [Some(Outcome::Confirmed), Some(Outcome::Failed)]);
    let (outcomes, _) = forced(words, Plan::new(2.try_into().unwrap()).wanted, schedule);
    assert_eq!(
        outcomes,
        [Some(Outcome::Confirmed), Some(Outcome::Conflict)]
    );
}

#[test]
fn a_race_for_several_seats_tells_nobody_of_bookings_that_are_not_there() {
    on_a_runtime(async {
        let plan = Plan {
            wanted: Wanted::AnyOf(20.try_into().unwrap()),
            ..Plan::new(40.try_into().unwrap())
        };
        let engine = super::support::engine(&plan, super::support::everything(2)).await;
        for strategy in strategies() {
            for round in 0..3 {
                let history = engine.race(&strategy, &plan, round).await.unwrap();
                let refused = history.attempts.iter().filter(|attempt| {
                    matches!(attempt.outcome, Outcome::Taken | Outcome::Conflict)
                });
                for attempt in refused {
                    let mut rows = history.bookings.iter();
                    let is_others =
                        |row: &Booking| row.seat == attempt.seat && row.user != attempt.user;
                    assert!(rows.any(is_others), "{}: {attempt:?}", strategy.name());
                }
            }
        }
    });
}

#[test]
fn whoever_has_claimed_the_seat_since_has_not_booked_it_yet() {
    let (outcomes, _) = forced(
        "hold",
        Plan::new(2.try_into().unwrap()).wanted,
        "A.hold A.stall B.hold A.confirm A.check B.confirm",
    );
    assert_eq!(outcomes, [Some(Outcome::Locked), Some(Outcome::Confirmed)]);
}

#[test]
fn a_transaction_whose_begin_got_no_reply_is_undone_and_another_user_books() {
    // It stayed open for ever, and nobody else could write.
    let (outcomes, replies) = forced(
        "transaction",
        Plan::new(2.try_into().unwrap()).wanted,
        "A.begin:lost-reply A.rollback B.begin B.check B.insert B.commit",
    );
    assert_eq!(replies[1], Reply::RolledBack);
    assert_eq!(outcomes, [Some(Outcome::Unknown), Some(Outcome::Confirmed)]);
}

/// Begins, inserts, and thinks no more of it.
#[derive(Debug, Clone)]
struct Forgetful;

impl Strategy for Forgetful {
    fn name(&self) -> &'static str {
        "forgetful"
    }

    fn needs(&self) -> Needs {
        Needs {
            transactions: true,
            conditional_delete: false,
            ..Needs::default()
        }
    }

    async fn attempt(&self, client: &mut Client) -> Result<Outcome, StepError> {
        let busy = Duration::from_secs(20);
        if !client
            .begin_transaction(Isolation::SingleWriter, busy)
            .await?
        {
            return Ok(Outcome::Failed);
        }
        let inside = Insert {
            transaction: Some(Isolation::SingleWriter),
            ..Insert::default()
        };
        client.insert_with(inside).await?;
        Ok(Outcome::Unknown)
    }
}

#[test]
fn a_transaction_that_an_attempt_leaves_open_is_undone_in_races_and_in_replays_alike() {
    // It kept its connection and its lock to the end of the race: the second user waited in vain.
    on_a_runtime(async {
        let plan = Plan::new(20.try_into().unwrap());
        let engine = super::support::engine(&plan, Forgetful.needs()).await;
        let history = engine.race(&Forgetful, &plan, 0).await.unwrap();
        let told = history.attempts.iter().map(|attempt| attempt.outcome);
        assert!(told.into_iter().all(|outcome| outcome == Outcome::Unknown));
        assert_eq!(history.bookings, []);
        let plan = Plan::new(2.try_into().unwrap());
        let all = replay_all(&engine, &Forgetful, &plan).await.unwrap();
        for replayed in &all {
            assert_eq!(replayed.differences, [""; 0], "{}", replayed.schedule);
            assert_eq!(replayed.rows, []);
        }
        let is_met = |replayed: &Replayed| replayed.replies.contains(&Some(Reply::Busy));
        assert!(all.iter().any(is_met) && !all.iter().all(is_met));
    });
}

#[test]
fn a_race_in_which_replies_to_begin_are_lost_sells_the_seat_all_the_same() {
    let arguments = "transaction --users 20 --fault lost-reply:begin:0.5 --seed 1 --format json";
    let ran = run(&arguments.split(' ').collect::<Vec<_>>());
    let race = ran.race();
    assert_eq!(metric(&race, "bookings"), 1, "{}", ran.all());
    assert!(metric(&race, "unknown") > 0 && metric(&race, "failed") == 0);
}
