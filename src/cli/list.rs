//! `racesim list`: what there is, by name.

use clap::{ArgMatches, Args, FromArgMatches};

use super::{Command, ListKind};

const EXAMPLES: &str = "\
Examples:
  racesim list
  racesim list metrics";

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// What to list [default: everything]
    #[arg(value_name = "WHAT")]
    what: Option<ListKind>,
}

pub(super) fn command() -> clap::Command {
    ListArgs::augment_args(clap::Command::new("list"))
        .about("List the strategies, properties, metrics, faults or moves")
        .after_help(EXAMPLES)
}

pub(super) fn read(matches: &ArgMatches) -> Result<Command, String> {
    let args = ListArgs::from_arg_matches(matches).map_err(|error| error.to_string())?;
    Ok(Command::List(args.what))
}

/// What `racesim list strategies` was called once.
pub(super) fn alias() -> clap::Command {
    let command = ListArgs::augment_args(clap::Command::new("strategies"));
    command
        .mut_arg("what", |what| what.default_value("strategies").hide(true))
        .about("List the strategies: racesim list strategies")
        .hide(true)
}
