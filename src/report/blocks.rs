//! Blocks of text and tables: what every kind of report is made of before it takes a form.

use super::metrics::Unit;
use crate::checker::VerdictKind;

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
    pub(super) numbers_from: usize,
    /// How many columns at the end are text.
    pub(super) tail: usize,
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

/// A plain cell.
pub(super) fn cell(text: impl Into<String>) -> Cell {
    Cell {
        text: text.into(),
        tone: Tone::Plain,
    }
}

/// The headings of a table.
pub(super) fn head<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}

/// A name and its value.
pub(super) fn fact(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

/// A cell about seats that were sold more than once, which may not be known.
pub(super) fn oversold(text: String, double_bookings: Option<f64>) -> Cell {
    let tone = match double_bookings {
        Some(0.0) => Tone::Good,
        Some(_) => Tone::Bad,
        None => Tone::Unknown,
    };
    Cell { text, tone }
}

/// A number that may not be known.
pub(super) fn known(number: Option<u64>) -> String {
    number.map_or_else(|| "n/a".to_owned(), shown)
}

/// What a verdict means.
pub(super) const fn tone(verdict: VerdictKind) -> Tone {
    match verdict {
        VerdictKind::Holds => Tone::Good,
        VerdictKind::Unknown => Tone::Unknown,
        VerdictKind::Violated => Tone::Bad,
    }
}

/// A count for a person.
pub(super) fn shown(number: u64) -> String {
    Unit::Count.shown(crate::stats::as_f64(number))
}

/// A length as a count.
pub(super) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
