//! Reports: a folder per kind, a file per format, and what they share.
//!
//! Each kind of report says what a format needs (`content`): blocks of text and tables, rows for a
//! machine, diagrams, JSON. No format knows a kind, and no kind a format.

mod assertion;
mod blocks;
mod comparison;
mod content;
mod diagram;
mod exploration;
mod figures;
mod formats;
mod kind;
mod matrix;
mod metrics;
mod race;
mod races;
mod replay;
mod timing;
mod verdicts;
mod words;

use std::io::{self, Write};

pub use assertion::{Assertion, AssertionError, AssertionReport, AssertionResult};
pub use comparison::{ComparedValue, Comparison, ComparisonRow, Measure, Probes, are_clear};
pub use exploration::{ExploreReport, PropertyReport};
pub use figures::{Figures, Round};
pub use formats::{Colour, Format, Look, UnknownFormat, terminal_width};
pub use kind::ReportKind;
pub use matrix::{MatrixCell, MatrixReport, MatrixRow};
pub use metrics::{METRICS, Metric, Metrics, TOTAL, Unit};
pub use race::{LockLeftReport, RaceReport, RoundsApart, SeatReport, SeatsListed, Tally};
pub use races::Report;
pub use replay::{MoveReport, ReplayReport, SingleReplay};
pub use timing::TimingReport;
pub use verdicts::VerdictReport;

use content::Content;

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

impl<'a> AnyReport<'a> {
    /// What the formats show.
    fn content(self) -> &'a dyn Content {
        match self {
            Self::Races(report) => report,
            Self::Exploration(report) => report,
            Self::Replay(report) => report,
            Self::Matrix(report) => report,
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
    formats::write(report.content(), format, look, to)
}
