//! Does the model say what the real stores do, also of strategies that nobody would write? Random steps
//! in a row, of all that a client offers, in every interleaving, and with everything that can go wrong.
//!
//! `RACESIM_STRATEGIES=1500 cargo test --test it random:: statements::` draws as many instead of a few,
//! and `RACESIM_SEED=7` draws others.

use std::cell::Cell;

use proptest::prelude::{Just, Strategy as Generator, any, prop, prop_assert_eq, prop_oneof};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use racesim::client::Acquire;
use racesim::engine::Engine;
use racesim::explore::replay::{Replayed, replay};
use racesim::explore::{Entrants, Search, interleavings, random_schedules};
use racesim::plan::{Plan, Wanted};
use racesim::schedule::{Move, Schedule};
use racesim::seat::SeatId;

use super::steps::{ACQUIRES, After, Op, RELEASES, Steps, TTL, statements};
use super::support::{engine, everything, runtime};

/// So many lock services there are at the most.
const NODES: u8 = 2;

fn locking() -> impl Generator<Value = Op> {
    let some = (prop::sample::select(&ACQUIRES[..]), any::<bool>(), 0..NODES);
    let acquire = some.prop_map(|(mode, is_fenced, node)| {
        let how = Acquire {
            ttl: TTL,
            mode,
            is_fenced,
        };
        Op::Acquire(node, how)
    });
    let some = (prop::sample::select(&RELEASES[..]), 0..NODES);
    let release = some.prop_map(|(command, node)| Op::Release(node, command));
    prop_oneof![
        4 => acquire,
        2 => release,
        1 => Just(Op::SetTtl),
        1 => Just(Op::Verify),
        1 => Just(Op::Wait),
        1 => Just(Op::Validate),
        1 => Just(Op::Now),
    ]
}

/// A strategy, and the seats that its users want.
fn drawn() -> impl Generator<Value = (Steps, Wanted)> {
    let statement = prop::sample::select(statements());
    let step = prop_oneof![2 => locking(), 5 => statement, 1 => Just(Op::Pay)];
    let steps = prop::collection::vec(step, 1..6);
    let after = prop_oneof![
        Just(After::Ends),
        Just(After::GoesOn),
        Just(After::NeverMinds),
    ];
    let wanted = prop_oneof![
        2 => Just(Plan::new(1.try_into().unwrap()).wanted),
        1 => Just(Wanted::Own),
        1 => Just(Wanted::AnyOf(2.try_into().unwrap())),
    ];
    let all = (steps, after, 1..=NODES, any::<bool>(), wanted);
    all.prop_map(|(steps, after, locks, is_anonymous, wanted)| {
        let there = |op: &Op| match op {
            Op::Acquire(node, _) | Op::Release(node, _) => *node < locks,
            _ => true,
        };
        let requests = |op: Op| {
            let is_new = matches!(op, Op::Acquire(..)) && !is_anonymous;
            is_new.then_some(Op::NewRequest).into_iter().chain([op])
        };
        let ops = steps.into_iter().filter(there).flat_map(requests).collect();
        (Steps { ops, after, locks }, wanted)
    })
}

/// So many draws, the same in every run unless another seed is asked for. What fails is made smaller.
pub(crate) fn runner(cases: u32) -> TestRunner {
    let seed: u64 = number_in("RACESIM_SEED").unwrap_or(0);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let chance = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, chance)
}

/// As many strategies as were asked for, or these few.
pub(crate) fn long_or(few: u32) -> u32 {
    let asked = number_in("RACESIM_STRATEGIES");
    asked.map_or(few, |number| number.try_into().unwrap())
}

/// Counts what is done in draws that are only shared.
pub(crate) fn add(sum: &Cell<usize>, more: usize) {
    sum.set(sum.get() + more);
}

/// The number in this environment variable.
pub(crate) fn number_in(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("it is a number"))
}

