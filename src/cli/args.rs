//! The words a person can type, and the command they add up to.

use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Parser, Subcommand};

use super::explore::{ExploreArgs, ReplayArgs};
use super::races::{LockedRaceArgs, RaceArgs, RaceRequest};
use super::tuning::{
    LockOptionArgs, RedlockArgs, RetriedTransactionArgs, RetryArgs, TtlArgs, TuningArgs,
};
use super::{ColourChoice, Command, MatrixCommand, Output, values};
use crate::explore::matrix::MatrixColumn;
use crate::report::Format;
use crate::services::lock::{KeyPrefix, Url};
use crate::services::{RedisChoice, ServiceChoice};
use crate::strategy::{
    BuiltIn, Conditional, Hold, Locked, Naive, Optimistic, Redlock, Strategy, Transaction, Unique,
};

const EXAMPLES: &str = "\
Examples:
  racesim naive --users 500 --seat 10       watch a seat being sold 500 times
  racesim compare --rounds 20 --assert 'locked.double_bookings == 0'
                                            fail a build that sells a seat twice

Exit status: 0 success (every property and assertion held), 1 a property was
violated or an assertion failed, 2 usage, 3 unknown (a verdict, or an assertion
on what could not be counted), 4 a service could not be used, or failed,
130 stopped by Ctrl-C (143 by SIGTERM, 129 by SIGHUP).
`racesim naive` by itself exits 0: showing the race is what you asked for.";

const RACE_EXAMPLES: &str = "\
Examples:
  racesim naive --users 500 --payment 5ms..20ms --arrive-over 100ms
  racesim locked --rounds 100 --assert 'bookings == 1' --assert 'latency_p99 < 50ms'";

const MATRIX_EXAMPLES: &str = "\
Examples:
  racesim matrix                                       fails if any cell is not as expected
  racesim matrix unique 'locked --renew' --fault stall --fault expire+crash

Exit status: 0 every cell is as expected, 1 one is not, 3 a search reached its limit,
4 a service could not be used, or failed.";

pub(super) const RACE: &str = "Race";
pub(super) const SERVICES: &str = "Services";
pub(super) const PACE: &str = "Pace";
pub(super) const RESULTS: &str = "Results";

