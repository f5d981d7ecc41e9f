//! Faults that can never happen to what is raced or searched.

use crate::engine::{why_never, why_never_in_race};
use crate::fault::{RaceFault, SearchFault};
use crate::history::StrategyRecord;
use crate::strategy::{BuiltIn, CATALOGUE, Entry, Strategy};

/// Refuses a fault that none of these strategies can have.
pub(super) fn refuse_in_race(faults: &[RaceFault], strategies: &[BuiltIn]) -> Result<(), String> {
    faults.iter().try_for_each(|fault| {
        let place = fault
            .after
            .map_or_else(String::new, |step| format!(":{step}"));
        let name = format!("{}{place}", fault.fault);
        refuse(&name, strategies, |strategy| {
            why_never_in_race(fault, strategy)
        })
    })
}

/// Refuses a fault that this strategy cannot have.
pub(super) fn refuse_in_search(faults: &[SearchFault], strategy: &BuiltIn) -> Result<(), String> {
    faults.iter().try_for_each(|allowed| {
        let strategies = std::slice::from_ref(strategy);
        refuse(allowed.fault.name(), strategies, |strategy| {
            why_never(allowed.fault, strategy).map(str::to_owned)
        })
    })
}

/// `why_not` says why the fault cannot happen to a strategy, if it cannot.
fn refuse(
    fault: &str,
    strategies: &[BuiltIn],
    why_not: impl Fn(&BuiltIn) -> Option<String>,
) -> Result<(), String> {
    let whys = strategies.iter().map(|strategy| {
        let why = why_not(strategy)?;
        Some((strategy.name(), why))
    });
    // One that can have it is enough.
    let Some(whys) = whys.collect::<Option<Vec<_>>>() else {
        return Ok(());
    };
    let names: Vec<&str> = whys.iter().map(|(name, _)| *name).collect();
    let others = CATALOGUE.iter().map(Entry::usual);
    let others: Vec<String> = others
        .filter(|other| !names.contains(&other.name()) && why_not(other).is_none())
        .map(|other| other.name().to_owned())
        .collect();
    let others = match others.split_last() {
        None => String::new(),
        Some((one, [])) => format!(", or use {one}"),
        Some((last, others)) => format!(", or use {} or {last}", others.join(", ")),
    };
    let mut options = strategies
        .iter()
        .filter_map(|strategy| option_in_the_way(strategy, &why_not));
    let leave_out = options.next().map_or_else(
        || "leave it out".to_owned(),
        |option| format!("leave out {option}, or the fault"),
    );
    Err(format!(
        "--fault '{fault}' can never happen to {}: {}; {leave_out}{others}",
        names.join(", "),
        in_one(&whys)
    ))
}

/// Why it cannot happen to any of them: once where it is the same for all, else by their names.
fn in_one(whys: &[(&str, String)]) -> String {
    match whys {
        [(_, first), others @ ..] if others.iter().all(|(_, why)| why == first) => {
            format!("it {first}")
        }
        _ => {
            let named = whys.iter().map(|(name, why)| format!("{name} {why}"));
            named.collect::<Vec<_>>().join("; ")
        }
    }
}

/// The option without which the fault can happen to the strategy.
fn option_in_the_way(
    strategy: &BuiltIn,
    why_not: &impl Fn(&BuiltIn) -> Option<String>,
) -> Option<String> {
    let record = strategy.record();
    let mut settings = record.settings.iter();
    let in_the_way = settings.find(|setting| {
        let without = BuiltIn::recorded(&StrategyRecord {
            settings: record.settings.without(setting),
            ..record.clone()
        });
        without.is_ok_and(|without| why_not(&without).is_none())
    })?;
    Some(in_the_way.to_string())
}
