//! `racesim replay`: interleavings forced on the real stores.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::error::Category;
use tokio_util::sync::CancellationToken;

use super::input;
use super::output::Outputs;
use super::place::Uses;
use super::{AppError, Exit, reasons};
use crate::cli::{self, ReplayCommand, ReplayWhat};
use crate::engine::{Engine, EngineError};
use crate::explore::replay::{ReplayError, Replayed, replay, replay_all};
use crate::plan::Plan;
use crate::report::{AnyReport, ExploreReport, ReplayReport, Report, ReportKind, SingleReplay};
use crate::schedule::Schedule;
use crate::services::Services;
use crate::strategy::{BuiltIn, Strategy};

/// What is forced on whom.
struct Task {
    strategy: BuiltIn,
    what: What,
    users: u32,
}

enum What {
    One(Schedule),
    All,
}

/// Once it is stopped, the interleavings that were forced until then are told.
pub(super) async fn run(command: ReplayCommand, stop: CancellationToken) -> Result<Exit, AppError> {
    let input = match &command.what {
        ReplayWhat::File(path) => Some(path.as_path()),
        ReplayWhat::Schedule(..) | ReplayWhat::All(..) => None,
    };
    let beside = Uses {
        database: command.services.database.file(),
        input,
        ..Uses::default()
    };
    let mut outputs = Outputs::open(&command.output, beside, command.timeout).await?;
    let task = stop.run_until_cancelled(task(&command)).await;
    let task = task.ok_or(EngineError::Stopped)??;
    let users = NonZeroU32::new(task.users).unwrap_or(NonZeroU32::MIN);
    let plan = Plan {
        timeout: command.timeout,
        ..Plan::new(users)
    };
    let needs = task.strategy.needs();
    let seats = plan.seats_wanted();
    let starting = Services::start(&command.services, &plan, needs, &seats);
    let mut replayed = Vec::new();
    let services = stop.run_until_cancelled(starting).await.transpose()?;
    let engine = services.map(|services| Engine::new(services).stopping_on(stop.clone()));
    if let Some(engine) = &engine {
        super::embedded::say(engine.services(), &command.services.redis, &outputs);
        let strategy = &task.strategy;
        let forcing = match &task.what {
            What::One(schedule) => replay(engine, strategy, &plan, schedule.clone())
                .await
                .map(|one| vec![one]),
            What::All => replay_all(engine, strategy, &plan).await,
        };
        match forcing {
            Ok(forced) => replayed = forced,
            Err(ReplayError::Engine(EngineError::Stopped)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut report = report(&task, &replayed);
    report.stopped = stop.is_cancelled();
    let published = outputs.publish(AnyReport::Replay(&report)).await;
    outputs.warn(report.stopped, &reasons::of_replay(&report));
    published?;
    Ok(if report.differences.is_empty() {
        Exit::Holds
    } else {
        Exit::Violated
    })
}

async fn task(command: &ReplayCommand) -> Result<Task, AppError> {
    match &command.what {
        ReplayWhat::Schedule(strategy, schedule) => {
            let users = schedule.users();
            Ok(Task {
                strategy: strategy.clone(),
                what: What::One(schedule.clone()),
                users,
            })
        }
        ReplayWhat::All(strategy, users) => Ok(Task {
            strategy: strategy.clone(),
            what: What::All,
            users: *users,
        }),
        ReplayWhat::File(path) => from_file(path, command.timeout).await,
    }
}

/// The first schedule that a recorded search found.
async fn from_file(path: &Path, limit: Duration) -> Result<Task, AppError> {
    let refused = |reason: String| AppError::Recording {
        path: path.display().to_string(),
        reason,
    };
    let read: Result<Value, _> = input::read(path, limit, serde_json::from_reader)
        .await
        .map_err(|error| refused(error.to_string()))?;
    let document = read.map_err(|error| refused(unread(&error)))?;
    let report = search_of(document).map_err(refused)?;
    let words = format!("{} {}", report.strategy, report.settings);
    let strategy = cli::strategy_of(&words).map_err(refused)?;
    let schedule = report
        .properties
        .into_iter()
        .find_map(|property| property.schedule);
    let schedule = schedule.ok_or_else(|| {
        refused("no property in it is violated, so there is nothing to replay".to_owned())
    })?;
    Ok(Task {
        strategy,
        users: schedule.users(),
        what: What::One(schedule),
    })
}

/// What is said of a file that holds something else.
const NO_SEARCH: &str = "it is not what racesim explore --export json:FILE writes";

/// Why a file is no document.
fn unread(error: &serde_json::Error) -> String {
    match error.classify() {
        Category::Io => error.to_string(),
        Category::Eof => format!("{NO_SEARCH}: it ends too early"),
        Category::Syntax | Category::Data => format!("{NO_SEARCH}: it is no JSON document"),
    }
}

/// The search that a document tells of.
fn search_of(document: Value) -> Result<ExploreReport, String> {
    let kind = document.get("kind").map(ReportKind::deserialize);
    match kind {
        Some(Ok(ReportKind::Exploration)) | None => {}
        Some(Ok(other)) => return Err(format!("{NO_SEARCH}, but the report of a {other}")),
        Some(Err(_)) => return Err(NO_SEARCH.to_owned()),
    }
    ExploreReport::deserialize(document).map_err(|_| NO_SEARCH.to_owned())
}

fn report(task: &Task, replayed: &[Replayed]) -> ReplayReport {
    let header = replayed
        .first()
        .map(|one| one.history.header.clone())
        .unwrap_or_default();
    let mut by_bookings = BTreeMap::new();
    for one in replayed {
        *by_bookings.entry(one.rows.len()).or_insert(0) += 1;
    }
    let is_one = matches!(task.what, What::One(_));
    let told = replayed.iter().flat_map(|one| {
        let place = if is_one {
            String::new()
        } else {
            format!("{}: ", one.schedule)
        };
        one.differences
            .iter()
            .map(move |difference| format!("{place}{difference}"))
    });
    ReplayReport {
        version: Report::VERSION,
        kind: ReportKind::Replay,
        racesim: Report::RACESIM.to_owned(),
        strategy: task.strategy.name().to_owned(),
        settings: task.strategy.settings().to_string(),
        users: task.users,
        database: header.database,
        lock: header.lock,
        interleavings: replayed.len(),
        by_bookings,
        differences: told.collect(),
        stopped: false,
        single: replayed.first().filter(|_| is_one).map(SingleReplay::of),
    }
}
