//! The words for racing a recorded plan again.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgMatches, Args, FromArgMatches};

use super::options::lock::SERVICES;
use super::options::output::{OutputArgs, RESULTS};
use super::{Command, RaceCommand, Refusal, RepeatCommand, parse, plan_words};
use crate::duration::Millis;
use crate::history::{Header, PlanRecord};
use crate::plan::Plan;
use crate::report::Assertion;
use crate::strategy::{Entry, Strategy};

const EXAMPLES: &str = "\
Examples:
  racesim locked --seats 20 --fault crash --history crash.jsonl
  racesim repeat crash.jsonl --redis redis://127.0.0.1:6379

The strategy, its options, the seed and the faults are those of the recording; where it is raced, what must
hold and where the report goes are said anew. The scheduling still varies.";

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

impl RepeatCommand {
    /// The race of these headers, one for each strategy, where this command wants it.
    ///
    /// # Errors
    /// Why there is none, and what to do instead.
    pub fn race(self, headers: &[&Header]) -> Result<RaceCommand, String> {
        let words = recorded(headers)?.into_iter().map(OsString::from);
        let words = words.chain(self.words.iter().cloned());
        match parse(words) {
            Ok(Command::Race(race)) if is_same(&race, headers) => Ok(RaceCommand {
                history: self.history,
                output: self.output,
                ..*race
            }),
            Err(Refusal::Usage(line)) => Err(line),
            Ok(_) | Err(Refusal::Help(_) | Refusal::Nothing(_)) => Err(
                "this racesim reads the plan in it otherwise than it was: repeat it with the racesim that recorded it"
                    .to_owned(),
            ),
        }
    }
}

/// The command line of a race that was recorded.
fn recorded(headers: &[&Header]) -> Result<Vec<String>, String> {
    let Some(first) = headers.first() else {
        return Err("it holds no race: record one with --history FILE".to_owned());
    };
    let mut words = vec!["racesim".to_owned()];
    if headers.len() > 1 {
        words.push("compare".to_owned());
    }
    words.extend(headers.iter().map(|header| header.strategy.clone()));
    // An option of several strategies stands in the settings of each.
    let mut seen = HashSet::new();
    for header in headers {
        plan_of(header)?;
        let options = header.settings.split("--").map(str::trim);
        let options = options.filter(|option| !option.is_empty() && seen.insert(*option));
        words.extend(options.flat_map(|option| {
            let (name, value) = option.split_once(' ').unwrap_or((option, ""));
            let value = Some(value.to_owned()).filter(|value| !value.is_empty());
            std::iter::once(format!("--{name}")).chain(value)
        }));
    }
    if let Some(ttl_ms) = headers.iter().find_map(|header| header.ttl_ms) {
        let ttl = Millis(std::time::Duration::from_millis(ttl_ms));
        words.push(format!("--ttl={ttl}"));
    }
    let plan = plan_of(first)?;
    let options = plan_words::race(plan, true);
    let options = options.into_iter().chain(plan_words::timeout(plan));
    words.extend(options.map(|(name, value)| format!("--{name}={value}")));
    words.push(format!("--seed={}", plan.seed));
    Ok(words)
}

/// The plan that a header holds.
fn plan_of(header: &Header) -> Result<&Plan, String> {
    let strategy = &header.strategy;
    if let Some(schedule) = &header.schedule {
        let settings = &header.settings;
        let in_full = format!("{strategy} {settings}");
        return Err(format!(
            "its interleaving was forced: run racesim replay {} --schedule '{schedule}'",
            in_full.trim_end()
        ));
    }
    if Entry::named(strategy).is_none() {
        return Err(format!(
            "'{strategy}' is no strategy that racesim brings: race it again from the program that has it"
        ));
    }
    match &header.plan {
        PlanRecord::Plan(plan) => Ok(plan),
        PlanRecord::Words(_) => Err(format!(
            "it is written in version {} of the format, which does not hold the whole plan: type the race again, and record it with --history FILE",
            header.version
        )),
    }
}

/// Whether the race is that of the headers.
fn is_same(race: &RaceCommand, headers: &[&Header]) -> bool {
    let strategies = race.strategies.iter();
    let names = strategies.map(|strategy| (strategy.name().to_owned(), strategy.settings()));
    let recorded = headers.iter();
    let recorded = recorded.map(|header| (header.strategy.clone(), header.settings.clone()));
    let plan = PlanRecord::Plan(Box::new(race.plan.clone()));
    names.eq(recorded) && headers.iter().all(|header| header.plan == plan)
}
