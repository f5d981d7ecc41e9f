//! The words for racing a recorded plan again.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgMatches, Args, FromArgMatches};

use super::options::lock::SERVICES;
use super::options::output::{OutputArgs, RESULTS};
use super::{Command, RepeatCommand};
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
    /// Your own Redis, `private` or `in-process`, as for a race; repeatable for redlock
    /// [env: `RACESIM_REDIS`; empty counts as unset]
    #[arg(long, value_name = "URL", help_heading = SERVICES)]
    redis: Vec<String>,
    /// Prefix of every lock's key [default: `lock:seat:`]
    #[arg(long, value_name = "PREFIX", help_heading = SERVICES)]
    key_prefix: Option<String>,
    /// Fail (exit 1) unless this holds in every round: METRIC OP VALUE; repeatable
    #[arg(long = "assert", value_name = "ASSERTION", help_heading = RESULTS)]
    assertions: Vec<Assertion>,
    /// Record this race too
    #[arg(long, value_name = "FILE", help_heading = RESULTS)]
    history: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
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
        let option = |name: &str, value: OsString| {
            let mut word = OsString::from(format!("--{name}="));
            word.push(value);
            word
        };
        let redis = self
            .redis
            .into_iter()
            .map(|url| option("redis", url.into()));
        let prefix = self.key_prefix.into_iter();
        let prefix = prefix.map(|prefix| option("key-prefix", prefix.into()));
        let database = self.database.into_iter();
        let database = database.map(|path| option("database", path.into()));
        let asserted = self.assertions.iter();
        let asserted = asserted.map(|it| option("assert", it.to_string().into()));
        Command::Repeat(Box::new(RepeatCommand {
            file: self.file,
            words: redis
                .chain(prefix)
                .chain(database)
                .chain(asserted)
                .collect(),
            history: self.history,
            output: self.output.into_output(),
        }))
    }
}
