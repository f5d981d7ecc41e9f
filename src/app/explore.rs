//! `racesim explore`: whether any interleaving breaks a strategy.

use tokio_util::sync::CancellationToken;

use super::output::{Outputs, PIPE_LIMIT};
use super::place::Uses;
use super::progress::SearchLine;
use super::{AppError, Exit, reasons};
use crate::checker::Property;
use crate::checker::VerdictKind;
use crate::cli::{Expectation, ExploreCommand};
use crate::explore::{Found, SearchVerdict, SearchWatch, follow, search_until};
use crate::report::{AnyReport, ExploreReport, PropertyReport, Report, ReportKind};
use crate::strategy::Strategy;

/// Once it is stopped, what has not been answered is unknown.
pub(super) async fn run(
    command: &ExploreCommand,
    stop: CancellationToken,
) -> Result<Exit, AppError> {
    let mut outputs = Outputs::open(&command.output, Uses::default(), PIPE_LIMIT).await?;
    let mut impossible = None;
    let mut properties = Vec::new();
    for property in &command.properties {
        let line = (!outputs.is_quiet())
            .then(|| SearchLine::begin(*property))
            .flatten();
        let (property, found) = answer(command, *property, &stop, line)?;
        // Only a search that saw everything knows what never happens.
        if found.answer == SearchVerdict::Holds {
            impossible.get_or_insert(found.impossible);
        }
        properties.push(property);
    }
    let impossible = impossible.unwrap_or_default();
    let report = ExploreReport {
        version: Report::VERSION,
        kind: ReportKind::Exploration,
        racesim: Report::RACESIM.to_owned(),
        strategy: command.strategy.name().to_owned(),
        settings: command.strategy.settings().to_string(),
        users: command.search.users,
        faults: command
            .search
            .faults
            .iter()
            .map(ToString::to_string)
            .collect(),
        ttl_ms: command
            .strategy
            .ttl()
            .map(crate::services::lock::Ttl::as_millis),
        impossible: impossible.iter().map(ToString::to_string).collect(),
        properties,
    };
    let exit = exit(&report, command.expected);
    let published = outputs.publish(AnyReport::Exploration(&report)).await;
    let reasons = reasons::of_search(&report, command.expected, exit);
    outputs.warn(stop.is_cancelled(), &reasons);
    published?;
    Ok(exit)
}

fn answer(
    command: &ExploreCommand,
    property: Property,
    stop: &CancellationToken,
    line: Option<SearchLine>,
) -> Result<(PropertyReport, Found), AppError> {
    let show = |now| line.iter().for_each(|line| line.show(now));
    let watch: Option<SearchWatch<'_>> = line.is_some().then_some(&show);
    let found = search_until(&command.strategy, property, &command.search, stop, watch);
    drop(line);
    AppError::unless_on_a_thread(&found.answer)?;
    let trace = match &found.answer {
        SearchVerdict::Violated(schedule) => {
            let users = command.search.users.max(schedule.users());
            let trace = follow(&command.strategy, schedule, users);
            Some(trace.map_err(crate::explore::replay::ReplayError::from)?)
        }
        SearchVerdict::Holds | SearchVerdict::Unknown(_) => None,
    };
    Ok((PropertyReport::of(&found, trace.as_ref()), found))
}

fn exit(report: &ExploreReport, expected: Expectation) -> Exit {
    let any = |verdict: VerdictKind| {
        report
            .properties
            .iter()
            .any(|property| property.verdict == verdict)
    };
    match (
        any(VerdictKind::Violated),
        any(VerdictKind::Unknown),
        expected,
    ) {
        (true, _, Expectation::Violated) | (false, false, Expectation::Holds) => Exit::Holds,
        (true, _, Expectation::Holds) | (false, false, Expectation::Violated) => Exit::Violated,
        (false, true, _) => Exit::Unknown,
    }
}