/// Can this booking endpoint sell the same seat twice?
///
/// racesim lets simulated users race for a seat on real SQLite and real Redis, and counts the
/// bookings and double-bookings in the database.
#[derive(Debug, Parser)]
#[command(name = "racesim", version, after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
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
        lock_options: LockOptionArgs,
        #[command(flatten)]
        with: Box<LockedRaceArgs>,
    },
    #[command(after_help = RACE_EXAMPLES)]
    /// Race the same under UNIQUE(seat): the database refuses the second booking
    Unique(RaceArgs),
    #[command(after_help = RACE_EXAMPLES)]
    /// Race one statement that looks and inserts: INSERT … WHERE NOT EXISTS
    Conditional(RaceArgs),
    #[command(after_help = RACE_EXAMPLES)]
    /// Race a compare-and-set on the seat's version
    Optimistic {
        #[command(flatten)]
        retry: RetryArgs,
        #[command(flatten)]
        race: RaceArgs,
    },
    #[command(after_help = RACE_EXAMPLES)]
    /// Race a claim in the database that runs out: hold, pay, confirm
    Hold {
        #[command(flatten)]
        ttl: TtlArgs,
        #[command(flatten)]
        race: RaceArgs,
    },
    #[command(after_help = RACE_EXAMPLES)]
    /// Race check, pay and insert inside one transaction
    Transaction {
        #[command(flatten)]
        transaction: RetriedTransactionArgs,
        #[command(flatten)]
        race: RaceArgs,
    },
    #[command(after_help = RACE_EXAMPLES)]
    /// Race a lock on most of several independent Redis
    Redlock {
        #[command(flatten)]
        nodes: RedlockArgs,
        #[command(flatten)]
        with: Box<LockedRaceArgs>,
    },
    #[command(after_help = EXAMPLES)]
    /// Race strategies side by side: consistency, performance, user experience, scaling
    Compare {
        /// Strategies to compare, see `racesim strategies` [default: naive locked]
        #[arg(value_name = "STRATEGY", value_parser = values::strategy_name)]
        strategies: Vec<&'static str>,
        #[command(flatten)]
        tuning: Box<TuningArgs>,
        #[command(flatten)]
        with: Box<LockedRaceArgs>,
    },
    /// Re-check a recorded history
    Check {
        /// A file that --history wrote
        #[arg(value_name = "HISTORY.jsonl")]
        file: PathBuf,
        #[command(flatten)]
        output: OutputArgs,
    },
    #[command(after_help = super::explore::EXAMPLES)]
    /// Search every interleaving of a strategy for the shortest that breaks it
    Explore(Box<ExploreArgs>),
    #[command(after_help = super::explore::EXAMPLES)]
    /// Replay a schedule, step by step, on real SQLite and Redis
    Replay(Box<ReplayArgs>),
    #[command(after_help = MATRIX_EXAMPLES)]
    /// Test every strategy against every fault: searched, replayed on the real stores, and compared
    /// with what is known
    Matrix {
        /// Strategies, see `racesim strategies`; one with options in quotes [default: all]
        #[arg(value_name = "STRATEGY", value_parser = values::strategy_words)]
        strategies: Vec<String>,
        /// What may go wrong: a column by its name, or faults joined by +; repeatable [default: all]
        #[arg(long = "fault", value_name = "FAULT[+FAULT]", value_parser = values::column)]
        columns: Vec<MatrixColumn>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// List the strategies, a line each
    Strategies,
}

