//! The words a person can type, and the command they add up to.

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};

use super::explore::{ExploreArgs, ReplayArgs};
use super::{ColourChoice, Command, Output, RaceCommand, RaceKind, reproduce, values};
use crate::duration::duration;
use crate::engine::{RedisChoice, ServiceChoice};
use crate::lock::{KeyPrefix, Ttl, Url};
use crate::plan::{Commit, Payment, Plan, Wanted};
use crate::report::{Assertion, Format};
use crate::seat::SeatId;
use crate::seed::Seed;
use crate::strategy::{BuiltIn, Conditional, Locked, Naive, Strategy, Unique};

const EXAMPLES: &str = "\
Examples:
  racesim naive --users 500 --seat 10       watch a seat being sold 500 times
  racesim compare --rounds 20 --assert 'locked.double_bookings == 0'
                                            fail a build that sells a seat twice

Exit status: 0 what was asked holds, 1 a property was violated or an assertion failed,
2 usage, 3 the verdict is unknown, 4 a service could not be used, 130 stopped by Ctrl-C.
`racesim naive` by itself exits 0: showing the race is what was asked.";

const RACE_EXAMPLES: &str = "\
Examples:
  racesim naive --users 500 --payment 5ms..20ms --arrive-over 100ms
  racesim locked --rounds 100 --assert 'bookings == 1' --assert 'latency_p99 < 50ms'";

const RACE: &str = "Race";
const SERVICES: &str = "Services";
const PACE: &str = "Pace";
const RESULTS: &str = "Results";

/// Can this booking endpoint sell the same seat twice?
///
/// racesim lets simulated users race for a seat on real SQLite and real Redis, and counts the
/// bookings and double-bookings in the database.
#[derive(Debug, Parser)]
#[command(name = "racesim", version, after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true, disable_help_subcommand = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Sub,
}

#[derive(Debug, Subcommand)]
enum Sub {
    #[command(after_help = RACE_EXAMPLES)]
    /// Race check-then-insert, with nothing between two users who check at once
    Naive(RaceArgs),
    #[command(after_help = RACE_EXAMPLES)]
    /// Race the same behind a lock in Redis: SET lock:seat:{id} {value} NX EX 600
    Locked {
        #[command(flatten)]
        lock: LockArgs,
        #[command(flatten)]
        race: RaceArgs,
    },
    #[command(after_help = RACE_EXAMPLES)]
    /// Race the same under UNIQUE(seat): the database refuses the second booking
    Unique(RaceArgs),
    #[command(after_help = RACE_EXAMPLES)]
    /// Race one statement that looks and inserts: INSERT … WHERE NOT EXISTS
    Conditional(RaceArgs),
    #[command(after_help = EXAMPLES)]
    /// Race strategies side by side: consistency, performance, user experience, scaling
    Compare {
        /// Strategies to compare, see `racesim strategies` [default: naive locked]
        #[arg(value_name = "STRATEGY", value_parser = values::strategy_name)]
        strategies: Vec<&'static str>,
        #[command(flatten)]
        lock: LockArgs,
        #[command(flatten)]
        race: RaceArgs,
    },
    /// Judge a recorded history again
    Check {
        /// What --history wrote
        #[arg(value_name = "HISTORY.jsonl")]
        file: PathBuf,
        #[command(flatten)]
        output: OutputArgs,
    },
    #[command(after_help = super::explore::EXAMPLES)]
    /// Look at every interleaving of a strategy, and find the shortest that breaks it
    Explore(Box<ExploreArgs>),
    #[command(after_help = super::explore::EXAMPLES)]
    /// Force an interleaving, step by step, on the real stores
    Replay(Box<ReplayArgs>),
    /// List the strategies, a line each
    Strategies,
}

#[derive(Debug, clap::Args)]
struct RaceArgs {
    /// How many users race
    #[arg(long, value_name = "N", default_value = "500", value_parser = values::users, allow_negative_numbers = true, help_heading = RACE)]
    users: NonZeroU32,
    /// The seat that everybody wants
    #[arg(long, value_name = "ID", default_value = "10", value_parser = values::seat, allow_negative_numbers = true, help_heading = RACE)]
    seat: SeatId,
    /// Seats 1 to N instead: each user draws one
    #[arg(long, value_name = "N", value_parser = values::seats, allow_negative_numbers = true, help_heading = RACE, conflicts_with = "seat")]
    seats: Option<NonZeroU32>,
    /// How often the race is repeated
    #[arg(long, value_name = "N", default_value = "1", value_parser = values::rounds, allow_negative_numbers = true, help_heading = RACE)]
    rounds: NonZeroU32,
    /// Fixes the inputs (who wants what, pays how long, arrives when), not the scheduler
    #[arg(long, value_name = "N", help_heading = RACE)]
    seed: Option<u64>,

