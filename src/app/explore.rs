//! `racesim explore`: whether any interleaving breaks a strategy.

use super::output::Outlets;
use super::{AppError, Exit};
use crate::cli::{Expectation, ExploreCommand};
use crate::explore::{Answer, Asked, follow, search};
use crate::report::{ExploreReport, PropertyReport, Report, Shown};
use crate::strategy::Strategy;

pub(super) fn run(command: &ExploreCommand) -> Result<Exit, AppError> {
    let mut outlets = Outlets::open(&command.output, &[])?;
    let properties = command
        .properties
        .iter()
        .map(|property| answer(command, *property));
    let report = ExploreReport {
        version: Report::VERSION,
        strategy: command.strategy.name().to_owned(),
        settings: command.strategy.settings(),
        users: command.search.users,
        faults: command
            .search
            .faults
            .iter()
            .map(ToString::to_string)
            .collect(),
        ttl_ms: command.strategy.ttl().map(crate::lock::Ttl::as_millis),
        properties: properties.collect::<Result<_, AppError>>()?,
    };
    outlets.publish(Shown::Exploration(&report))?;
    Ok(exit(&report, command.expected))
}

fn answer(command: &ExploreCommand, property: Asked) -> Result<PropertyReport, AppError> {
    let found = search(&command.strategy, property, &command.search);
    let trace = match &found.answer {
        Answer::Violated(schedule) => {
            let trace = follow(&command.strategy, schedule, command.search.users);
            Some(trace.map_err(crate::replay::ReplayError::from)?)
        }
        _ => None,
    };
    Ok(PropertyReport::of(&found, trace.as_ref()))
}

fn exit(report: &ExploreReport, expected: Expectation) -> Exit {
    let any = |verdict: &str| {
        report
            .properties
            .iter()
            .any(|property| property.verdict == verdict)
    };
    match (any("violated"), any("unknown"), expected) {
        (true, _, Expectation::Violated) | (false, false, Expectation::Holds) => Exit::Holds,
        (true, _, Expectation::Holds) | (false, false, Expectation::Violated) => Exit::Violated,
        (false, true, _) => Exit::Unknown,
    }
}
