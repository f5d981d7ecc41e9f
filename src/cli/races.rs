//! The words of a race.

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use super::args::{LockArgs, OutputArgs, PACE, RACE, RESULTS, SERVICES, services};
use super::tuning::{TtlArgs, TuningArgs};
use super::{Command, RaceCommand, RaceKind, Repeats, impossible, reproduce, values};
use crate::duration::{Millis, duration};
use crate::fault::{Fault, RaceFault};
use crate::plan::{Commit, Payment, Plan, Wanted};
use crate::report::Assertion;
use crate::seat::SeatId;
use crate::seed::Seed;
use crate::services::lock::Ttl;
use crate::strategy::{BuiltIn, Locked, Naive, Strategy, StrategyOptions};

/// A race that takes locks.
#[derive(Debug, clap::Args)]
pub(super) struct LockedRaceArgs {
    #[command(flatten)]
    pub(super) ttl: TtlArgs,
    #[command(flatten)]
    pub(super) lock: LockArgs,
    #[command(flatten)]
    pub(super) race: RaceArgs,
}

impl LockedRaceArgs {
    pub(super) fn into_command(
        self,
        name: &'static str,
        tuning: TuningArgs,
    ) -> Result<Command, String> {
        let request = RaceRequest::single(name, tuning, self.ttl);
        self.race.into_command(&request, Some(self.lock))
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct RaceArgs {
    /// How many users race: 500, `10k`, `1M`
    #[arg(long, short = 'n', value_name = "N", default_value = "500", value_parser = values::users, allow_negative_numbers = true, help_heading = RACE)]
    users: NonZeroU32,
    /// The contested seat
    #[arg(long, value_name = "ID", default_value = "10", value_parser = values::seat, allow_negative_numbers = true, help_heading = RACE)]
    seat: SeatId,
    /// Spread users over seats 1 to N at random; or `each`: a seat for every user
    #[arg(long, value_name = "N|each", value_parser = values::seats, allow_negative_numbers = true, help_heading = RACE, conflicts_with = "seat")]
    seats: Option<Wanted>,
    /// How often the race is repeated [default: 1; in a comparison up to 20, about a second]
    #[arg(long, value_name = "N", value_parser = values::rounds, allow_negative_numbers = true, help_heading = RACE)]
    rounds: Option<NonZeroU32>,
    /// Fixes the inputs (who wants what, pays how long, arrives when), not the scheduler
    #[arg(long, value_name = "N", value_parser = values::seed, allow_negative_numbers = true, help_heading = RACE)]
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
    /// Give up on a service that stays silent this long
    #[arg(long, value_name = "DUR", default_value = "5s", value_parser = values::timeout, help_heading = SERVICES)]
    timeout: Duration,

    /// Something that goes wrong: KIND[:DUR][:STEP][:RATE], at this step, for this share of users;
    /// repeatable. Kinds: stall, expire, crash, give-up, lost-reply, lost-request, late:DUR, restart,
    /// pause-redis:DUR, slow:DUR
    #[arg(long = "fault", value_name = "FAULT", value_parser = values::race_fault, help_heading = RACE)]
    faults: Vec<RaceFault>,

    /// Fail (exit 1) unless this holds in every round: METRIC OP VALUE; repeatable
    #[arg(long = "assert", value_name = "ASSERTION", help_heading = RESULTS)]
    assertions: Vec<Assertion>,
    /// Write every event as JSON lines, for `racesim check`; a file that is there is kept until this one is whole
    #[arg(long, value_name = "FILE", help_heading = RESULTS)]
    history: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Which strategies are to be raced, and how they were asked for.
pub(super) struct RaceRequest {
    kind: RaceKind,
    names: Vec<&'static str>,
    tuning: TuningArgs,
    ttl: Ttl,
    words: String,
}

impl RaceRequest {
    pub(super) fn single(name: &'static str, tuning: TuningArgs, ttl: TtlArgs) -> Self {
        Self {
            kind: RaceKind::Single,
            names: vec![name],
            tuning,
            ttl: ttl.ttl,
            words: name.to_owned(),
        }
    }

    pub(super) fn comparison(
        names: Vec<&'static str>,
        tuning: TuningArgs,
        ttl: TtlArgs,
    ) -> Result<Self, String> {
        let mut seen = HashSet::new();
        if let Some(twice) = names.iter().find(|name| !seen.insert(**name)) {
            return Err(format!("'{twice}' is named twice: name each strategy once"));
        }
        let words = ["compare"].iter().chain(&names).copied();
        let words = words.collect::<Vec<_>>().join(" ");
        let names = if names.is_empty() {
            vec![Naive::NAME, Locked::NAME]
        } else {
            names
        };
        Ok(Self {
            kind: RaceKind::Comparison,
            names,
            tuning,
            ttl: ttl.ttl,
            words,
        })
    }
}

impl RaceArgs {
    /// A race of one strategy that takes no lock.
    pub(super) fn alone(self, name: &'static str, tuning: TuningArgs) -> Result<Command, String> {
        self.into_command(&RaceRequest::single(name, tuning, TtlArgs::default()), None)
    }

    pub(super) fn into_command(
        self,
        request: &RaceRequest,
        lock: Option<LockArgs>,
    ) -> Result<Command, String> {
        let seed = match self.seed {
            Some(seed) => Seed(seed),
            None => Seed::random()
                .map_err(|error| format!("no randomness for a seed ({error}): give --seed N"))?,
        };
        let mut plan = self.plan(seed);
        if self.rounds.is_none() && request.kind == RaceKind::Comparison {
            plan.rounds = plan.rounds_to_compare(request.names.len());
        }
        let servers = lock.as_ref().map_or(0, LockArgs::servers);
        let tuning = request
            .tuning
            .tuning(&request.names, request.ttl, servers)?;
        let strategies = strategies(&request.names, &tuning)?;
        if let Some(lock) = &lock {
            lock.refuse_for(&strategies)?;
        }
        impossible::refuse_in_race(&plan.faults, &strategies)?;
        refuse_long_stalls(&plan, &strategies)?;
        refuse_what_takes_too_long(&plan)?;
        if tuning.busy_timeout.is_some_and(|busy| busy >= plan.timeout) {
            return Err("--busy-timeout is not shorter than --timeout, after which a silent database is given up: raise --timeout".to_owned());
        }
        let is_redis_of_environment = lock.as_ref().is_some_and(LockArgs::is_of_environment);
        let services = services(self.database, lock)?;
        check_assertions(&self.assertions, &strategies, request.kind)?;
        let repeats = match (self.rounds, request.kind) {
            (None, RaceKind::Comparison) => Repeats::UntilClear,
            (None, RaceKind::Single) | (Some(_), _) => Repeats::Exactly(plan.rounds),
        };
        let inputs = reproduce::Inputs {
            words: &request.words,
            kind: request.kind,
            repeats,
            tuning: &tuning,
            plan: &plan,
            services: &services,
            is_redis_of_environment,
            assertions: &self.assertions,
        };
        let reproduce = inputs.reproduce();
        Ok(Command::Race(Box::new(RaceCommand {
            strategies,
            kind: request.kind,
            repeats,
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
            wanted: self.seats.unwrap_or(Wanted::Seat(self.seat)),
            payment: self.payment,
            concurrency: self.concurrency,
            arrive_over: self.arrive_over.unwrap_or_default(),
            rounds: self.rounds.unwrap_or(NonZeroU32::MIN),
            seed,
            commit: if self.commit == "each" {
                Commit::Each
            } else {
                Commit::Group
            },
            faults: self.faults.clone(),
            timeout: self.timeout,
        }
    }
}

/// The strategies of these names, every one of them.
fn strategies(names: &[&str], tuning: &StrategyOptions) -> Result<Vec<BuiltIn>, String> {
    let made = names.iter().map(|name| {
        BuiltIn::named(name, tuning)
            .ok_or_else(|| format!("there is no strategy '{name}': see racesim strategies"))
    });
    made.collect()
}

/// The longest time to live that anybody would want to sleep through.
const STALL_MAX: Duration = Duration::from_secs(30);

/// A user that stalls sleeps longer than the time to live.
fn refuse_long_stalls(plan: &Plan, strategies: &[BuiltIn]) -> Result<(), String> {
    let mut ttls = strategies.iter().filter_map(Strategy::ttl);
    let stalls = plan.faults.iter().any(|fault| fault.fault == Fault::Stall);
    match ttls.find(|ttl| ttl.as_duration() > STALL_MAX) {
        Some(ttl) if stalls => Err(format!(
            "'stall' sleeps longer than the time to live, {ttl}: give a shorter --ttl, such as 50ms"
        )),
        _ => Ok(()),
    }
}

/// Nobody waits longer for what is late, or for a Redis that stands still, than for a silent service.
fn refuse_what_takes_too_long(plan: &Plan) -> Result<(), String> {
    let limit = Millis(plan.timeout);
    let mut beyond = plan.faults.iter().filter(|fault| {
        let is_waited_for = matches!(fault.fault, Fault::Late | Fault::PauseRedis);
        is_waited_for && fault.time.is_some_and(|time| time >= plan.timeout)
    });
    let Some(fault) = beyond.next() else {
        return Ok(());
    };
    let how = if fault.fault == Fault::Late {
        format!("arrives after --timeout {limit}, for which the end of a race waits at the most")
    } else {
        format!("takes as long as --timeout {limit} or longer, after which Redis is given up")
    };
    Err(format!(
        "--fault '{fault}' {how}: give a shorter time, or raise --timeout"
    ))
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
