//! `racesim naive`, `locked` and `compare`: races, and the report on them.

use tokio_util::sync::CancellationToken;

use super::output::{Outputs, print_error};
use super::place::Uses;
use super::signals::UntilStopped;
use super::target::Target;
use super::{AppError, Exit, embedded, probes, reasons};
use crate::app::progress::ProgressWatch;
use crate::cli::{RaceCommand, RaceKind};
use crate::engine::{Engine, EngineError};
use crate::history::{self, History, RunKind};
use crate::report::{
    AnyReport, Assertion, AssertionReport, AssertionResult, Comparison, Figures, Probes,
    RaceReport, Report, ReportKind, Tally,
};
use crate::seat::SeatId;
use crate::services::Services;
use crate::strategy::{BuiltIn, Needs, Strategy, with_strategy};

const UNJUDGED: &str = "it was not judged before the end: the race was stopped";

/// Races; `beside` are the files that are used for more than the race.
pub(super) async fn run(
    command: RaceCommand,
    beside: Uses<'_>,
    stop: CancellationToken,
) -> Result<Exit, AppError> {
    let uses = Uses {
        database: command.services.database.file(),
        history: command.history.as_deref(),
        ..beside
    };
    let limit = command.plan.timeout;
    let mut outputs = Outputs::open(&command.output, uses, limit).await?;
    let mut history = match &command.history {
        Some(path) => Some(Target::growing(path, limit).await?),
        None => None,
    };
    Engine::refuse_what_does_not_fit(&command.plan)?;
    let needs = needs(&command);
    let seats = if needs.locks > 0 {
        seats(&command)
    } else {
        Vec::new()
    };
    let starting = Services::start(&command.services, &command.plan, needs, &seats);
    let Some(services) = stop.run_until_cancelled(starting).await else {
        let report = report(&command, Raced::nothing(&command), true);
        outputs.publish(AnyReport::Races(&report)).await?;
        return Ok(Exit::Unknown);
    };
    let services = services?;
    if asserts_about_locks(&command) {
        embedded::refuse_as_proof(&services, &command.services.redis)?;
    }
    embedded::say(&services, &command.services.redis, &outputs);
    let engine = Engine::new(services).stopping_on(stop);
    let engine = engine.racing_for(run_of(&command));
    let watch = (!outputs.is_quiet())
        .then(|| ProgressWatch::begin(engine.finished(), users_in_all(&command), "users"));
    let racing = Races::new(&engine, &command, &mut history).run();
    let (raced, failed) = Box::pin(racing).await;
    drop(watch);
    let kept = history.map_or(Ok(()), Target::finish);
    let failed = match failed {
        Some(error) if raced.is_nothing() => return Err(error),
        failed => failed,
    };
    let report = report(&command, raced, engine.is_stopped());
    let published = outputs.publish(AnyReport::Races(&report)).await;
    let exit = exit(&command, &report);
    outputs.warn(report.stopped, &reasons(&command, &report, exit));
    say_assertions(&report);
    published.and(kept)?;
    match failed {
        Some(error) if exit != Exit::Violated => Err(error),
        Some(error) => {
            print_error(&error.to_string());
            Ok(exit)
        }
        None => Ok(exit),
    }
}

/// What its races are part of.
fn run_of(command: &RaceCommand) -> RunKind {
    match command.kind {
        RaceKind::Single => RunKind::Race,
        RaceKind::Comparison => {
            let records = command.strategies.iter().map(BuiltIn::record);
            RunKind::Compare(records.collect())
        }
    }
}

/// What any of the strategies needs.
fn needs(command: &RaceCommand) -> Needs {
    let needs = command.strategies.iter().map(Strategy::needs);
    needs.fold(Needs::default(), Needs::and)
}

/// Whether anything is demanded of a strategy that takes locks.
fn asserts_about_locks(command: &RaceCommand) -> bool {
    let is_meant = |strategy: &BuiltIn, assertion: &Assertion| {
        let name = assertion.strategy.as_deref();
        name.is_none_or(|name| name == strategy.name())
    };
    let locking = command.strategies.iter().filter(|it| it.needs().locks > 0);
    let mut meant = locking.map(|it| command.assertions.iter().any(|other| is_meant(it, other)));
    meant.any(|is_meant| is_meant)
}