#[derive(Debug, clap::Args)]
pub(super) struct LockArgs {
    /// Your own Redis (redis://, rediss://, unix://), `private` or `in-process` (simulated locks, no
    /// Redis); repeatable for redlock [default: a private one, if redis-server is installed]
    /// [env: `RACESIM_REDIS`; empty counts as unset]
    #[arg(long, value_name = "URL", help_heading = SERVICES)]
    redis: Vec<String>,
    /// Prefix of every lock's key
    #[arg(long, value_name = "PREFIX", default_value = "lock:seat:", help_heading = SERVICES)]
    key_prefix: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct OutputArgs {
    /// Format of the report: table, json, csv, markdown or mermaid
    #[arg(long, value_name = "FORMAT", default_value = "table", value_parser = values::format, help_heading = RESULTS)]
    format: Format,
    /// Write the report to a file too; repeatable
    #[arg(long = "export", value_name = "FORMAT:FILE", value_parser = OsStringValueParser::new().try_map(|word| values::export(&word)), help_heading = RESULTS)]
    exports: Vec<(Format, PathBuf)>,
    /// Print nothing but errors and warnings
    #[arg(long, short, help_heading = RESULTS)]
    quiet: bool,
    /// When to colour: auto, always or never
    #[arg(long, value_name = "WHEN", default_value = "auto", hide_possible_values = true, help_heading = RESULTS)]
    color: ColourChoice,
}

impl Args {
    pub(super) fn into_command(self) -> Result<Command, String> {
        match self.command {
            Sub::Naive(race) => race.alone(Naive::NAME, TuningArgs::default()),
            Sub::Unique(race) => race.alone(Unique::NAME, TuningArgs::default()),
            Sub::Conditional(race) => race.alone(Conditional::NAME, TuningArgs::default()),
            Sub::Optimistic { retry, race } => race.alone(Optimistic::NAME, retry.into()),
            Sub::Transaction { transaction, race } => {
                race.alone(Transaction::NAME, transaction.into())
            }
            Sub::Hold { ttl, race } => race.into_command(
                &RaceRequest::single(Hold::NAME, TuningArgs::default(), ttl),
                None,
            ),
            Sub::Locked { lock_options, with } => {
                with.into_command(Locked::NAME, lock_options.into())
            }
            Sub::Redlock { nodes, with } => with.into_command(Redlock::NAME, nodes.into()),
            Sub::Compare {
                strategies,
                tuning,
                with,
            } => {
                let request = RaceRequest::comparison(strategies, *tuning, with.ttl)?;
                with.race.into_command(&request, Some(with.lock))
            }
            Sub::Check { file, output } => Ok(Command::Check {
                file,
                output: output.into_output(),
            }),
            Sub::Explore(explore) => explore.into_command(),
            Sub::Replay(replay) => replay.into_command(),
            Sub::Matrix {
                strategies,
                columns,
                output,
            } => Ok(Command::Matrix(Box::new(MatrixCommand {
                strategies,
                columns,
                output: output.into_output(),
            }))),
            Sub::Strategies => Ok(Command::Strategies),
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
    let (words, place) = lock.words();
    let redis = redis(&words).map_err(|why| format!("{place}: {why}"))?;
    Ok(ServiceChoice {
        database,
        redis,
        key_prefix: KeyPrefix(lock.key_prefix),
    })
}

/// What these words choose.
fn redis(words: &[String]) -> Result<RedisChoice, String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => Ok(RedisChoice::Any),
        [PRIVATE] => Ok(RedisChoice::Private),
        [IN_PROCESS] => Ok(RedisChoice::InProcess),
        several => match several.iter().find(|word| !is_url(word)) {
            Some(&"") => Err(
                "an empty word names no Redis: write redis://HOST:PORT, private or in-process, or leave it out"
                    .to_owned(),
            ),
            Some(word) => {
                let does = if *word == PRIVATE {
                    "starts every server that is needed"
                } else {
                    "keeps every lock inside racesim"
                };
                Err(format!("'{word}' {does}: give it once, and no other --redis"))
            }
            None => {
                let urls = several.iter().map(|url| url.parse::<Url>());
                let urls: Result<Vec<Url>, _> = urls.collect();
                urls.map(RedisChoice::Urls).map_err(|error| error.to_string())
            }
        },
    }
}

/// Where a Redis is named if not on the command line, which everybody on the machine can read. It is
/// read here, so that no message of clap's can hold it.
const REDIS: &str = "RACESIM_REDIS";

/// A server that is started for the run.
const PRIVATE: &str = "private";

/// No server: locks inside racesim.
const IN_PROCESS: &str = "in-process";

impl LockArgs {
    /// What was said about the servers, and where.
    fn words(&self) -> (Vec<String>, &'static str) {
        match std::env::var_os(REDIS) {
            // Empty is as unset, as it is to other programs.
            Some(word) if self.redis.is_empty() && !word.is_empty() => {
                (vec![word.to_string_lossy().into_owned()], REDIS)
            }
            _ => (self.redis.clone(), "--redis"),
        }
    }

    /// Refuses a server that was typed, where no strategy asks it anything.
    pub(super) fn refuse_for(&self, strategies: &[BuiltIn]) -> Result<(), String> {
        if self.redis.is_empty() || strategies.iter().any(|it| it.needs().locks > 0) {
            return Ok(());
        }
        let names: Vec<&str> = strategies.iter().map(Strategy::name).collect();
        let take = if names.len() == 1 { "takes" } else { "take" };
        Err(format!(
            "--redis: {} {take} no lock, so no Redis is asked: leave it out",
            names.join(", ")
        ))
    }

    /// Whether the servers are those that the environment names: then no option need repeat them.
    pub(super) fn is_of_environment(&self) -> bool {
        let (words, place) = self.words();
        place == REDIS && !words.is_empty()
    }

    /// How many servers are named.
    pub(super) fn servers(&self) -> usize {
        self.words().0.iter().filter(|text| is_url(text)).count()
    }
}

fn is_url(text: &str) -> bool {
    !["", PRIVATE, IN_PROCESS].contains(&text)
}
