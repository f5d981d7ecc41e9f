//! The report on races, in every form: a race is told in full, several side by side.

use serde::{Deserialize, Serialize};

use super::assertion::{AssertionReport, AssertionResult};
use super::blocks::{Block, Cell, Table, Tone, cell, head};
use super::comparison::{Comparison, compared};
use super::content::{Content, headings};
use super::diagram::Diagram;
use super::figures::Figures;
use super::kind::{ReportKind, VERSION};
use super::race::{RaceReport, diagram, raced};

/// All that a command found out.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The version of the JSON form of this report.
    pub version: u32,
    /// What it tells of.
    pub kind: ReportKind,
    /// The version of racesim.
    pub racesim: String,
    /// A line that races the same inputs again.
    pub reproduce: Option<String>,
    /// What that line does not say: where a secret was left out; `None` when that is nothing.
    pub reproduce_note: Option<String>,
    /// One entry for each strategy.
    pub races: Vec<RaceReport>,
    /// The strategies side by side.
    pub comparison: Option<Comparison>,
    /// What was demanded, and what was found.
    pub assertions: Vec<AssertionReport>,
    /// Whether a signal ended it early: then it tells what was known.
    pub stopped: bool,
}

impl Report {
    /// The version of the JSON form that this build writes.
    pub const VERSION: u32 = VERSION;

    /// The version of racesim that writes it.
    pub const RACESIM: &str = env!("CARGO_PKG_VERSION");

    /// A report on these races.
    #[must_use]
    pub fn of(kind: ReportKind, races: Vec<RaceReport>) -> Self {
        Self {
            version: Self::VERSION,
            kind,
            racesim: Self::RACESIM.to_owned(),
            reproduce: None,
            reproduce_note: None,
            races,
            comparison: None,
            assertions: Vec::new(),
            stopped: false,
        }
    }
}

impl Content for Report {
    fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        match &self.comparison {
            Some(comparison) => compared(&self.races, comparison, &mut blocks),
            None => self.races.iter().for_each(|race| raced(race, &mut blocks)),
        }
        if self.stopped {
            blocks.push(Block::Note(stopped(self)));
        }
        if !self.assertions.is_empty() {
            blocks.push(Block::Table(assertions(&self.assertions)));
        }
        if let Some(line) = &self.reproduce {
            blocks.push(Block::Command(
                "To repeat (same inputs; the scheduling still varies):".to_owned(),
                line.clone(),
            ));
            if let Some(note) = &self.reproduce_note {
                blocks.push(Block::Note(format!("Run it {note}.")));
            }
        }
        blocks
    }

    fn records(&self) -> Vec<Vec<String>> {
        let mut head = headings(["strategy", "users", "rounds", "seed", "verdict"]);
        head.extend(Figures::default().row().into_iter().map(|it| it.0));
        let rows = self.races.iter().map(|race| {
            let header = &race.header;
            let mut row = vec![
                header.strategy.clone(),
                header.users.to_string(),
                race.rounds.to_string(),
                header.seed.to_string(),
                race.verdict.to_string(),
            ];
            row.extend(race.figures.row().into_iter().map(|it| it.1));
            row
        });
        std::iter::once(head).chain(rows).collect()
    }

    fn diagrams(&self) -> Vec<Diagram> {
        let explained = self
            .races
            .iter()
            .filter_map(|race| race.explanation.as_ref());
        explained.map(diagram).collect()
    }

    fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }
}

/// How far it came before a signal ended it.
fn stopped(report: &Report) -> String {
    let rounds = report.races.iter().map(|race| {
        let rounds = if race.rounds == 1 { "round" } else { "rounds" };
        let partly = if race.interrupted {
            ", the last not whole"
        } else {
            ""
        };
        format!(
            "{} {rounds} of {}{partly}",
            race.rounds, race.header.strategy
        )
    });
    let rounds: Vec<String> = rounds.collect();
    if rounds.is_empty() {
        "It was stopped before the first round was whole.".to_owned()
    } else {
        format!("It was stopped: this is after {}.", rounds.join("; "))
    }
}

fn assertions(assertions: &[AssertionReport]) -> Table {
    let rows = assertions.iter().map(|report| {
        let (text, tone) = match report.result {
            AssertionResult::Holds => ("holds", Tone::Good),
            AssertionResult::Unknown => ("unknown", Tone::Unknown),
            AssertionResult::Failed => ("FAILED", Tone::Bad),
        };
        vec![
            cell(report.assertion.clone()),
            Cell {
                text: text.to_owned(),
                tone,
            },
            cell(report.found.clone()),
        ]
    });
    let head = head(["Assertion", "Result", "Found"]);
    Table {
        title: "Assertions".to_owned(),
        head,
        numbers_from: 3,
        tail: 0,
        rows: rows.collect(),
    }
}
