//! Do the options of `locked` compose? Every pair of their values is searched through every interleaving,
//! and what is found is forced on both kinds of locks.

use std::collections::BTreeSet;

use racesim::checker::Property;
use racesim::cli::strategy_of;
use racesim::engine::Engine;
use racesim::explore::replay::replay;
use racesim::explore::{SearchVerdict, random_schedules, search};
use racesim::plan::Plan;
use racesim::schedule::Schedule;
use racesim::services::{RedisChoice, ServiceChoice, Services};
use racesim::strategy::BuiltIn;

use super::ladder::searching;
use super::support::{everything, on_a_runtime};

/// The options, each with its values but for the usual one.
const OPTIONS: [&[&str]; 8] = [
    &["--acquire setnx-then-expire", "--acquire set-ex"],
    &["--lock-value user"],
    &["--on-busy wait:1s"],
    &["--renew"],
    &["--fence write", "--fence check-and-write"],
    &["--unique"],
    &["--release del", "--release get-then-del", "--release none"],
    &[
        "--release-order after-commit",
        "--release-order before-commit",
    ],
];

/// What goes wrong, for two users; each alone, and what W1 needs.
const FAULTS: [&[&str]; 7] = [
    &[],
    &["expire"],
    &["stall"],
    &["crash"],
    &["lost-reply"],
    &["give-up"],
    &["expire", "give-up"],
];

/// Everything at once, for three users, of which some interleavings are drawn.
const ALL_FAULTS: [&str; 5] = ["expire:2", "stall", "crash", "lost-reply", "give-up"];

/// The usual lock, each option alone, and every pair of them.
fn pairs() -> Vec<String> {
    let mut pairs = vec!["locked".to_owned()];
    for (at, values) in OPTIONS.iter().enumerate() {
        for value in *values {
            pairs.push(format!("locked {value}"));
            let others = OPTIONS[at + 1..].iter().flat_map(|values| values.iter());
            pairs.extend(others.map(|other| format!("locked {value} {other}")));
        }
    }
    pairs
}

/// The schedules that break some property, and some where nothing does.
fn schedules(strategy: &BuiltIn) -> BTreeSet<String> {
    let mut schedules = BTreeSet::new();
    for faults in FAULTS {
        let searched = searching(2, faults);
        let mut has_broken = false;
        for property in Property::ALL {
            if let SearchVerdict::Violated(schedule) = search(strategy, property, &searched).answer
            {
                schedules.insert(schedule.to_string());
                has_broken = true;
            }
        }
        if !has_broken {
            let drawn = random_schedules(strategy, &searched, 2);
            schedules.extend(drawn.iter().map(Schedule::to_string));
        }
    }
    let drawn = random_schedules(strategy, &searching(3, &ALL_FAULTS), 6);
    schedules.extend(drawn.iter().map(Schedule::to_string));
    schedules
}

async fn engine(redis: RedisChoice, plan: &Plan) -> Engine {
    let choice = ServiceChoice {
        redis,
        ..ServiceChoice::default()
    };
    let services = Services::start(&choice, plan, everything(1), &plan.seats_wanted()).await;
    Engine::new(services.unwrap())
}

/// Forces what is found for every second pair: how many interleavings.
async fn force_what_is_found(half: usize) -> usize {
    let plan = Plan::new(5.try_into().unwrap());
    let engines = [
        engine(RedisChoice::Private, &plan).await,
        engine(RedisChoice::Embedded, &plan).await,
    ];
    let mut forced = 0;
    for words in pairs().iter().skip(half).step_by(2) {
        let strategy = match strategy_of(words) {
            Ok(strategy) => strategy,
            Err(why) => {
                let both = words.contains("--fence") && words.contains("--release-order");
                assert!(both && why.contains("leave one out"), "{why}");
                continue;
            }
        };
        for schedule in schedules(&strategy) {
            for engine in &engines {
                let schedule: Schedule = schedule.parse().unwrap();
                let told = format!("{words}: {schedule}");
                let plan = Plan::new(schedule.users().try_into().unwrap());
                let replayed = replay(engine, &strategy, &plan, schedule).await.unwrap();
                assert_eq!(replayed.differences, [""; 0], "{told}");
                forced += 1;
            }
        }
    }
    forced
}

/// Options that are never tried together are where a false "holds" hid: with `--fence` the real Redis was
/// asked for `NX PX` whatever `--acquire` said. The model and the real stores agree on every pair, move by
/// move: on answers, on outcomes, on rows, and on who holds the lock with which life.
#[test]
fn every_first_of_two_pairs_of_options_does_on_the_real_stores_what_the_model_says() {
    let forced = on_a_runtime(force_what_is_found(0));
    assert!(forced > 500, "{forced} interleavings say too little");
}

/// The other half, beside it.
#[test]
fn every_second_of_two_pairs_of_options_does_on_the_real_stores_what_the_model_says() {
    let forced = on_a_runtime(force_what_is_found(1));
    assert!(forced > 500, "{forced} interleavings say too little");
}
