//! `racesim compare`: strategies side by side.

use std::collections::HashSet;

use clap::{ArgMatches, Args, FromArgMatches};

use super::options::lock::LockArgs;
use super::options::strategy::{self, StrategyChoice};
use super::race::{RaceArgs, RaceRequest};
use super::{Command, RaceKind, values};
use crate::strategy::{BuiltInStrategy, Entry, Locked, Naive};

const EXAMPLES: &str = "\
Examples:
  racesim compare --users 500
  racesim compare naive unique --rounds 20 --assert 'unique.bookings == 1'";

/// What is compared when nothing is said: the race, and what people mend it with first.
const USUAL: [&str; 2] = [Naive::NAME, Locked::NAME];

#[derive(Debug, clap::Args)]
struct CompareArgs {
    /// Strategies to compare, see `racesim list strategies` [default: naive locked]
    #[arg(value_name = "STRATEGY", value_parser = values::strategy)]
    strategies: Vec<&'static Entry>,
}

pub(super) fn command() -> clap::Command {
    let command = CompareArgs::augment_args(clap::Command::new("compare"));
    let command = command.args(strategy::args(&strategy::all()));
    RaceArgs::augment_args(LockArgs::augment_args(command))
        .about("Race strategies side by side")
        .long_about(
            "Race strategies side by side: consistency, performance, user experience, scaling",
        )
        .after_help(EXAMPLES)
}

pub(super) fn read(matches: &ArgMatches) -> Result<Command, String> {
    let wrong = |error: clap::Error| error.to_string();
    let CompareArgs { strategies } = CompareArgs::from_arg_matches(matches).map_err(wrong)?;
    let mut seen = HashSet::new();
    if let Some(twice) = strategies.iter().find(|it| !seen.insert(it.name)) {
        return Err(format!(
            "'{}' is named twice: name each strategy once",
            twice.name
        ));
    }
    let names = strategies.iter().map(|entry| entry.name);
    let words = std::iter::once("compare").chain(names);
    let words = words.collect::<Vec<_>>().join(" ");
    let entries = if strategies.is_empty() {
        USUAL.into_iter().filter_map(Entry::named).collect()
    } else {
        strategies
    };
    let chosen = strategy::chosen(matches, &strategy::all());
    let request = RaceRequest {
        kind: RaceKind::Comparison,
        choice: StrategyChoice { entries, chosen },
        words,
    };
    let lock = LockArgs::from_arg_matches(matches).map_err(wrong)?;
    let race = RaceArgs::from_arg_matches(matches).map_err(wrong)?;
    race.into_command(request, Some(lock))
}
