//! `racesim explore`: whether any interleaving breaks a strategy.

use super::output::{Outlets, PIPE_LIMIT};
use super::place::Uses;
use super::{AppError, Exit};
use crate::checker::Property;
use crate::cli::{Expectation, ExploreCommand};
use crate::explore::{Answer, Found, follow, search};
use crate::report::{ExploreReport, PropertyReport, Report, Shown};
use crate::strategy::Strategy;

pub(super) async fn run(command: &ExploreCommand) -> Result<Exit, AppError> {
    let mut outlets = Outlets::open(&command.output, Uses::default(), PIPE_LIMIT).await?;
    let mut impossible = None;
    let mut properties = Vec::new();
    for property in &command.properties {
        let (property, found) = answer(command, *property)?;
        // Only a search that saw everything knows what never happens.
        if found.answer == Answer::Holds {
            impossible.get_or_insert(found.impossible);
        }
        properties.push(property);
    }
    let impossible = impossible.unwrap_or_default();
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
        impossible: impossible.iter().map(ToString::to_string).collect(),
        properties,
    };
    outlets.publish(Shown::Exploration(&report)).await?;
    Ok(exit(&report, command.expected))
}

fn answer(
    command: &ExploreCommand,
    property: Property,
) -> Result<(PropertyReport, Found), AppError> {
    let found = search(&command.strategy, property, &command.search);
    let trace = match &found.answer {
        Answer::Violated(schedule) => {
            let users = command.search.users.max(schedule.users());
            let trace = follow(&command.strategy, schedule, users);
            Some(trace.map_err(crate::replay::ReplayError::from)?)
        }
        _ => None,
    };
    Ok((PropertyReport::of(&found, trace.as_ref()), found))
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
