//! `racesim explore`: a search of every interleaving.

use std::time::Duration;

use clap::{ArgMatches, Args, FromArgMatches};

use super::options::output::OutputArgs;
use super::options::strategy::{self, StrategyChoice};
use super::{Command, Expectation, ExploreCommand, impossible, values};
use crate::checker::Property;
use crate::duration::duration;
use crate::explore::Search;
use crate::fault::SearchFault;
use crate::strategy::Entry;

/// Where help lists what is searched, or forced.
pub(super) const SEARCH: &str = "Search";

const EXAMPLES: &str = "\
Examples:
  racesim explore naive
  racesim explore locked --users 3 --fault expire";

#[derive(Debug, clap::Args)]
struct ExploreArgs {
    /// The strategy, see `racesim list strategies`
    #[arg(value_name = "STRATEGY", value_parser = values::strategy)]
    strategy: &'static Entry,
    /// How many users race, 1 to 5
    #[arg(long, value_name = "N", default_value = "2", value_parser = values::few_users, help_heading = SEARCH)]
    users: u32,
    /// The property to check; repeatable [default: every property, one search each]
    #[arg(long = "property", value_name = "NAME", value_parser = values::property(), help_heading = SEARCH)]
    properties: Vec<Property>,
    /// What may go wrong, and how often: expire, or stall:3; repeatable
    #[arg(long = "fault", value_name = "FAULT[:COUNT]", value_parser = values::search_fault(), help_heading = SEARCH)]
    faults: Vec<SearchFault>,
    /// Stop searching a property after N states; its verdict is unknown then
    #[arg(long, hide_short_help = true, value_name = "N", default_value = "10000000", value_parser = values::states, allow_negative_numbers = true, help_heading = SEARCH)]
    limit_states: u64,
    /// Stop searching a property after DUR; its verdict is unknown then
    #[arg(long, value_name = "DUR", default_value = "60s", value_parser = duration, help_heading = SEARCH)]
    limit_time: Duration,
    /// Exit 0 if this is the answer, else 1
    #[arg(long, value_name = "ANSWER", default_value = "holds", help_heading = SEARCH)]
    expect: Expectation,
}

pub(super) fn command() -> clap::Command {
    let command = ExploreArgs::augment_args(clap::Command::new("explore"));
    let command = command.args(strategy::args(&strategy::all()));
    OutputArgs::augment_args(command)
        .about("Find the shortest interleaving that breaks a strategy")
        .after_help(EXAMPLES)
}

pub(super) fn read(matches: &ArgMatches) -> Result<Command, String> {
    let wrong = |error: clap::Error| error.to_string();
    let args = ExploreArgs::from_arg_matches(matches).map_err(wrong)?;
    let output = OutputArgs::from_arg_matches(matches).map_err(wrong)?;
    let choice = StrategyChoice {
        entries: vec![args.strategy],
        chosen: strategy::chosen(matches, &strategy::all()),
    };
    let strategy = choice.make_for_search(0)?;
    impossible::refuse_in_search(&args.faults, &strategy)?;
    let properties = if args.properties.is_empty() {
        Property::ALL.to_vec()
    } else {
        args.properties
    };
    Ok(Command::Explore(Box::new(ExploreCommand {
        strategy,
        search: Search {
            users: args.users,
            faults: args.faults,
            limit_states: args.limit_states,
            limit_time: args.limit_time,
            ..Search::default()
        },
        properties,
        expected: args.expect,
        output: output.into_output(),
    })))
}
