//! The words for searching every interleaving, and for forcing one.

use std::path::PathBuf;
use std::time::Duration;

use super::args::{LockArgs, OutputArgs, services};
use super::tuning::{TtlArgs, TuningArgs};
use super::{Command, Expectation, ExploreCommand, ReplayCommand, ReplayWhat, impossible, values};
use crate::checker::Property;
use crate::duration::duration;
use crate::explore::Search;
use crate::fault::SearchFault;
use crate::schedule::Schedule;
use crate::services::lock::Ttl;
use crate::strategy::BuiltIn;

pub(super) const EXAMPLES: &str = "\
Examples:
  racesim explore locked --users 3 --fault expire
  racesim replay naive --schedule 'A.check B.check A.insert B.insert'

A schedule names users A, B, C and their steps, one after another. What goes wrong is a move too:
expire, restart, A.stall, A.crash, A.give-up, A.insert:lost-reply, A.insert:lost-request,
A.insert:late and later 'A.insert arrives', pause-redis, A.check:slow; A.acquire@2 and expire@2 on the second Redis.";

const SEARCH: &str = "Search";
const SERVICES: &str = "Services";

#[derive(Debug, clap::Args)]
pub(super) struct ExploreArgs {
    /// The strategy, see `racesim strategies`
    #[arg(value_name = "STRATEGY", value_parser = values::strategy_name)]
    strategy: &'static str,
    /// How many users race, 1 to 5
    #[arg(long, value_name = "N", default_value = "2", value_parser = values::few_users, help_heading = SEARCH)]
    users: u32,
    /// The property to check; repeatable [default: every property, one search each]
    #[arg(long = "property", value_name = "NAME", value_parser = values::property, help_heading = SEARCH)]
    properties: Vec<Property>,
    /// What may go wrong, and how often: expire, stall, crash, lost-reply, lost-request, late, restart,
    /// give-up; repeatable
    #[arg(long = "fault", value_name = "FAULT[:COUNT]", value_parser = values::search_fault, help_heading = SEARCH)]
    faults: Vec<SearchFault>,
    /// Give up the search of a property after so many different states; its verdict is unknown then
    #[arg(long, value_name = "N", default_value = "10000000", value_parser = values::states, allow_negative_numbers = true, help_heading = SEARCH)]
    limit_states: u64,
    /// Give up the search of a property after so long; its verdict is unknown then
    #[arg(long, value_name = "DUR", default_value = "60s", value_parser = duration, help_heading = SEARCH)]
    limit_time: Duration,
    /// Exit 0 if the answer is this: holds or violated
    #[arg(long, value_name = "ANSWER", default_value = "holds", hide_possible_values = true, help_heading = SEARCH)]
    expect: Expectation,
    #[command(flatten)]
    tuning: TuningArgs,
    #[command(flatten)]
    ttl: TtlArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct ReplayArgs {
    /// The strategy, see `racesim strategies`
    #[arg(value_name = "STRATEGY", value_parser = values::strategy_name, required_unless_present = "from")]
    strategy: Option<&'static str>,
    /// The interleaving: 'A.check B.check A.insert B.insert'
    #[arg(long, value_name = "MOVES", help_heading = SEARCH)]
    schedule: Option<Schedule>,
    /// The first one that `racesim explore --export json:FILE` found
    #[arg(long, value_name = "FILE", conflicts_with_all = ["schedule", "all", "strategy"], help_heading = SEARCH)]
    from: Option<PathBuf>,
    /// Every interleaving in which nothing goes wrong
    #[arg(long, conflicts_with = "schedule", help_heading = SEARCH)]
    all: bool,
    /// How many users, with --all: 1 to 5
    #[arg(long, value_name = "N", default_value = "2", value_parser = values::few_users, requires = "all", help_heading = SEARCH)]
    users: u32,
    /// Keep the bookings in this file [default: a temporary file]
    #[arg(long, value_name = "FILE", help_heading = SERVICES)]
    database: Option<PathBuf>,
    /// Give up when nobody moves for this long
    #[arg(long, value_name = "DUR", default_value = "5s", value_parser = values::timeout, help_heading = SERVICES)]
    timeout: Duration,
    #[command(flatten)]
    tuning: TuningArgs,
    #[command(flatten)]
    ttl: TtlArgs,
    #[command(flatten)]
    lock: LockArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl ExploreArgs {
    pub(super) fn into_command(self) -> Result<Command, String> {
        let properties = if self.properties.is_empty() {
            Property::ALL.to_vec()
        } else {
            self.properties
        };
        let strategy = strategy(self.strategy, self.tuning, self.ttl.ttl, 0)?;
        impossible::refuse_in_search(&self.faults, &strategy)?;
        Ok(Command::Explore(Box::new(ExploreCommand {
            strategy,
            search: Search {
                users: self.users,
                faults: self.faults,
                limit_states: self.limit_states,
                limit_time: self.limit_time,
                ..Search::default()
            },
            properties,
            expected: self.expect,
            output: self.output.into_output(),
        })))
    }
}

impl ReplayArgs {
    pub(super) fn into_command(self) -> Result<Command, String> {
        let (tuning, ttl) = (self.tuning, self.ttl.ttl);
        let servers = self.lock.servers();
        let strategy = |name| {
            let strategy = strategy(name, tuning, ttl, servers)?;
            self.lock.refuse_for(std::slice::from_ref(&strategy))?;
            Ok::<_, String>(strategy)
        };
        let what = match (self.from, self.strategy, self.schedule, self.all) {
            (Some(path), ..) => ReplayWhat::File(path),
            (None, Some(name), Some(schedule), _) => {
                ReplayWhat::Schedule(strategy(name)?, schedule)
            }
            (None, Some(name), None, true) => ReplayWhat::All(strategy(name)?, self.users),
            _ => {
                return Err(
                    "nothing to replay: give --schedule 'A.check …', --all or --from FILE"
                        .to_owned(),
                );
            }
        };
        Ok(Command::Replay(Box::new(ReplayCommand {
            what,
            services: services(self.database, Some(self.lock))?,
            timeout: self.timeout,
            output: self.output.into_output(),
        })))
    }
}

fn strategy(
    name: &'static str,
    tuning: TuningArgs,
    ttl: Ttl,
    servers: usize,
) -> Result<BuiltIn, String> {
    let names = [name];
    let tuning = tuning.without_retries(&names);
    BuiltIn::named(name, &tuning.tuning(&names, ttl, servers)?)
        .ok_or_else(|| format!("there is no strategy '{name}': see racesim strategies"))
}