/// Every seat that may be locked in the run.
fn seats(command: &RaceCommand) -> Vec<SeatId> {
    let mut seats = command.plan.seats_wanted();
    if command.kind == RaceKind::Comparison {
        seats.extend(probes::widest(&command.plan).seats_wanted());
        seats.sort_unstable();
        seats.dedup();
    }
    seats
}

fn users_in_all(command: &RaceCommand) -> u64 {
    let strategies = u64::try_from(command.strategies.len()).unwrap_or(u64::MAX);
    u64::from(command.plan.users.get()) * u64::from(command.plan.rounds.get()) * strategies
}

/// The races of one command.
struct Races<'a> {
    engine: &'a Engine,
    command: &'a RaceCommand,
    history: &'a mut Option<Target>,
    /// How many races the history has.
    recorded: usize,
}

/// What came of them; a strategy that was not reached has no tally.
struct Raced {
    tallies: Vec<Option<Tally>>,
    probes: Vec<Probes>,
}

impl Raced {
    fn nothing(command: &RaceCommand) -> Self {
        Self {
            tallies: command.strategies.iter().map(|_| None).collect(),
            probes: command
                .strategies
                .iter()
                .map(|_| Probes::default())
                .collect(),
        }
    }

    fn is_nothing(&self) -> bool {
        self.tallies.iter().all(Option::is_none)
    }
}

impl<'a> Races<'a> {
    const fn new(
        engine: &'a Engine,
        command: &'a RaceCommand,
        history: &'a mut Option<Target>,
    ) -> Self {
        Self {
            engine,
            command,
            history,
            recorded: 0,
        }
    }

    /// The races, and why there are no more of them where something failed: what was raced before is
    /// told all the same.
    async fn run(mut self) -> (Raced, Option<AppError>) {
        let mut raced = Raced::nothing(self.command);
        let failed = self.race(&mut raced).await.err();
        let failed = failed.or(self.record_end().await.err());
        let is_stop = |error: &AppError| matches!(error, AppError::Engine(EngineError::Stopped));
        (raced, failed.filter(|error| !is_stop(error)))
    }

    async fn race(&mut self, raced: &mut Raced) -> Result<(), AppError> {
        let strategies = &self.command.strategies;
        // Round by round, so that what disturbs the machine for a while disturbs all alike.
        for round in 0..self.command.plan.rounds.get() {
            for (strategy, tally) in strategies.iter().zip(&mut raced.tallies) {
                if self.engine.is_stopped() {
                    return Ok(());
                }
                let (engine, plan) = (self.engine, &self.command.plan);
                let history = with_strategy!(strategy, it => engine.race(it, plan, round).await?);
                match self.record(&history).await {
                    // A part of a history takes nobody's place.
                    Err(error) if self.engine.is_stopped() => {
                        *self.history = None;
                        print_error(&error.to_string());
                    }
                    recorded => recorded?,
                }
                self.judge(history, tally).await;
            }
        }
        // Last: of a comparison that is stopped, the bookings are known first.
        if self.command.kind == RaceKind::Comparison {
            let (plan, repeats) = (&self.command.plan, self.command.repeats);
            raced.probes = probes::measure(self.engine, strategies, plan, repeats).await?;
        }
        Ok(())
    }

    /// Adds a race to its tally. The verdict on millions of steps takes seconds: a stop leaves it out.
    async fn judge(&self, history: History, tally: &mut Option<Tally>) {
        let steps = history.events.len();
        let unjudged =
            Engine::is_long(steps).then(|| (tally.clone(), history.without_rows(UNJUDGED)));
        let earlier = tally.take();
        let judging = move || added(earlier, &history);
        let judged = self.engine.off_the_runtime(steps, judging).await;
        *tally = judged.or_else(|| unjudged.map(|(earlier, round)| added(earlier, &round)));
    }

    /// Ends the recording: without its last line it is not whole.
    async fn record_end(&mut self) -> Result<(), AppError> {
        let races = self.recorded;
        let rounds = self.command.plan.rounds.get();
        let wanted = self.command.strategies.len() * usize::try_from(rounds).unwrap_or(usize::MAX);
        // Also where the last round was stopped before every user had its try.
        let is_cut = races < wanted || self.engine.is_stopped();
        if let Some(target) = self.history {
            target
                .append(|mut to| history::write_end(races, is_cut, &mut to))
                .await?;
        }
        Ok(())
    }

