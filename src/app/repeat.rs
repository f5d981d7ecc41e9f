//! `racesim repeat`: a recorded plan, raced again.

use tokio_util::sync::CancellationToken;

use super::output::{PIPE_LIMIT, print_error};
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
    let header = header_of(&recording).map_err(refused)?;
    let race = command.race(header).map_err(refused)?;
    if recording.is_stopped {
        print_error("the recorded run was stopped before its end: its whole plan is raced now");
    }
    let uses = Uses {
        input: Some(&path),
        ..Uses::default()
    };
    Box::pin(race::run(race, uses, stop)).await
}

/// The header that says what was raced, all of it. Of what is not whole nobody knows whether the plan is; a
/// run that was stopped has said its plan all the same.
fn header_of(recording: &Recording) -> Result<&Header, String> {
    let races = recording.races.iter();
    let mut damages = races.filter_map(|race| race.history.damage.as_deref());
    let of_all = recording.damage.as_deref();
    let damage = damages
        .next()
        .or_else(|| of_all.filter(|_| !recording.is_stopped));
    if let Some(damage) = damage {
        return Err(format!(
            "{damage}; run the race again, and record it with --history FILE"
        ));
    }
    let first = recording.races.first();
    let first = first.map(|race| &race.history.header);
    first.ok_or_else(|| "it holds no race: record one with --history FILE".to_owned())
}