    /// The time a user pays between its check and its insert
    #[arg(long, value_name = "DUR|MIN..MAX", default_value = "0ms", help_heading = PACE)]
    payment: Payment,
    /// At most W users in flight [default: everyone at once]
    #[arg(long, value_name = "W", value_parser = values::concurrency, allow_negative_numbers = true, help_heading = PACE)]
    concurrency: Option<NonZeroU32>,
    /// Users arrive over this time [default: all at once]
    #[arg(long, value_name = "DUR", value_parser = duration, help_heading = PACE)]
    arrive_over: Option<Duration>,

    /// Keep the bookings in this file [default: a temporary file]
    #[arg(long, value_name = "FILE", help_heading = SERVICES)]
    database: Option<PathBuf>,
    /// Whether statements that wait together share a commit (group) or not (each)
    #[arg(long, value_name = "HOW", default_value = "group", value_parser = ["group", "each"], help_heading = SERVICES)]
    commit: String,
    /// Give a service up that answers nobody for this long
    #[arg(long, value_name = "DUR", default_value = "5s", value_parser = values::timeout, help_heading = SERVICES)]
    timeout: Duration,

    /// Fail (exit 1) unless this holds in every round: METRIC OP VALUE; repeatable
    #[arg(long = "assert", value_name = "ASSERTION", help_heading = RESULTS)]
    assertions: Vec<Assertion>,
    /// Write every event as JSON lines, for `racesim check`
    #[arg(long, value_name = "FILE", help_heading = RESULTS)]
    history: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct LockArgs {
    /// A Redis of yours (redis://, rediss://, unix://), `private` or `in-process`
    /// [default: a private one, if redis-server is installed]
    #[arg(long, value_name = "URL", env = "RACESIM_REDIS", hide_env_values = true, help_heading = SERVICES)]
    redis: Option<String>,
    /// What the key of every lock begins with
    #[arg(long, value_name = "PREFIX", default_value = "lock:seat:", help_heading = SERVICES)]
    key_prefix: String,
    /// How long a lock lives when nobody frees it
    #[arg(long, value_name = "DUR", default_value = "600s", help_heading = SERVICES)]
    pub(super) ttl: Ttl,
}

#[derive(Debug, clap::Args)]
pub(super) struct OutputArgs {
    /// The form of the report: table, json, csv, markdown or mermaid
    #[arg(long, value_name = "FORMAT", default_value = "table", help_heading = RESULTS)]
    format: Format,
    /// Write the report to a file too; repeatable
    #[arg(long = "export", value_name = "FORMAT:FILE", value_parser = values::export, help_heading = RESULTS)]
    exports: Vec<(Format, PathBuf)>,
    /// Print nothing but errors
    #[arg(long, short, help_heading = RESULTS)]
    quiet: bool,
    /// When to colour: auto, always or never
    #[arg(long, value_name = "WHEN", default_value = "auto", hide_possible_values = true, help_heading = RESULTS)]
    color: ColourChoice,
}

impl Args {
    pub(super) fn into_command(self) -> Result<Command, String> {
        match self.command {
            Sub::Naive(race) => race.into_command(&Request::single(Naive::NAME), None),
            Sub::Unique(race) => race.into_command(&Request::single(Unique::NAME), None),
            Sub::Conditional(race) => race.into_command(&Request::single(Conditional::NAME), None),
            Sub::Locked { lock, race } => {
                race.into_command(&Request::single(Locked::NAME), Some(lock))
            }
            Sub::Compare {
                strategies,
                lock,
                race,
            } => race.into_command(&Request::comparison(strategies)?, Some(lock)),
            Sub::Check { file, output } => Ok(Command::Check {
                file,
                output: output.into_output(),
            }),
            Sub::Explore(explore) => explore.into_command(),
            Sub::Replay(replay) => replay.into_command(),
            Sub::Strategies => Ok(Command::Strategies),
        }
    }
}

/// Which strategies are to be raced, and how they were asked for.
struct Request {
    kind: RaceKind,
    names: Vec<&'static str>,
    words: String,
}

impl Request {
    fn single(name: &'static str) -> Self {
        Self {
            kind: RaceKind::Single,
            names: vec![name],
            words: name.to_owned(),
        }
    }

