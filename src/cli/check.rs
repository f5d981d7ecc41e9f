//! `racesim check`: a recorded history.

use std::path::PathBuf;

use clap::{ArgMatches, Args, FromArgMatches};

use super::Command;
use super::options::output::ListingArgs;

const EXAMPLES: &str = "\
Examples:
  racesim naive --history race.jsonl
  racesim check race.jsonl";

#[derive(Debug, clap::Args)]
struct CheckArgs {
    /// A file that --history wrote
    #[arg(value_name = "HISTORY.jsonl")]
    file: PathBuf,
    #[command(flatten)]
    output: ListingArgs,
}

pub(super) fn command() -> clap::Command {
    CheckArgs::augment_args(clap::Command::new("check"))
        .about("Re-check a recorded history")
        .after_help(EXAMPLES)
}

pub(super) fn read(matches: &ArgMatches) -> Result<Command, String> {
    let args = CheckArgs::from_arg_matches(matches).map_err(|error| error.to_string())?;
    Ok(Command::Check {
        file: args.file,
        output: args.output.into_output(),
    })
}
