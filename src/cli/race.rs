//! A race: one strategy's command, and what it has in common with a comparison.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgMatches, Args, FromArgMatches};

use super::draft::RaceDraft;
use super::options::lock::{LockArgs, SERVICES};
use super::options::output::{ListingArgs, RESULTS};
use super::options::strategy::{self, StrategyChoice};
use super::{Command, RaceKind, Repeats, values};
use crate::duration::duration;
use crate::fault::RaceFault;
use crate::plan::{Commit, Payment, Plan, Wanted};
use crate::report::Assertion;
use crate::seat::SeatId;
use crate::seed::Seed;
use crate::strategy::{Entry, Strategy};

const EXAMPLES: &str = "\
Examples:
  racesim naive --users 500 --payment 5ms..20ms --arrive-over 100ms
  racesim locked --rounds 100 --assert 'latency_p99 < 50ms'";

const RACE: &str = "Race";
const PACE: &str = "Pace";

#[derive(Debug, clap::Args)]
pub(super) struct RaceArgs {
    /// How many users race: 500, 10k, 1M
    #[arg(long, short = 'n', value_name = "N", default_value = "500", value_parser = values::users, allow_negative_numbers = true, help_heading = RACE)]
    users: NonZeroU32,
    /// The contested seat
    #[arg(long, hide_short_help = true, value_name = "ID", default_value = "10", value_parser = values::seat, allow_negative_numbers = true, help_heading = RACE)]
    seat: SeatId,
    /// Spread users over seats 1 to N at random; `each`: a seat for every user
    #[arg(long, value_name = "N|each", value_parser = values::seats, allow_negative_numbers = true, help_heading = RACE, conflicts_with = "seat")]
    seats: Option<Wanted>,
    /// How many rounds to race [default: 1; compare: up to 20, a few seconds]
    #[arg(long, value_name = "N", value_parser = values::rounds, allow_negative_numbers = true, help_heading = RACE)]
    rounds: Option<NonZeroU32>,
    /// Fix the inputs (who wants what, pays how long, arrives when), not the scheduler [default: random]
    #[arg(long, hide_short_help = true, value_name = "N", value_parser = values::seed, allow_negative_numbers = true, help_heading = RACE)]
    seed: Option<u64>,

    /// How long a user pays, between its check and its insert
    #[arg(long, value_name = "DUR|MIN..MAX", default_value = "0ms", help_heading = PACE)]
    payment: Payment,
    /// At most W users in flight [default: everyone at once]
    #[arg(long, hide_short_help = true, value_name = "W", value_parser = values::concurrency, allow_negative_numbers = true, help_heading = PACE)]
    concurrency: Option<NonZeroU32>,
    /// Users arrive over this time [default: all at once]
    #[arg(long, hide_short_help = true, value_name = "DUR", value_parser = duration, help_heading = PACE)]
    arrive_over: Option<Duration>,

    /// Keep the bookings in this file [default: a temporary file]
    #[arg(long, hide_short_help = true, value_name = "FILE", help_heading = SERVICES)]
    database: Option<PathBuf>,
    /// How statements are committed
    #[arg(long, hide_short_help = true, value_name = "HOW", default_value = Commit::Group.name(), value_parser = values::commit(), help_heading = SERVICES)]
    commit: Commit,
    /// Give up on a service that stays silent this long
    #[arg(long, hide_short_help = true, value_name = "DUR", default_value = "5s", value_parser = values::timeout, help_heading = SERVICES)]
    timeout: Duration,

    /// Something that goes wrong: KIND[:DUR][:STEP][:RATE], such as crash:check:0.1; repeatable
    ///
    /// Strikes after STEP (any step if omitted) with probability RATE (0.1 if STEP is omitted, else 1;
    /// slow, pause-redis and restart: 1). late, pause-redis and slow need a duration: late:50ms.
    #[arg(long = "fault", value_name = "FAULT", value_parser = values::race_fault(), help_heading = RACE)]
    faults: Vec<RaceFault>,

