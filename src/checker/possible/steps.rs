//! The steps of a recorded race, with the lines that they stand on.

use crate::history::{Event, Recorded};

pub(super) fn at(line: u32, why: &str) -> String {
    format!("line {line} cannot be: {why}")
}

/// A step and its line.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecordedStep {
    pub(super) event: Event,
    pub(super) line: u32,
}

/// The steps of each user, in the order of the file.
pub(super) fn steps_by_user(race: &Recorded) -> Vec<RecordedStep> {
    let events = race.history.events.iter().zip(&race.lines.events);
    let mut steps: Vec<RecordedStep> = events
        .map(|(event, line)| RecordedStep { event, line: *line })
        .collect();
    steps.sort_by_key(|step| step.event.user);
    steps
}
