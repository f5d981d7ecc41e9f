//! Reports: one [`Report`], one list of columns, a file per format.

mod assertion;
mod comparison;
mod csv;
mod diagram;
mod document;
mod exploration;
mod figures;
mod markdown;
mod matrix;
mod metrics;
mod race;
mod replay;
mod table;
mod timing;

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use serde::Serialize;

use crate::escape;

pub use assertion::{Assertion, AssertionError, AssertionReport, AssertionResult};
pub use comparison::{ComparedValue, Comparison, ComparisonRow, Measure, Probes, are_clear};
pub use exploration::{ExploreReport, PropertyReport};
pub use figures::{Figures, Round};
pub use matrix::{MatrixCell, MatrixReport, MatrixRow};
pub use metrics::{METRICS, Metric, Metrics, TOTAL, Unit};
pub use race::{RaceReport, SeatReport, Tally, VerdictReport};
pub use replay::{MoveReport, ReplayReport, SingleReplay};
pub use table::terminal_width;
pub use timing::TimingReport;

/// All that a command found out.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The version of the JSON form of this report.
    pub version: u32,
    /// The version of racesim.
    pub racesim: &'static str,
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
    pub const VERSION: u32 = 2;

    /// A report on these races.
    #[must_use]
    pub fn of(races: Vec<RaceReport>) -> Self {
        Self {
            version: Self::VERSION,
            racesim: env!("CARGO_PKG_VERSION"),
            reproduce: None,
            reproduce_note: None,
            races,
            comparison: None,
            assertions: Vec::new(),
            stopped: false,
        }
    }
}

/// A form that a report can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Tables for a person.
    Table,
    /// The whole report for a machine.
    Json,
    /// A row of metrics for each strategy.
    Csv,
    /// Tables for a page.
    Markdown,
    /// The interleavings as Mermaid sequence diagrams.
    Mermaid,
}

impl Format {
    /// Every form there is.
    pub const ALL: [Self; 5] = [
        Self::Table,
        Self::Json,
        Self::Csv,
        Self::Markdown,
        Self::Mermaid,
    ];
}

/// The formats by name.
const FORMATS: [(&str, Format); 5] = [
    ("table", Format::Table),
    ("json", Format::Json),
    ("csv", Format::Csv),
    ("markdown", Format::Markdown),
    ("mermaid", Format::Mermaid),
];

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        let found = FORMATS.iter().find(|(name, _)| *name == text);
        found
            .map(|(_, format)| *format)
            .ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = FORMATS.iter().find(|(_, format)| format == self);
        f.write_str(found.map_or("", |(name, _)| name))
    }
}

/// A format that there is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no format '{0}': write table, json, csv, markdown or mermaid")]
pub struct UnknownFormat(String);

/// Whether tables are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// With colours.
    On,
    /// Without.
    Off,
}

/// How a table looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whether it is coloured.
    pub colour: Colour,
    /// How wide it may be; `None` for as wide as it likes.
    pub width: Option<u16>,
}

impl Look {
    /// Of a table in a file.
    pub const PLAIN: Self = Self {
        colour: Colour::Off,
        width: None,
    };
}

/// A report on one of the things that racesim does.
#[derive(Debug, Clone, Copy)]
pub enum AnyReport<'a> {
    /// Races.
    Races(&'a Report),
    /// A search of every interleaving.
    Exploration(&'a ExploreReport),
    /// Interleavings forced on the real stores.
    Replay(&'a ReplayReport),
    /// Strategies against faults.
    Matrix(&'a MatrixReport),
}

impl AnyReport<'_> {
    fn document(self) -> Vec<document::Block> {
        match self {
            Self::Races(report) => document::of(report),
            Self::Exploration(report) => document::explored(report),
            Self::Replay(report) => document::replayed(report),
            Self::Matrix(report) => document::matrix(report),
        }
    }

    fn json(self) -> serde_json::Result<String> {
        match self {
            Self::Races(report) => serde_json::to_string_pretty(report),
            Self::Exploration(report) => serde_json::to_string_pretty(report),
            Self::Replay(report) => serde_json::to_string_pretty(report),
            Self::Matrix(report) => serde_json::to_string_pretty(report),
        }
    }
}

/// Writes a report in one of its forms.
///
/// # Errors
/// When the writer fails.
pub fn write(
    report: AnyReport<'_>,
    format: Format,
    look: Look,
    to: &mut impl Write,
) -> io::Result<()> {
    match format {
        Format::Table => table::write(&report.document(), look, to),
        Format::Markdown => markdown::write(&report.document(), to),
        Format::Mermaid => diagram::write(report, to),
        Format::Csv => csv::write(report, to),
        Format::Json => writeln!(to, "{}", escape::json(&report.json()?)),
    }
}
