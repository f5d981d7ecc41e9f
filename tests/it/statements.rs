//! Does the model's database answer every statement as real SQLite does? The statements that a client
//! offers, in every manner, of two users, in every order.

use std::cell::Cell;

use proptest::prelude::{any, prop, prop_assert_eq};
use racesim::client::ReleaseCommand;
use racesim::engine::Engine;
use racesim::explore::replay::replay;
use racesim::explore::{Entrants, interleavings};
use racesim::plan::{Plan, Wanted};
use racesim::seat::SeatId;

use super::random::{add, long_or, runner};
use super::steps::{After, FENCED, Op, Steps, statements};
use super::support::{engine, everything, on_a_runtime, runtime};

/// How the interleavings of these steps differ on SQLite and in the model, and how many there are.
async fn differences(engine: &Engine, plan: &Plan, ops: Vec<Op>) -> (usize, Vec<String>) {
    let strategy = Steps {
        ops,
        after: After::NeverMinds,
        locks: 1,
    };
    let wishes: Vec<SeatId> = plan.user_ids().map(|user| plan.seat_of(0, user)).collect();
    let all = interleavings(&strategy, Entrants::after(&wishes), 10_000).unwrap();
    let (many, mut told) = (all.len(), Vec::new());
    for schedule in all {
        let words = schedule.to_string();
        let replayed = replay(engine, &strategy, plan, schedule).await.unwrap();
        for difference in replayed.differences {
            told.push(format!("{:?} in {words}: {difference}", strategy.ops));
        }
    }
    (many, told)
}

#[test]
fn every_pair_of_statements_of_two_users_is_answered_as_by_real_sqlite_in_every_order() {
    // The model let an insert into the database that stands outside its user's open transaction, where
    // SQLite waits for itself; a claim, a token or a version that was written left the snapshot of a
    // deferred transaction good; a BEGIN within a transaction replaced it. The real store answers first.
    on_a_runtime(async {
        let plan = Plan::new(2.try_into().unwrap());
        let engine = engine(&plan, everything(1)).await;
        let all = statements();
        let (mut forced, mut told) = (0, Vec::new());
        for first in &all {
            for second in &all {
                let (many, more) = differences(&engine, &plan, vec![*first, *second]).await;
                forced += many;
                told.extend(more);
            }
        }
        assert_eq!(told, [""; 0]);
        assert!(forced > 5000, "{forced} interleavings say too little");
    });
}

#[test]
fn statements_in_threes_and_fours_are_answered_as_by_real_sqlite_also_on_seats_of_ones_own() {
    // One lock of the whole file, and one count of commits: who writes on one seat stands in the way
    // of those who want another.
    let same = Plan::new(2.try_into().unwrap());
    let own = Plan {
        wanted: Wanted::Own,
        ..same.clone()
    };
    let runtime = runtime();
    let engine = runtime.block_on(engine(&own, everything(1)));
    let several = prop::collection::vec(prop::sample::select(statements()), 3..5);
    let forced = Cell::new(0);
    // Every second one with a number that the database compares.
    let drawn = runner(long_or(60)).run(&(several, any::<bool>()), |(mut ops, is_fenced)| {
        if is_fenced {
            ops.splice(
                ..1,
                [FENCED, Op::Release(0, ReleaseCommand::CompareAndDelete)],
            );
            ops.truncate(4);
        }
        for plan in [&same, &own] {
            let (many, told) = runtime.block_on(differences(&engine, plan, ops.clone()));
            prop_assert_eq!(told, [""; 0]);
            add(&forced, many);
        }
        Ok(())
    });
    drawn.unwrap_or_else(|error| panic!("{error}"));
    let forced = forced.get();
    assert!(forced > 2000, "{forced} interleavings say too little");
}