fn plan(users: u32, wanted: Wanted) -> Plan {
    Plan {
        wanted,
        ..Plan::new(users.try_into().unwrap())
    }
}

fn wishes(plan: &Plan) -> Vec<SeatId> {
    plan.user_ids().map(|user| plan.seat_of(0, user)).collect()
}

/// How the model and the real stores differ in this interleaving, a line each.
async fn differences(
    engine: &Engine,
    plan: &Plan,
    strategy: &Steps,
    schedule: Schedule,
) -> Vec<String> {
    let Replayed {
        differences,
        schedule,
        ..
    } = replay(engine, strategy, plan, schedule).await.unwrap();
    let wanted = plan.wanted;
    let told = differences.into_iter();
    told.map(|how| format!("{strategy:?} for {wanted}: {schedule}: {how}"))
        .collect()
}

#[test]
fn random_strategies_do_on_the_real_stores_what_the_model_says_in_every_interleaving() {
    // The steps drawn were those that the model was made for: no transaction left open, no claim or
    // guard beside one, no second seat. Now they are all that a client offers.
    let runtime = runtime();
    let engine = runtime.block_on(engine(&plan(2, Wanted::Own), everything(NODES)));
    let forced = Cell::new(0);
    let drawn = runner(long_or(150)).run(&drawn(), |(strategy, wanted)| {
        let plan = plan(2, wanted);
        let entrants = Entrants::after(&wishes(&plan));
        for schedule in interleavings(&strategy, entrants, 300).unwrap_or_default() {
            let told = runtime.block_on(differences(&engine, &plan, &strategy, schedule));
            prop_assert_eq!(told, [""; 0]);
            add(&forced, 1);
        }
        Ok(())
    });
    drawn.unwrap_or_else(|error| panic!("{error}"));
    let forced = forced.get();
    assert!(forced > 1000, "{forced} interleavings say too little");
}

/// Asserts that random strategies of three users with these faults do what the model says: how many
/// interleavings were forced, and in how many of them a late request arrived.
#[track_caller]
fn with_faults(faults: &[&str]) -> (usize, usize) {
    let runtime = runtime();
    let engine = runtime.block_on(engine(&plan(3, Wanted::Own), everything(NODES)));
    let (forced, arrived) = (Cell::new(0), Cell::new(0));
    let drawn = runner(long_or(100)).run(&drawn(), |(strategy, wanted)| {
        let plan = plan(3, wanted);
        let search = Search {
            users: 3,
            seats: wishes(&plan),
            faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
            ..Search::default()
        };
        for schedule in random_schedules(&strategy, &search, 5) {
            let is_arrival = |step: &Move| matches!(step, Move::Arrival { .. });
            add(&arrived, usize::from(schedule.0.iter().any(is_arrival)));
            let told = runtime.block_on(differences(&engine, &plan, &strategy, schedule));
            prop_assert_eq!(told, [""; 0]);
            add(&forced, 1);
        }
        Ok(())
    });
    drawn.unwrap_or_else(|error| panic!("{error}"));
    (forced.get(), arrived.get())
}

#[test]
fn random_strategies_do_what_the_model_says_whatever_goes_wrong() {
    let faults = [
        "expire:2",
        "stall:2",
        "crash",
        "give-up",
        "lost-reply",
        "restart",
    ];
    let (forced, _) = with_faults(&faults);
    assert!(forced > 300, "{forced} interleavings say too little");
}

/// A message was never late and never lost on its way, in the model and on the stores. Now it is, and
/// what arrives late is answered as the model says, after whatever the others did meanwhile.
#[test]
fn random_strategies_do_what_the_model_says_when_requests_are_late_or_lost() {
    let faults = [
        "late:3",
        "lost-request",
        "expire",
        "crash",
        "stall",
        "restart",
    ];
    let (forced, arrived) = with_faults(&faults);
    assert!(forced > 300 && arrived > 100, "{arrived} of {forced}");
}
