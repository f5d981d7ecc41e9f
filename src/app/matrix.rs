//! `racesim matrix`: which strategy withstands which fault.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::output::{Outlets, PIPE_LIMIT};
use super::place::Uses;
use super::{AppError, Exit};
use crate::cli::{self, MatrixCommand};
use crate::duration::as_millis;
use crate::engine::{Engine, ServiceChoice, Services};
use crate::matrix::{Column, Expectations, cell};
use crate::plan::Plan;
use crate::progress::Watch;
use crate::report::{MatrixCell, MatrixReport, MatrixRow, Report, Shown};
use crate::strategy::{BuiltIn, Needs, Strategy};

/// The most users of any column, each with a connection of its own: five at every second screen.
const USERS: NonZeroU32 = NonZeroU32::new(9).expect("nine is not zero");

pub(super) async fn run(command: MatrixCommand) -> Result<Exit, AppError> {
    let begun = Instant::now();
    let mut outlets = Outlets::open(&command.output, Uses::default(), PIPE_LIMIT).await?;
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
    let services = Services::start(&choice, &plan, needs, &plan.seats_wanted()).await?;
    super::simulated::say(&services, &choice.redis, &outlets);
    let engine = Engine::new(services);
    let done = Arc::<AtomicU64>::default();
    let total = strategies.len() * columns.len();
    let watch = (!outlets.is_quiet()).then(|| {
        let total = u64::try_from(total).unwrap_or(u64::MAX);
        Watch::begin(Arc::clone(&done), total, "cells")
    });
    let mut rows = Vec::new();
    for (words, strategy) in &strategies {
        let cells = cells(&engine, strategy, words, &columns, &known).await?;
        done.fetch_add(u64::try_from(cells.len()).unwrap_or(0), Ordering::Relaxed);
        rows.push(MatrixRow {
            strategy: words.clone(),
            cells,
        });
    }
    drop(watch);
    let mut report = report(&engine, columns, rows);
    report.took_ms = as_millis(begun.elapsed());
    outlets.publish(Shown::Matrix(&report)).await?;
    Ok(exit(&report))
}

async fn cells(
    engine: &Engine,
    strategy: &BuiltIn,
    words: &str,
    columns: &[Column],
    known: &Expectations,
) -> Result<Vec<MatrixCell>, AppError> {
    let mut cells = Vec::new();
    for column in columns {
        let expected = known.of(words, &column.name).cloned();
        let source = expected.as_ref().map(|line| {
            let full = known.sources.get(&line.source);
            full.unwrap_or(&line.source).clone()
        });
        let found = cell(engine, strategy, column, expected).await?;
        cells.push(MatrixCell::of(&found, source));
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

fn report(engine: &Engine, columns: Vec<Column>, rows: Vec<MatrixRow>) -> MatrixReport {
    let cells = || rows.iter().flat_map(|row| &row.cells);
    MatrixReport {
        version: Report::VERSION,
        database: engine.services().database().to_owned(),
        lock: engine.services().lock().unwrap_or("none taken").to_owned(),
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
    } else if cells.any(|cell| cell.verdict == "unknown") {
        Exit::Unknown
    } else {
        Exit::Holds
    }
}