    fn comparison(names: Vec<&'static str>) -> Result<Self, String> {
        let mut seen = HashSet::new();
        if let Some(twice) = names.iter().find(|name| !seen.insert(**name)) {
            return Err(format!("'{twice}' is named twice: name each strategy once"));
        }
        let words = ["compare"]
            .iter()
            .chain(&names)
            .copied()
            .collect::<Vec<_>>()
            .join(" ");
        let names = if names.is_empty() {
            vec![Naive::NAME, Locked::NAME]
        } else {
            names
        };
        Ok(Self {
            kind: RaceKind::Comparison,
            names,
            words,
        })
    }
}

impl RaceArgs {
    fn into_command(self, request: &Request, lock: Option<LockArgs>) -> Result<Command, String> {
        let seed = match self.seed {
            Some(seed) => Seed(seed),
            None => Seed::random()
                .map_err(|error| format!("no randomness for a seed ({error}): give --seed N"))?,
        };
        let plan = self.plan(seed);
        let ttl = lock.as_ref().map(|lock| lock.ttl).unwrap_or_default();
        let strategies: Vec<BuiltIn> = request
            .names
            .iter()
            .filter_map(|name| BuiltIn::named(name, ttl))
            .collect();
        let reproduce = reproduce::line(&request.words, &plan, ttl);
        let services = services(self.database, lock)?;
        check_assertions(&self.assertions, &strategies, request.kind)?;
        Ok(Command::Race(Box::new(RaceCommand {
            strategies,
            kind: request.kind,
            plan,
            services,
            assertions: self.assertions,
            history: self.history,
            output: self.output.into_output(),
            reproduce,
        })))
    }

    fn plan(&self, seed: Seed) -> Plan {
        Plan {
            users: self.users,
            wanted: self.seats.map_or(Wanted::Seat(self.seat), Wanted::AnyOf),
            payment: self.payment,
            concurrency: self.concurrency,
            arrive_over: self.arrive_over.unwrap_or_default(),
            rounds: self.rounds,
            seed,
            commit: if self.commit == "each" {
                Commit::Each
            } else {
                Commit::Group
            },
            timeout: self.timeout,
        }
    }
}

impl OutputArgs {
    pub(super) fn into_output(self) -> Output {
        Output {
            format: self.format,
            colour: self.color,
            exports: self.exports,
            quiet: self.quiet,
        }
    }
}

pub(super) fn services(
    database: Option<PathBuf>,
    lock: Option<LockArgs>,
) -> Result<ServiceChoice, String> {
    let Some(lock) = lock else {
        return Ok(ServiceChoice {
            database,
            ..ServiceChoice::default()
        });
    };
    let redis = match lock.redis.as_deref() {
        None | Some("") => RedisChoice::Any,
        Some("private") => RedisChoice::Private,
        Some("in-process") => RedisChoice::InProcess,
        Some(url) => RedisChoice::Url(
            url.parse::<Url>()
                .map_err(|error| format!("--redis: {error}"))?,
        ),
    };
    Ok(ServiceChoice {
        database,
        redis,
        key_prefix: KeyPrefix(lock.key_prefix),
    })
}

/// Every assertion is about a strategy that is raced.
fn check_assertions(
    assertions: &[Assertion],
    strategies: &[BuiltIn],
    kind: RaceKind,
) -> Result<(), String> {
    let names = || strategies.iter().map(Strategy::name);
    for assertion in assertions {
        match &assertion.strategy {
            Some(name) if names().any(|raced| raced == name) => {}
            Some(name) => {
                return Err(format!(
                    "--assert '{assertion}': '{name}' is not raced here; there are: {}",
                    names().collect::<Vec<_>>().join(", ")
                ));
            }
            None if kind == RaceKind::Single => {}
            None => {
                let first = names().next().unwrap_or_default();
                return Err(format!(
                    "--assert '{assertion}': say of which strategy, such as '{first}.{assertion}'"
                ));
            }
        }
    }
    Ok(())
}
