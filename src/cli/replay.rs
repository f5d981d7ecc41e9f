//! `racesim replay`: an interleaving that is forced on the real stores.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgMatches, Args, FromArgMatches};

use super::explore::SEARCH;
use super::options::lock::{LockArgs, SERVICES, services};
use super::options::output::OutputArgs;
use super::options::strategy::{self, StrategyChoice};
use super::refusal::NOTHING_TO_REPLAY;
use super::{Command, ReplayCommand, ReplayWhat, values};
use crate::schedule::Schedule;
use crate::strategy::Entry;

const EXAMPLES: &str = "\
Examples:
  racesim replay naive --schedule 'A.check B.check A.insert B.insert'
  racesim replay locked --all

A schedule names users A, B, C and their steps, one after another; what goes wrong is a move too: \
'A.acquire A.check expire B.acquire'. See `racesim list moves`.";

#[derive(Debug, clap::Args)]
struct ReplayArgs {
    /// The strategy, see `racesim list strategies`
    #[arg(value_name = "STRATEGY", value_parser = values::strategy, required_unless_present = "from")]
    strategy: Option<&'static Entry>,
    /// The interleaving: 'A.check B.check A.insert B.insert', see `racesim list moves`
    #[arg(long, value_name = "MOVES", help_heading = SEARCH)]
    schedule: Option<Schedule>,
    /// The first interleaving that `racesim explore --export json:FILE` found
    #[arg(long, value_name = "FILE", conflicts_with_all = ["schedule", "all", "strategy"], help_heading = SEARCH)]
    from: Option<PathBuf>,
    /// Every interleaving in which nothing goes wrong
    #[arg(long, conflicts_with = "schedule", help_heading = SEARCH)]
    all: bool,
    /// How many users, with --all: 1 to 5
    #[arg(long, value_name = "N", default_value = "2", value_parser = values::few_users, requires = "all", help_heading = SEARCH)]
    users: u32,
    /// Keep the bookings in this file [default: a temporary file]
    #[arg(long, hide_short_help = true, value_name = "FILE", help_heading = SERVICES)]
    database: Option<PathBuf>,
    /// Give up when no user moves for this long
    #[arg(long, hide_short_help = true, value_name = "DUR", default_value = "5s", value_parser = values::timeout, help_heading = SERVICES)]
    timeout: Duration,
    #[command(flatten)]
    lock: LockArgs,
}

pub(super) fn command() -> clap::Command {
    let command = ReplayArgs::augment_args(clap::Command::new("replay"));
    let command = command.args(strategy::args(&strategy::all()));
    OutputArgs::augment_args(command)
        .about("Replay a schedule, step by step, on real SQLite and Redis")
        .after_help(EXAMPLES)
}

pub(super) fn read(matches: &ArgMatches) -> Result<Command, String> {
    let wrong = |error: clap::Error| error.to_string();
    let args = ReplayArgs::from_arg_matches(matches).map_err(wrong)?;
    let output = OutputArgs::from_arg_matches(matches).map_err(wrong)?;
    let strategy = |entry| {
        let choice = StrategyChoice {
            entries: vec![entry],
            chosen: strategy::chosen(matches, &strategy::all()),
        };
        let strategy = choice.make_for_search(args.lock.servers())?;
        args.lock.refuse_for(std::slice::from_ref(&strategy))?;
        Ok::<_, String>(strategy)
    };
    let what = match (args.from, args.strategy, args.schedule, args.all) {
        (Some(path), ..) => ReplayWhat::File(path),
        (None, Some(entry), Some(schedule), _) => ReplayWhat::Schedule(strategy(entry)?, schedule),
        (None, Some(entry), None, true) => ReplayWhat::All(strategy(entry)?, args.users),
        _ => {
            return Err(NOTHING_TO_REPLAY.to_owned());
        }
    };
    Ok(Command::Replay(Box::new(ReplayCommand {
        what,
        services: services(args.database, Some(args.lock))?,
        timeout: args.timeout,
        output: output.into_output(),
    })))
}
