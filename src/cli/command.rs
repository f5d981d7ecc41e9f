//! Commands: what the person asked for, valid by construction.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use super::options::lock::LockArgs;
use crate::checker::Property;
use crate::explore::Search;
use crate::explore::matrix::MatrixColumn;
use crate::plan::Plan;
use crate::report::{Assertion, Format, SeatsListed};
use crate::schedule::Schedule;
use crate::services::ServiceChoice;
use crate::strategy::BuiltIn;

/// What the person asked for, valid by construction.
#[derive(Debug)]
pub enum Command {
    /// Race one strategy, or several side by side.
    Race(Box<RaceCommand>),
    /// Judge recorded races again.
    Check {
        /// The file they are recorded in.
        file: PathBuf,
        /// Where the report goes.
        output: Output,
    },
    /// Race a recorded plan again.
    Repeat(Box<RepeatCommand>),
    /// Look at every interleaving of a strategy.
    Explore(Box<ExploreCommand>),
    /// Force an interleaving on the real stores.
    Replay(Box<ReplayCommand>),
    /// Hold strategies against faults.
    Matrix(Box<MatrixCommand>),
    /// List what there is of a kind; of every kind for `None`.
    List(Option<ListKind>),
}

/// A kind of thing that has names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ListKind {
    /// How a seat is booked: `racesim STRATEGY`
    #[value(help = "how a seat is booked: racesim STRATEGY")]
    Strategies,
    /// What a search asks, and a history is judged by: `--property`
    #[value(help = "what a search asks, and a history is judged by: --property")]
    Properties,
    /// What is counted and measured: `--assert`
    #[value(help = "what is counted and measured: --assert")]
    Metrics,
    /// What can go wrong: `--fault`
    #[value(help = "what can go wrong: --fault")]
    Faults,
    /// What a schedule is made of: `--schedule`
    #[value(help = "what a schedule is made of: --schedule")]
    Moves,
}

/// A search that was asked for.
#[derive(Debug)]
pub struct ExploreCommand {
    /// The strategy.
    pub strategy: BuiltIn,
    /// How many users, which faults, how far.
    pub search: Search,
    /// What is asked.
    pub properties: Vec<Property>,
    /// Which answer is the right one.
    pub expected: Expectation,
    /// Where the report goes.
    pub output: Output,
}

/// The answer that a person expects of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Expectation {
    /// Every property holds.
    #[value(help = "every property holds")]
    Holds,
    /// Some property is violated.
    #[value(help = "some property is violated")]
    Violated,
}

/// A replay that was asked for.
#[derive(Debug)]
pub struct ReplayCommand {
    /// What is to be forced.
    pub what: ReplayWhat,
    /// On which services.
    pub services: ServiceChoice,
    /// How long nobody may move.
    pub timeout: Duration,
    /// Where the report goes.
    pub output: Output,
}

/// Which interleavings are forced.
#[derive(Debug)]
pub enum ReplayWhat {
    /// This one.
    Schedule(BuiltIn, Schedule),
    /// Every one of so many users.
    All(BuiltIn, u32),
    /// The first one that a search recorded in this file.
    File(PathBuf),
}

/// A recorded plan that is to be raced again.
#[derive(Debug)]
pub struct RepeatCommand {
    /// The file that it is recorded in.
    pub file: PathBuf,
    /// Where the bookings are kept.
    pub(super) database: Option<PathBuf>,
    /// Where the locks are.
    pub(super) lock: LockArgs,
    /// What must hold.
    pub(super) assertions: Vec<Assertion>,
    /// Where every event is written; `None` for nowhere.
    pub(super) history: Option<PathBuf>,
    /// Where the report goes.
    pub(super) output: Output,
}

/// A matrix that was asked for.
#[derive(Debug)]
pub struct MatrixCommand {
    /// Strategies by name, or with their options; none for all that are known.
    pub strategies: Vec<String>,
    /// What may go wrong; none for all that is known.
    pub columns: Vec<MatrixColumn>,
    /// Where the report goes.
    pub output: Output,
}

/// A race that was asked for.
#[derive(Debug)]
pub struct RaceCommand {
    /// The strategies, in the order of the columns.
    pub strategies: Vec<BuiltIn>,
    /// Whether they are to be compared.
    pub kind: RaceKind,
    /// How often a comparison measures what it measures beside the races.
    pub repeats: Repeats,
    /// What is to be run.
    pub plan: Plan,
    /// On which services.
    pub services: ServiceChoice,
    /// What must hold.
    pub assertions: Vec<Assertion>,
    /// Where every event is written; `None` for nowhere.
    pub history: Option<PathBuf>,
    /// Where the report goes.
    pub output: Output,
    /// A line that races the same inputs again.
    pub reproduce: Reproduce,
}

/// Whether a race stands for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RaceKind {
    /// One strategy, told in full.
    Single,
    /// Strategies side by side.
    Comparison,
}

/// How often something is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeats {
    /// So often, as the person asks.
    Exactly(NonZeroU32),
    /// Until it is clear who is better, or about a second is over.
    UntilClear,
}

/// Where a report goes, and in which form.
#[derive(Debug)]
pub struct Output {
    /// The form on stdout.
    pub format: Format,
    /// Whether tables are coloured.
    pub colour: ColourChoice,
    /// Files, each with its form.
    pub exports: Vec<(Format, PathBuf)>,
    /// Whether only errors are printed.
    pub quiet: bool,
    /// Which seats are listed.
    pub seats: SeatsListed,
}

/// When tables are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ColourChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[value(help = "on a terminal, unless NO_COLOR is set")]
    Auto,
    /// Also in a file or a pipe.
    #[value(help = "also in a file or a pipe")]
    Always,
    /// Nowhere.
    #[value(help = "no colour")]
    Never,
}

/// Why there is no command.
#[derive(Debug)]
pub enum Refusal {
    /// The person asked for help or the version: this text, on stdout.
    Help(Page),
    /// The person asked for nothing: this text, on stderr.
    Nothing(Page),
    /// The person's words are off: one line that says how.
    Usage(String),
}

/// A text for a person, with and without styles.
#[derive(Debug)]
pub struct Page {
    /// For a file or a pipe.
    pub plain: String,
    /// For a terminal.
    pub styled: String,
}

/// A line that races the same inputs again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reproduce {
    /// The line, as a shell reads it; without a secret.
    pub line: String,
    /// What it does not say; `None` when that is nothing.
    pub note: Option<String>,
}
