//! What a search of every interleaving found out.

use serde::{Deserialize, Serialize};

use crate::checker::{Property, VerdictKind};
use crate::duration::as_millis;
use crate::explore::{Found, Limit, SearchVerdict, Trace, TraceLine};
use crate::report::kind::ReportKind;
use crate::report::words::in_full;
use crate::schedule::Schedule;

/// The answers to all that was asked of one strategy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExploreReport {
    /// The version of the JSON form of this report.
    pub version: u32,
    /// What it tells of.
    #[serde(default = "exploration")]
    pub kind: ReportKind,
    /// The version of racesim that wrote it.
    #[serde(default)]
    pub racesim: String,
    /// The strategy's name.
    pub strategy: String,
    /// The strategy's options that differ from the usual ones.
    #[serde(default)]
    pub settings: String,
    /// How many users raced.
    pub users: u32,
    /// What was allowed to go wrong.
    pub faults: Vec<String>,
    /// Faults that no state of a search that saw everything could have.
    #[serde(default)]
    pub impossible: Vec<String>,
    /// How long a lock lives; `None` when the strategy takes none.
    pub ttl_ms: Option<u64>,
    /// One entry for each property.
    pub properties: Vec<PropertyReport>,
}

/// What a document tells of that was written when they did not say so.
const fn exploration() -> ReportKind {
    ReportKind::Exploration
}

/// The answer to one question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PropertyReport {
    /// What was asked.
    pub property: Property,
    /// What the search answers.
    pub verdict: VerdictKind,
    /// How many different states were seen.
    pub states: u64,
    /// The most moves from the start to any of them.
    pub depth: u64,
    /// How long it took, in milliseconds.
    pub took_ms: f64,
    /// What ended the search early.
    pub limit: Option<Limit>,
    /// The shortest schedule that breaks it.
    pub schedule: Option<Schedule>,
    /// That schedule with its answers.
    pub moves: Vec<TraceLine>,
}

impl PropertyReport {
    /// The report on what was found; `trace` tells the schedule that broke it.
    #[must_use]
    pub fn of(found: &Found, trace: Option<&Trace>) -> Self {
        let (limit, schedule) = match &found.answer {
            SearchVerdict::Holds => (None, None),
            SearchVerdict::Violated(schedule) => (None, Some(schedule.clone())),
            SearchVerdict::Unknown(limit) => (Some(*limit), None),
        };
        let moves = trace.map_or(&[][..], |trace| &trace.moves);
        Self {
            property: found.property,
            verdict: found.answer.kind(),
            states: found.states,
            depth: found.depth,
            took_ms: as_millis(found.took),
            limit,
            schedule,
            moves: moves.iter().map(crate::explore::Told::line).collect(),
        }
    }

    /// The verdict, and what ended the search early where that is why.
    #[must_use]
    pub fn verdict_in_full(&self) -> String {
        match self.limit {
            None => self.verdict.to_string(),
            Some(limit) => format!("{}: {limit}", self.verdict),
        }
    }

    /// How many moves break it.
    #[must_use]
    pub fn steps(&self) -> Option<usize> {
        self.schedule.as_ref().map(|schedule| schedule.0.len())
    }
}

impl ExploreReport {
    /// The command that forces a schedule of this report on the real stores.
    #[must_use]
    pub fn replay_line(&self, schedule: &Schedule) -> String {
        format!("racesim replay {} --schedule '{schedule}'", self.in_full())
    }

    /// The strategy with its options, as a person types it.
    #[must_use]
    pub fn in_full(&self) -> String {
        in_full(&self.strategy, &self.settings)
    }
}
