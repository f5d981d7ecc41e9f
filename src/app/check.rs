//! `racesim check`: the verdict on races that were recorded.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use super::output::Outlets;
use super::{AppError, Exit};
use crate::cli::Output;
use crate::history;
use crate::report::{RaceReport, Report, Shown, Tally};

pub(super) fn run(path: &Path, output: &Output) -> Result<Exit, AppError> {
    let unreadable = |reason: String| AppError::History {
        path: path.display().to_string(),
        reason,
    };
    let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let histories =
        history::read(BufReader::new(file)).map_err(|error| unreadable(error.to_string()))?;
    let mut outlets = Outlets::open(output, &[path])?;
    let mut tallies: Vec<(String, Tally)> = Vec::new();
    for history in &histories {
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
    outlets.publish(Shown::Races(&Report::of(races)))?;
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
