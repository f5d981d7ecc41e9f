//! What the real stores did when an interleaving was forced on them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::explore::replay::Replayed;
use crate::history::{LockRecord, Reply};
use crate::report::kind::ReportKind;
use crate::report::verdicts::{VerdictReport, verdicts_on};
use crate::report::words::stores;
use crate::schedule::Schedule;

/// A schedule, or all of them, on the real stores.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayReport {
    /// The version of the JSON form of this report.
    pub version: u32,
    /// What it tells of.
    pub kind: ReportKind,
    /// The version of racesim that wrote it.
    pub racesim: String,
    /// The strategy's name.
    pub strategy: String,
    /// The strategy's options that differ from the usual ones.
    pub settings: String,
    /// How many users took part.
    pub users: u32,
    /// The database, its version and its settings.
    pub database: String,
    /// The lock service and its version; `None` when the strategy takes no lock.
    pub lock: Option<LockRecord>,
    /// How many interleavings were forced.
    pub interleavings: usize,
    /// How many of them ended with so many bookings of the seat.
    pub by_bookings: BTreeMap<usize, usize>,
    /// Where the model and the real stores differ.
    pub differences: Vec<String>,
    /// Whether a signal ended it early: then it tells what was known.
    pub stopped: bool,
    /// The schedule, when it was one.
    pub single: Option<SingleReplay>,
}

/// One schedule on the real stores.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SingleReplay {
    /// What was asked for.
    pub schedule: Schedule,
    /// Its moves, and those after it that took everybody to the end.
    pub moves: Vec<MoveReport>,
    /// What the checker says about what really happened.
    pub verdicts: Vec<VerdictReport>,
}

/// One move.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveReport {
    /// The move.
    pub step: String,
    /// What the model says that it is answered.
    pub model: Option<Reply>,
    /// What it was really answered.
    pub real: Option<Reply>,
    /// What it changed.
    pub change: String,
    /// Whether it was part of what was asked for.
    pub is_asked: bool,
}

impl ReplayReport {
    /// What the interleavings were forced on, in words.
    #[must_use]
    pub fn stores(&self) -> &'static str {
        stores(self.lock.as_ref())
    }
}

impl SingleReplay {
    /// The report on a schedule that was forced.
    #[must_use]
    pub fn of(replayed: &Replayed) -> Self {
        let asked = replayed.schedule.0.len();
        let moves = replayed
            .model
            .moves
            .iter()
            .zip(&replayed.replies)
            .enumerate();
        Self {
            schedule: replayed.schedule.clone(),
            moves: moves
                .map(|(at, (told, real))| MoveReport {
                    step: told.step.to_string(),
                    model: told.reply,
                    real: *real,
                    change: told.change.clone(),
                    is_asked: at < asked,
                })
                .collect(),
            verdicts: verdicts_on(&replayed.history),
        }
    }
}
