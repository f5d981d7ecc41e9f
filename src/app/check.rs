//! `racesim check`: the verdict on races that were recorded.

use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::input;
use super::output::{Outputs, PIPE_LIMIT, print_error};
use super::place::Uses;
use super::{AppError, Exit, reasons};
use crate::checker::{self, Property};
use crate::cli::{self, Output};
use crate::engine::EngineError;
use crate::history::{self, Header, Recorded, Recording, SettingsRecord, StrategyRecord};
use crate::report::{AnyReport, RaceReport, Report, ReportKind, SeatsListed, Tally};
use crate::strategy::BuiltIn;

pub(super) async fn run(
    path: &Path,
    output: &Output,
    stop: CancellationToken,
) -> Result<Exit, AppError> {
    let unreadable = |reason: String| AppError::History {
        path: path.display().to_string(),
        reason,
    };
    let uses = Uses {
        input: Some(path),
        ..Uses::default()
    };
    let mut outputs = Outputs::open(output, uses, PIPE_LIMIT).await?;
    let reading = input::read(path, PIPE_LIMIT, history::read);
    let read = stop.run_until_cancelled(reading).await;
    let read = read
        .ok_or(EngineError::Stopped)?
        .map_err(|error| unreadable(error.to_string()))?;
    let mut recording = read.map_err(|error| unreadable(error.to_string()))?;
    if recording.races.is_empty() {
        let why = recording.damage.take().unwrap_or_default();
        let nothing = format!("'{}' holds no race: {why}", path.display());
        outputs
            .publish(AnyReport::Races(&Report::of(ReportKind::Check, Vec::new())))
            .await?;
        print_error(&nothing);
        return Ok(Exit::Unknown);
    }
    recording.races.iter_mut().for_each(examine);
    let races = judged(&recording, output.seats, &stop);
    let exit = exit(&races);
    let report = Report {
        stopped: stop.is_cancelled(),
        ..Report::of(ReportKind::Check, races)
    };
    let published = outputs.publish(AnyReport::Races(&report)).await;
    let races = report.races.iter();
    let reasons = races.flat_map(|race| reasons::of_race(race, true, exit));
    outputs.warn(report.stopped, &reasons.collect::<Vec<_>>());
    published?;
    Ok(exit)
}

/// The verdicts on each strategy's races, as far as the run is not stopped.
fn judged(recording: &Recording, listed: SeatsListed, stop: &CancellationToken) -> Vec<RaceReport> {
    let mut tallies: Vec<(&Header, Tally)> = Vec::new();
    for race in &recording.races {
        if stop.is_cancelled() {
            break;
        }
        let history = &race.history;
        let header = &history.header;
        let is_same = |other: &Header| {
            (&other.strategy, &other.settings) == (&header.strategy, &header.settings)
        };
        match tallies.iter_mut().find(|(other, _)| is_same(other)) {
            Some((_, tally)) => tally.add(history),
            None => tallies.push((header, Tally::begin_by(&Property::ALL, history))),
        }
    }
    if let Some(damage) = &recording.damage {
        for (_, tally) in &mut tallies {
            tally.lose(damage);
        }
    }
    let tallies = tallies.into_iter();
    tallies.map(|(_, tally)| tally.report(listed)).collect()
}

/// Nothing can be concluded from what racesim cannot have written.
fn examine(race: &mut Recorded) {
    if race.history.damage.is_some() {
        return;
    }
    let header = &race.history.header;
    let known = match &header.settings {
        SettingsRecord::Options(settings) => BuiltIn::recorded(&StrategyRecord {
            strategy: header.strategy.clone(),
            settings: settings.clone(),
            ttl_ms: header.ttl_ms,
        }),
        SettingsRecord::Words(words) => cli::strategy_of(&format!("{} {words}", header.strategy)),
    };
    race.history.damage = match known {
        Ok(strategy) => checker::objection_by(race, &strategy),
        // A strategy of somebody's own.
        Err(_) => checker::objection(race),
    };
}

/// Here the person asks whether it is right, so a double booking counts against every strategy.
fn exit(races: &[RaceReport]) -> Exit {
    if races.iter().any(|race| race.breaks(true)) {
        Exit::Violated
    } else if races.iter().any(|race| !race.troubles.is_empty()) {
        Exit::Service
    } else if races.iter().any(RaceReport::is_unknown) {
        Exit::Unknown
    } else {
        Exit::Holds
    }
}
