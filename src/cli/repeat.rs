//! The words for racing a recorded plan again.

use std::path::PathBuf;

use clap::{ArgMatches, Args, FromArgMatches};

use super::options::lock::{LockArgs, SERVICES};
use super::options::output::{ListingArgs, RESULTS};
use super::{Command, RepeatCommand, values};
use crate::report::Assertion;

const EXAMPLES: &str = "\
Examples:
  racesim locked --seats 20 --fault crash --history crash.jsonl
  racesim repeat crash.jsonl --redis redis://127.0.0.1:6379

The strategy, its options, the seed and the faults are those of the recording; where it is raced, \
what must hold and where the report goes must be given again. The scheduling still varies.";

#[derive(Debug, clap::Args)]
struct RepeatArgs {
    /// A file that --history wrote
    #[arg(value_name = "HISTORY.jsonl")]
    file: PathBuf,
    /// Keep the bookings in this file [default: a temporary file]
    #[arg(long, value_name = "FILE", help_heading = SERVICES)]
    database: Option<PathBuf>,
    #[command(flatten)]
    lock: LockArgs,
    /// Fail (exit 1) unless this holds in every round: METRIC OP VALUE; repeatable
    #[arg(long = "assert", value_name = "ASSERTION", help_heading = RESULTS)]
    assertions: Vec<Assertion>,
    /// Record this race too
    #[arg(long, value_name = "FILE", value_parser = values::history(), help_heading = RESULTS)]
    history: Option<PathBuf>,
    #[command(flatten)]
    output: ListingArgs,
}

pub(super) fn command() -> clap::Command {
    RepeatArgs::augment_args(clap::Command::new("repeat"))
        .about("Race a recorded history's plan again")
        .after_help(EXAMPLES)
}

pub(super) fn read(matches: &ArgMatches) -> Result<Command, String> {
    let args = RepeatArgs::from_arg_matches(matches).map_err(|error| error.to_string())?;
    Ok(args.into_command())
}

impl RepeatArgs {
    fn into_command(self) -> Command {
        Command::Repeat(Box::new(RepeatCommand {
            file: self.file,
            database: self.database,
            lock: self.lock,
            assertions: self.assertions,
            history: self.history,
            output: self.output.into_output(),
        }))
    }
}