    /// Fail (exit 1) unless this holds in every round, such as 'bookings == 1'; repeatable
    ///
    /// METRIC OP VALUE, see `racesim list metrics`; in a comparison STRATEGY.METRIC OP VALUE.
    #[arg(long = "assert", value_name = "ASSERTION", help_heading = RESULTS)]
    assertions: Vec<Assertion>,
    /// Write every event as JSON lines, for `racesim check`
    ///
    /// An existing file is replaced only once the new one is complete.
    #[arg(long, value_name = "FILE", value_parser = values::history(), help_heading = RESULTS)]
    history: Option<PathBuf>,
    #[command(flatten)]
    output: ListingArgs,
}

/// Which strategies are to be raced, and how they were asked for.
pub(super) struct RaceRequest {
    pub(super) kind: RaceKind,
    pub(super) choice: StrategyChoice,
    /// The command and the strategies that were named.
    pub(super) words: String,
}

/// The command that races this strategy.
pub(super) fn command(entry: &'static Entry) -> clap::Command {
    let mut command = clap::Command::new(entry.name).args(strategy::args(&[entry]));
    if takes_locks(entry) {
        command = LockArgs::augment_args(command);
    }
    let mut letters = entry.summary.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    let about: String = first.chain(letters).collect();
    RaceArgs::augment_args(command)
        .about(about)
        .after_help(EXAMPLES)
}

pub(super) fn read(entry: &'static Entry, matches: &ArgMatches) -> Result<Command, String> {
    let wrong = |error: clap::Error| error.to_string();
    let lock = if takes_locks(entry) {
        Some(LockArgs::from_arg_matches(matches).map_err(wrong)?)
    } else {
        None
    };
    let request = RaceRequest {
        kind: RaceKind::Single,
        choice: StrategyChoice {
            entries: vec![entry],
            chosen: strategy::chosen(matches, &[entry]),
        },
        words: entry.name.to_owned(),
    };
    let race = RaceArgs::from_arg_matches(matches).map_err(wrong)?;
    race.into_command(request, lock)
}

fn takes_locks(entry: &Entry) -> bool {
    entry.usual().needs().locks > 0
}

impl RaceArgs {
    pub(super) fn into_command(
        self,
        request: RaceRequest,
        lock: Option<LockArgs>,
    ) -> Result<Command, String> {
        let RaceRequest {
            kind,
            mut choice,
            words,
        } = request;
        let seed = match self.seed {
            Some(seed) => Seed(seed),
            None => Seed::random()
                .map_err(|error| format!("no randomness for a seed ({error}): give --seed N"))?,
        };
        let mut plan = self.plan(seed);
        if self.rounds.is_none() && kind == RaceKind::Comparison {
            plan.rounds = plan.rounds_to_compare(choice.entries.len());
        }
        let repeats = match (self.rounds, kind) {
            (None, RaceKind::Comparison) => Repeats::UntilClear,
            (None, RaceKind::Single) | (Some(_), _) => Repeats::Exactly(plan.rounds),
        };
        let strategies = choice.make(lock.as_ref().map_or(0, LockArgs::servers))?;
        let draft = RaceDraft {
            kind,
            strategies,
            choice,
            words,
            plan,
            repeats,
            database: self.database,
            lock,
            assertions: self.assertions,
            history: self.history,
            output: self.output.into_output(),
        };
        let race = draft.into_race()?;
        Ok(Command::Race(Box::new(race)))
    }

    fn plan(&self, seed: Seed) -> Plan {
        Plan {
            users: self.users,
            wanted: self.seats.unwrap_or(Wanted::Seat(self.seat)),
            payment: self.payment,
            concurrency: self.concurrency,
            arrive_over: self.arrive_over.unwrap_or_default(),
            rounds: self.rounds.unwrap_or(NonZeroU32::MIN),
            seed,
            commit: self.commit,
            faults: self.faults.clone(),
            timeout: self.timeout,
        }
    }
}
