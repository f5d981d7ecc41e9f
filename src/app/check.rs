//! `racesim check`: the verdict on races that were recorded.

use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::input;
use super::output::{Outlets, PIPE_LIMIT};
use super::place::Uses;
use super::{AppError, Exit};
use crate::cli::Output;
use crate::engine::EngineError;
use crate::history;
use crate::report::{RaceReport, Report, Shown, Tally};

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
    let mut outlets = Outlets::open(output, uses, PIPE_LIMIT).await?;
    let reading = input::read(path, PIPE_LIMIT, history::read);
    let read = stop.run_until_cancelled(reading).await;
    let read = read
        .ok_or(EngineError::Stopped)?
        .map_err(|error| unreadable(error.to_string()))?;
    let histories = read.map_err(|error| unreadable(error.to_string()))?;
    let mut tallies: Vec<(String, Tally)> = Vec::new();
    for history in &histories {
        if stop.is_cancelled() {
            break;
        }
        let name = &history.header.strategy;
        match tallies.iter_mut().find(|(strategy, _)| strategy == name) {
            Some((_, tally)) => tally.add(history),
            None => tallies.push((name.clone(), Tally::begin(history))),
        }
    }
    let races: Vec<RaceReport> = tallies
        .into_iter()
        .map(|(_, tally)| tally.report())
        .collect();
    let exit = exit(&races);
    let report = Report {
        stopped: stop.is_cancelled(),
        ..Report::of(races)
    };
    outlets.publish(Shown::Races(&report)).await?;
    Ok(exit)
}

/// Here the person asks whether it is right, so a double booking counts against every strategy.
fn exit(races: &[RaceReport]) -> Exit {
    if races.iter().any(|race| race.breaks(true)) {
        Exit::Violated
    } else if races.iter().any(RaceReport::is_unknown) {
        Exit::Unknown
    } else {
        Exit::Holds
    }
}
