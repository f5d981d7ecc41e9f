//! `racesim repeat`: a recorded plan, raced again.

use tokio_util::sync::CancellationToken;

use super::output::PIPE_LIMIT;
use super::place::Uses;
use super::{AppError, Exit, input, race};
use crate::cli::RepeatCommand;
use crate::engine::EngineError;
use crate::history::{self, Header, Recording};

pub(super) async fn run(command: RepeatCommand, stop: CancellationToken) -> Result<Exit, AppError> {
    let path = command.file.clone();
    let refused = |reason: String| AppError::Repeat {
        path: path.display().to_string(),
        reason,
    };
    let reading = input::read(&path, PIPE_LIMIT, history::read);
    let read = stop.run_until_cancelled(reading).await;
    let read = read
        .ok_or(EngineError::Stopped)?
        .map_err(|error| refused(error.to_string()))?;
    let recording = read.map_err(|error| refused(error.to_string()))?;
    refuse_damaged(&recording).map_err(refused)?;
    let race = command.race(&strategies(&recording)).map_err(refused)?;
    let uses = Uses {
        input: Some(&path),
        ..Uses::default()
    };
    Box::pin(race::run(race, uses, stop)).await
}

/// Of what is not whole nobody knows whether the plan is.
fn refuse_damaged(recording: &Recording) -> Result<(), String> {
    let races = recording.races.iter();
    let mut damages = races.filter_map(|race| race.history.damage.as_deref());
    let damage = damages.next().or(recording.damage.as_deref());
    damage.map_or(Ok(()), |damage| {
        Err(format!(
            "{damage}; run the race again, and record it with --history FILE"
        ))
    })
}

/// The header of each strategy's first round.
fn strategies(recording: &Recording) -> Vec<&Header> {
    let headers = recording.races.iter().map(|race| &race.history.header);
    headers.filter(|header| header.round == 0).collect()
}
