//! Do the search and the checker mean the same by a property? What the search finds is forced on the real
//! stores, and the checker judges what happened there.

use racesim::checker::{Judgement, Property, judge_by};
use racesim::cli::strategy_of;
use racesim::engine::Engine;
use racesim::explore::matrix::Expectations;
use racesim::explore::replay::replay;
use racesim::explore::{Search, SearchVerdict, random_schedules, search};
use racesim::plan::Plan;
use racesim::schedule::Schedule;
use racesim::strategy::BuiltIn;

use super::support::{engine, everything, on_a_runtime};

/// More states are looked at by the matrix; what breaks at all breaks within these.
const STATES: u64 = 1000;

/// Every set of faults that the matrix has, with its users.
fn faults() -> Vec<Search> {
    let known = Expectations::built_in();
    let mut all: Vec<(u32, Vec<String>)> = Vec::new();
    for column in known.columns {
        let pair = (column.users, column.faults);
        if !all.contains(&pair) {
            all.push(pair);
        }
    }
    let search = |(users, faults): (u32, Vec<String>)| Search {
        users,
        faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
        limit_states: STATES,
        ..Search::default()
    };
    all.into_iter().map(search).collect()
}

/// Schedules, and whether each breaks the properties that stand with it.
type Schedules = Vec<(Schedule, Vec<Property>, bool)>;

/// A schedule for every property that the search finds broken, and one for all those that hold.
fn schedules(strategy: &BuiltIn, faults: &Search) -> Schedules {
    let (mut schedules, mut holding) = (Schedules::new(), Vec::new());
    for property in Property::ALL {
        match search(strategy, property, faults).answer {
            SearchVerdict::Violated(schedule) => {
                let known = schedules.iter_mut().find(|(known, ..)| *known == schedule);
                match known {
                    Some((_, broken, _)) => broken.push(property),
                    None => schedules.push((schedule, vec![property], true)),
                }
            }
            SearchVerdict::Holds => holding.push(property),
            SearchVerdict::Unknown(_) => {}
        }
    }
    let drawn = random_schedules(strategy, faults, 1).into_iter();
    schedules.extend(drawn.map(|schedule| (schedule, holding.clone(), false)));
    schedules
}

/// What the checker says about a schedule on the real stores.
async fn judged(
    engine: &Engine,
    strategy: &BuiltIn,
    users: u32,
    (schedule, properties): (&Schedule, &[Property]),
) -> Vec<Judgement> {
    let plan = Plan::new(users.try_into().unwrap());
    let replayed = replay(engine, strategy, &plan, schedule.clone())
        .await
        .unwrap();
    assert_eq!(replayed.differences, [""; 0]);
    judge_by(properties, &replayed.history)
}

#[test]
fn what_the_search_finds_for_any_property_is_violated_in_the_checker_too() {
    on_a_runtime(async {
        let plan = Plan::new(3.try_into().unwrap());
        let engine = engine(&plan, everything(5)).await;
        let mut found = 0;
        let mut wrong = Vec::new();
        for row in Expectations::built_in().rows {
            let strategy = strategy_of(&row.strategy).unwrap();
            for faults in faults() {
                for (schedule, properties, is_broken) in schedules(&strategy, &faults) {
                    let asked = (&schedule, properties.as_slice());
                    for judgement in judged(&engine, &strategy, faults.users, asked).await {
                        let Judgement { property, verdict } = judgement;
                        let expected = if is_broken { "violated" } else { "holds" };
                        found += 1;
                        if verdict.name() != expected {
                            let name = &row.strategy;
                            wrong.push(format!("{name} {property} {schedule}: {verdict:?}"));
                        }
                    }
                }
            }
        }
        assert!(
            wrong.is_empty(),
            "{} of {found}:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
        assert!(found > 1000, "{found} schedules say too little");
    });
}
