//! A race that was typed or recorded, before it is known that it can be run.

use std::path::PathBuf;

use super::options::lock::{LockArgs, services};
use super::options::strategy::StrategyChoice;
use super::{Output, RaceCommand, RaceKind, Repeats, impossible, reproduce};
use crate::duration::Millis;
use crate::engine::outlasts;
use crate::fault::Fault;
use crate::plan::Plan;
use crate::report::Assertion;
use crate::strategy::{BuiltIn, Strategy};

/// A race that is asked for, and may not be possible.
pub(super) struct RaceDraft {
    pub(super) kind: RaceKind,
    pub(super) strategies: Vec<BuiltIn>,
    /// What was chosen of their options.
    pub(super) choice: StrategyChoice,
    /// The command and the strategies that were named.
    pub(super) words: String,
    pub(super) plan: Plan,
    pub(super) repeats: Repeats,
    pub(super) database: Option<PathBuf>,
    pub(super) lock: Option<LockArgs>,
    pub(super) assertions: Vec<Assertion>,
    pub(super) history: Option<PathBuf>,
    pub(super) output: Output,
}

impl RaceDraft {
    /// The race, which can be run.
    pub(super) fn into_race(self) -> Result<RaceCommand, String> {
        let Self {
            kind,
            strategies,
            choice,
            plan,
            repeats,
            ..
        } = self;
        if let Some(lock) = &self.lock {
            lock.refuse_for(&strategies)?;
        }
        impossible::refuse_in_race(&plan.faults, &strategies)?;
        refuse_long_stalls(&plan, &strategies)?;
        refuse_what_takes_too_long(&plan)?;
        choice.refuse_longer_than(plan.timeout)?;
        let is_redis_of_environment = self.lock.as_ref().is_some_and(LockArgs::is_of_environment);
        let services = services(self.database, self.lock)?;
        check_assertions(&self.assertions, &strategies, kind)?;
        let inputs = reproduce::Inputs {
            words: &self.words,
            kind,
            repeats,
            options: &choice.to_args(),
            plan: &plan,
            services: &services,
            is_redis_of_environment,
            assertions: &self.assertions,
        };
        let reproduce = inputs.reproduce();
        Ok(RaceCommand {
            strategies,
            kind,
            repeats,
            plan,
            services,
            assertions: self.assertions,
            history: self.history,
            output: self.output,
            reproduce,
        })
    }
}

/// A user that stalls sleeps longer than the time to live.
fn refuse_long_stalls(plan: &Plan, strategies: &[BuiltIn]) -> Result<(), String> {
    let mut stalls = plan.faults.iter().filter(|it| it.fault == Fault::Stall);
    let Some(stall) = stalls.next() else {
        return Ok(());
    };
    let mut ttls = strategies.iter().filter_map(Strategy::ttl);
    match ttls.find(|ttl| outlasts(stall, Some(*ttl), plan.timeout).is_some()) {
        Some(ttl) => Err(format!(
            "'stall' sleeps longer than the time to live, {ttl}: give a shorter --ttl, such as 50ms"
        )),
        None => Ok(()),
    }
}

/// Nobody waits longer for what is late, or for a Redis that stands still, than for a silent service.
fn refuse_what_takes_too_long(plan: &Plan) -> Result<(), String> {
    let limit = Millis(plan.timeout);
    let faults = plan.faults.iter();
    let mut beyond = faults.filter(|it| outlasts(it, None, plan.timeout).is_some());
    let Some(fault) = beyond.next() else {
        return Ok(());
    };
    let how = if fault.fault == Fault::Late {
        format!("arrives after --timeout {limit}, for which the end of a race waits at the most")
    } else {
        format!("takes as long as --timeout {limit} or longer, after which Redis is given up")
    };
    Err(format!(
        "--fault '{fault}' {how}: give a shorter time, or raise --timeout"
    ))
}

/// Every assertion is about a strategy that is raced.
fn check_assertions(
    assertions: &[Assertion],
    strategies: &[BuiltIn],
    kind: RaceKind,
) -> Result<(), String> {
    let names = || strategies.iter().map(Strategy::name);
    for assertion in assertions {
        match &assertion.strategy {
            Some(name) if names().any(|raced| raced == name) => {}
            Some(name) => {
                return Err(format!(
                    "--assert '{assertion}': '{name}' is not in this race; it has: {}",
                    names().collect::<Vec<_>>().join(", ")
                ));
            }
            None if kind == RaceKind::Single => {}
            None => {
                let first = names().next().unwrap_or_default();
                return Err(format!(
                    "--assert '{assertion}': say of which strategy, such as '{first}.{assertion}'"
                ));
            }
        }
    }
    Ok(())
}
