//! Faults that can never happen to what is raced or searched.

use crate::fault::{Fault, RaceFault, SearchFault};
use crate::strategy::{BuiltIn, CATALOGUE, Strategy, StrategyOptions};

/// Refuses a fault that none of these strategies can have.
pub(super) fn refuse_in_race(faults: &[RaceFault], strategies: &[BuiltIn]) -> Result<(), String> {
    faults.iter().try_for_each(|fault| {
        let place = fault
            .after
            .map_or_else(String::new, |step| format!(":{step}"));
        let name = format!("{}{place}", fault.fault);
        refuse(&name, strategies, |strategy| {
            why_no_step(fault, strategy).or_else(|| why_never(fault.fault, strategy))
        })
    })
}

/// Refuses a fault that this strategy cannot have.
pub(super) fn refuse_in_search(faults: &[SearchFault], strategy: &BuiltIn) -> Result<(), String> {
    faults.iter().try_for_each(|allowed| {
        let strategies = std::slice::from_ref(strategy);
        refuse(allowed.fault.name(), strategies, |strategy| {
            why_never(allowed.fault, strategy)
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
    let mut reasons: Vec<&str> = whys.iter().map(|(_, why)| why.as_str()).collect();
    reasons.dedup();
    let others = CATALOGUE
        .iter()
        .filter_map(|entry| BuiltIn::named(entry.name, &StrategyOptions::default()));
    let others: Vec<String> = others
        .filter(|other| !names.contains(&other.name()) && why_not(other).is_none())
        .map(|other| other.name().to_owned())
        .collect();
    let others = match others.split_last() {
        None => String::new(),
        Some((one, [])) => format!(", or take {one}"),
        Some((last, others)) => format!(", or take {} or {last}", others.join(", ")),
    };
    Err(format!(
        "--fault '{fault}' can never happen to {}: {}; leave it out{others}",
        names.join(", "),
        reasons.join("; ")
    ))
}

/// Why a step of a transaction is never late.
const IN_ORDER: &str =
    "it inserts in a transaction, whose steps come in their order on one connection";

/// Why a fault strikes no step of the strategy.
fn why_no_step(fault: &RaceFault, strategy: &BuiltIn) -> Option<String> {
    let (wanted, steps) = (fault.after?, strategy.steps()?);
    if steps.contains(&wanted) {
        let is_in_order = fault.fault == Fault::Late && !strategy.late_steps()?.contains(&wanted);
        return is_in_order.then(|| IN_ORDER.to_owned());
    }
    let names: Vec<&str> = steps.iter().map(|step| step.name()).collect();
    let settings = strategy.settings();
    let how = if settings.is_empty() {
        ""
    } else {
        " with these options"
    };
    Some(format!(
        "its steps{how} are {}, and none is '{wanted}'",
        names.join(", ")
    ))
}

/// Why a fault has nothing to strike.
fn why_never(fault: Fault, strategy: &BuiltIn) -> Option<String> {
    let why = match fault {
        Fault::Expire | Fault::Stall if strategy.ttl().is_none() => "it holds nothing for a time",
        Fault::Restart | Fault::PauseRedis if strategy.needs().locks == 0 => "it asks no Redis",
        Fault::Late if strategy.late_steps().is_some_and(|steps| steps.is_empty()) => IN_ORDER,
        Fault::Expire
        | Fault::Stall
        | Fault::Restart
        | Fault::PauseRedis
        | Fault::Late
        | Fault::Crash
        | Fault::GiveUp
        | Fault::LostReply
        | Fault::LostRequest
        | Fault::Slow => return None,
    };
    Some(why.to_owned())
}
