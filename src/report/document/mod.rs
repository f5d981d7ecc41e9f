//! A report as blocks of text and tables, before it takes a form.

mod comparison;
mod exploration;
mod matrix;
mod race;

pub(super) use exploration::{explored, replayed};
pub(super) use matrix::matrix;

use super::{AssertionReport, AssertionResult, Report};
use crate::report::metrics::Unit;

/// A part of a document.
pub(super) enum Block {
    /// What comes next.
    Title(String),
    /// Names and values.
    Facts(Vec<(String, String)>),
    /// A table.
    Table(Table),
    /// A sentence, on one line.
    Note(String),
    /// Sentences, a line each.
    Lines(Vec<String>),
    /// What a command is for, and the command.
    Command(String, String),
}

/// A table.
pub(super) struct Table {
    /// What it shows; empty when that is plain.
    pub(super) title: String,
    /// The headings.
    pub(super) head: Vec<String>,
    /// The first column of numbers; those after it are numbers too, but for the last `tail`.
    numbers_from: usize,
    /// How many columns at the end are text.
    tail: usize,
    /// The rows.
    pub(super) rows: Vec<Vec<Cell>>,
}

impl Table {
    /// How many columns at the beginning say what a row is.
    pub(super) fn labels(&self) -> usize {
        if self.numbers_from < self.head.len() {
            self.numbers_from.max(1)
        } else {
            1
        }
    }

    /// Whether the column holds numbers.
    pub(super) fn is_number(&self, column: usize) -> bool {
        (self.numbers_from..self.head.len() - self.tail).contains(&column)
    }
}

/// A cell of a table.
pub(super) struct Cell {
    /// What it says.
    pub(super) text: String,
    /// What it means.
    pub(super) tone: Tone,
}

/// What a cell means, for its colour.
#[derive(Clone, Copy)]
pub(super) enum Tone {
    Plain,
    Good,
    Bad,
    Unknown,
}

fn cell(text: impl Into<String>) -> Cell {
    Cell {
        text: text.into(),
        tone: Tone::Plain,
    }
}

fn head<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}

fn fact(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

/// The report as a document: a comparison is told by its rows, a single race in full.
pub(super) fn of(report: &Report) -> Vec<Block> {
    let mut blocks = Vec::new();
    match &report.comparison {
        Some(comparison) => comparison::compared(report, comparison, &mut blocks),
        None => report
            .races
            .iter()
            .for_each(|race| race::raced(race, &mut blocks)),
    }
    if report.stopped {
        blocks.push(Block::Note(stopped(report)));
    }
    if !report.assertions.is_empty() {
        blocks.push(Block::Table(assertions(&report.assertions)));
    }
    if let Some(line) = &report.reproduce {
        blocks.push(Block::Command(
            "To repeat (same inputs; the scheduling still varies):".to_owned(),
            line.clone(),
        ));
        if let Some(note) = &report.reproduce_note {
            blocks.push(Block::Note(format!("The line is to be run {note}.")));
        }
    }
    blocks
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
    let head = head(["Assertion", "", "Found"]);
    Table {
        title: "Assertions".to_owned(),
        head,
        numbers_from: 3,
        tail: 0,
        rows: rows.collect(),
    }
}

/// A cell about seats that were sold more than once, which may not be known.
fn oversold(text: String, double_bookings: Option<f64>) -> Cell {
    let tone = match double_bookings {
        Some(0.0) => Tone::Good,
        Some(_) => Tone::Bad,
        None => Tone::Unknown,
    };
    Cell { text, tone }
}

/// A number that may not be known.
fn known(number: Option<u64>) -> String {
    number.map_or_else(|| "n/a".to_owned(), shown)
}

fn tone(verdict: &str) -> Tone {
    match verdict {
        "holds" => Tone::Good,
        "violated" => Tone::Bad,
        _ => Tone::Unknown,
    }
}

fn shown(number: u64) -> String {
    Unit::Count.shown(crate::stats::as_f64(number))
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