    async fn record(&mut self, history: &History) -> Result<(), AppError> {
        if let Some(target) = self.history {
            let stop = self.engine.stopping();
            target
                .append(|to| history::write(history, &mut UntilStopped::new(to, stop)))
                .await?;
            self.recorded += 1;
        }
        Ok(())
    }
}

fn added(tally: Option<Tally>, history: &History) -> Tally {
    match tally {
        Some(mut tally) => {
            tally.add(history);
            tally
        }
        None => Tally::begin(history),
    }
}

fn report(command: &RaceCommand, raced: Raced, is_stopped: bool) -> Report {
    let is_complete = raced.tallies.iter().all(Option::is_some);
    let reports: Vec<RaceReport> = raced
        .tallies
        .into_iter()
        .flatten()
        .map(|tally| tally.report(command.output.seats))
        .collect();
    let kind = match command.kind {
        RaceKind::Single => ReportKind::Race,
        RaceKind::Comparison => ReportKind::Comparison,
    };
    let comparison = (command.kind == RaceKind::Comparison && is_complete)
        .then(|| Comparison::of(&reports, raced.probes, bare(&command.strategies)));
    let assertions = command
        .assertions
        .iter()
        .map(|assertion| assertion.judge(&figures_of(assertion, &reports)));
    Report {
        assertions: assertions.collect(),
        comparison,
        reproduce: Some(command.reproduce.line.clone()),
        reproduce_note: command.reproduce.note.clone(),
        stopped: is_stopped,
        ..Report::of(kind, reports)
    }
}

/// The place of the strategy that takes the steps that a lock is put around, and nothing else.
fn bare(strategies: &[BuiltIn]) -> Option<usize> {
    let mut strategies = strategies.iter();
    strategies.position(|strategy| matches!(strategy, BuiltIn::Naive(_)))
}

/// The rounds that an assertion is about: of the strategy it names, or of the only one.
fn figures_of(assertion: &Assertion, races: &[RaceReport]) -> Figures {
    let is_meant = |race: &&RaceReport| {
        assertion
            .strategy
            .as_ref()
            .is_none_or(|name| *name == race.header.strategy)
    };
    let meant = races.iter().find(is_meant);
    meant.map(|race| race.figures.clone()).unwrap_or_default()
}

/// Why the status is what it is, as far as no assertion says it.
fn reasons(command: &RaceCommand, report: &Report, exit: Exit) -> Vec<String> {
    let raced = report.races.iter().zip(&command.strategies);
    raced
        .flat_map(|(race, strategy)| reasons::of_race(race, strategy.promises_one_booking(), exit))
        .collect()
}

/// Names every assertion that does not hold.
fn say_assertions(report: &Report) {
    for AssertionReport {
        assertion,
        result,
        found,
    } in &report.assertions
    {
        match result {
            AssertionResult::Holds => {}
            AssertionResult::Unknown => {
                print_error(&format!("assertion unknown: {assertion}, found {found}"));
            }
            AssertionResult::Failed => {
                print_error(&format!("assertion failed: {assertion}, found {found}"));
            }
        }
    }
}

/// What is proven stands; what a service's failure left open is the service's; the rest is unknown, and so
/// is a strategy without a report.
fn exit(command: &RaceCommand, report: &Report) -> Exit {
    let raced = || report.races.iter().zip(&command.strategies);
    let is_any = |result| report.assertions.iter().any(|one| one.result == result);
    let is_broken = raced().any(|(race, strategy)| race.breaks(strategy.promises_one_booking()));
    if is_any(AssertionResult::Failed) || is_broken {
        Exit::Violated
    } else if raced().any(|(race, _)| !race.troubles.is_empty()) {
        Exit::Service
    } else if is_any(AssertionResult::Unknown)
        || raced().any(|(race, _)| race.is_unknown())
        || report.races.len() < command.strategies.len()
    {
        Exit::Unknown
    } else {
        Exit::Holds
    }
}
