//! `racesim matrix`: which strategy withstands which fault.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::output::{Outputs, PIPE_LIMIT};
use super::place::Uses;
use super::{AppError, Exit, reasons};
use crate::app::progress::ProgressWatch;
use crate::checker::VerdictKind;
use crate::cli::{self, MatrixCommand};
use crate::duration::as_millis;
use crate::engine::{Engine, EngineError};
use crate::explore::matrix::{Expectations, MatrixColumn, cell};
use crate::explore::replay::ReplayError;
use crate::plan::Plan;
use crate::report::{AnyReport, MatrixCell, MatrixReport, MatrixRow, Report, ReportKind};
use crate::services::{ServiceChoice, Services};
use crate::strategy::{BuiltIn, Needs, Strategy};

/// The most users of any column, each with a connection of its own: five at every second screen.
const USERS: NonZeroU32 = NonZeroU32::new(9).expect("nine is not zero");

/// Once it is stopped, the rows and cells that were found until then are told.
pub(super) async fn run(command: MatrixCommand, stop: CancellationToken) -> Result<Exit, AppError> {
    let begun = Instant::now();
    let mut outputs = Outputs::open(&command.output, Uses::default(), PIPE_LIMIT).await?;
    let known = Expectations::built_in();
    let strategies = strategies(&command.strategies, &known)?;
    let columns = if command.columns.is_empty() {
        known.columns.clone()
    } else {
        command.columns
    };
    let needs = strategies.iter().map(|(_, strategy)| strategy.needs());
    let needs = needs.fold(Needs::default(), Needs::and);
    let plan = Plan::new(USERS);
    let choice = ServiceChoice::default();
    let seats = plan.seats_wanted();
    let starting = Services::start(&choice, &plan, needs, &seats);
    let Some(services) = stop.run_until_cancelled(starting).await else {
        let report = report(None, columns, Vec::new());
        outputs.publish(AnyReport::Matrix(&report)).await?;
        return Ok(Exit::Unknown);
    };
    let services = services?;
    super::embedded::say(&services, &choice.redis, &outputs);
    let engine = Engine::new(services).stopping_on(stop);
    let done = Arc::<AtomicU64>::default();
    let total = strategies.len() * columns.len();
    let watch = (!outputs.is_quiet()).then(|| {
        let total = u64::try_from(total).unwrap_or(u64::MAX);
        ProgressWatch::begin(Arc::clone(&done), total, "cells")
    });
    let mut rows = Vec::new();
    for (words, strategy) in &strategies {
        if engine.is_stopped() {
            break;
        }
        let cells = cells(&engine, strategy, words, &columns, &known).await?;
        done.fetch_add(u64::try_from(cells.len()).unwrap_or(0), Ordering::Relaxed);
        rows.push(MatrixRow {
            strategy: words.clone(),
            cells,
        });
    }
    drop(watch);
    let mut report = report(Some(&engine), columns, rows);
    report.took_ms = as_millis(begun.elapsed());
    let exit = exit(&report);
    let published = outputs.publish(AnyReport::Matrix(&report)).await;
    outputs.warn(report.stopped, &reasons::of_matrix(&report, exit));
    published?;
    Ok(exit)
}

async fn cells(
    engine: &Engine,
    strategy: &BuiltIn,
    words: &str,
    columns: &[MatrixColumn],
    known: &Expectations,
) -> Result<Vec<MatrixCell>, AppError> {
    let mut cells = Vec::new();
    for column in columns {
        let expected = known.of(words, &column.name).cloned();
        let source = expected.as_ref().map(|line| {
            let full = known.sources.get(&line.source);
            full.unwrap_or(&line.source).clone()
        });
        match cell(engine, strategy, column, expected).await {
            Ok(tried) => {
                AppError::unless_on_a_thread(&tried.found.answer)?;
                cells.push(MatrixCell::of(&tried, source));
            }
            Err(ReplayError::Engine(EngineError::Stopped)) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(cells)
}

/// The rows that are wanted: those that are known, of some strategies only, or ones of one's own.
fn strategies(named: &[String], known: &Expectations) -> Result<Vec<(String, BuiltIn)>, AppError> {
    let mut wanted: Vec<String> = Vec::new();
    let all = known.rows.iter().map(|row| row.strategy.clone());
    if named.is_empty() {
        wanted.extend(all);
    } else {
        for words in named {
            let is_of = |row: &String| row.split(' ').next() == Some(words);
            let rows: Vec<String> = all.clone().filter(is_of).collect();
            if rows.is_empty() {
                wanted.push(words.clone());
            } else {
                wanted.extend(rows);
            }
        }
    }
    let read = wanted.into_iter().map(|words| {
        let strategy = cli::strategy_of(&words).map_err(AppError::Words)?;
        Ok((words, strategy))
    });
    read.collect()
}

fn report(
    engine: Option<&Engine>,
    columns: Vec<MatrixColumn>,
    rows: Vec<MatrixRow>,
) -> MatrixReport {
    let cells = || rows.iter().flat_map(|row| &row.cells);
    let services = engine.map(Engine::services);
    MatrixReport {
        version: Report::VERSION,
        kind: ReportKind::Matrix,
        racesim: Report::RACESIM.to_owned(),
        database: services.map_or_else(String::new, |services| services.database().to_owned()),
        lock: engine.and_then(|engine| engine.lock_record(1)),
        stopped: engine.is_none_or(Engine::is_stopped),
        judged: cells().filter(|cell| cell.expected.is_some()).count(),
        disagreeing: cells().filter(|cell| cell.objection.is_some()).count(),
        took_ms: 0.0,
        columns,
        rows,
    }
}

fn exit(report: &MatrixReport) -> Exit {
    let mut cells = report.rows.iter().flat_map(|row| &row.cells);
    if report.disagreeing > 0 {
        Exit::Violated
    } else if cells.any(|cell| cell.verdict == VerdictKind::Unknown) {
        Exit::Unknown
    } else {
        Exit::Holds
    }
}
