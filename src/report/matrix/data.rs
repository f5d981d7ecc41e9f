//! Which strategy withstands which fault.

use serde::{Deserialize, Serialize};

use crate::checker::VerdictKind;
use crate::explore::matrix::{Expected, MatrixColumn, TriedCell};
use crate::explore::{Limit, SearchVerdict};
use crate::history::LockRecord;
use crate::report::kind::ReportKind;
use crate::schedule::Schedule;

/// Strategies against faults.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatrixReport {
    /// The version of the JSON form of this report.
    pub version: u32,
    /// What it tells of.
    pub kind: ReportKind,
    /// The version of racesim that wrote it.
    pub racesim: String,
    /// The database, its version and its settings.
    pub database: String,
    /// The lock services and their version; `None` when no strategy takes a lock.
    pub lock: Option<LockRecord>,
    /// What may go wrong.
    pub columns: Vec<MatrixColumn>,
    /// The strategies.
    pub rows: Vec<MatrixRow>,
    /// How many cells were held against what is known.
    pub judged: usize,
    /// How many cells are not as they are to be.
    pub disagreeing: usize,
    /// Whether a signal ended it early: then it tells what was known.
    pub stopped: bool,
    /// How long it took, in milliseconds.
    pub took_ms: f64,
}

/// One strategy under every fault.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatrixRow {
    /// The strategy with its options, as a person types it.
    pub strategy: String,
    /// One for each column; fewer when it was stopped.
    pub cells: Vec<MatrixCell>,
}

/// One strategy under one fault.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatrixCell {
    /// What the search answers.
    pub verdict: VerdictKind,
    /// What ended the search early, where that is why it is unknown.
    pub limit: Option<Limit>,
    /// How many moves break it.
    pub moves: Option<usize>,
    /// The shortest schedule that does.
    pub schedule: Option<Schedule>,
    /// How many different states were seen.
    pub states: u64,
    /// How many interleavings were forced on the real stores.
    pub forced: usize,
    /// The fewest bookings that one of them left.
    pub fewest_bookings: usize,
    /// The most.
    pub most_bookings: usize,
    /// What is known: `holds`, or the number of moves; `None` when nothing was stated.
    pub expected: Option<String>,
    /// Where it is known from.
    pub source: Option<String>,
    /// What stands against it; `None` when all agree.
    pub objection: Option<String>,
}

impl MatrixCell {
    /// The report on a cell; `source` is where its expectation is known from, in full.
    #[must_use]
    pub fn of(cell: &TriedCell, source: Option<String>) -> Self {
        let (limit, schedule) = match &cell.found.answer {
            SearchVerdict::Holds => (None, None),
            SearchVerdict::Violated(schedule) => (None, Some(schedule.clone())),
            SearchVerdict::Unknown(limit) => (Some(*limit), None),
        };
        let (fewest, most) = cell.real.bookings;
        let expected = cell.expected.as_ref().map(|line| match line.expected {
            Expected::Holds => "holds".to_owned(),
            Expected::CannotHappen => "cannot happen".to_owned(),
            Expected::Breaks(moves) => moves.to_string(),
        });
        Self {
            verdict: cell.found.answer.kind(),
            limit,
            moves: schedule.as_ref().map(|schedule| schedule.0.len()),
            schedule,
            states: cell.found.states,
            forced: cell.real.forced,
            fewest_bookings: fewest.min(most),
            most_bookings: most,
            expected,
            source,
            objection: cell.objection(),
        }
    }
}
