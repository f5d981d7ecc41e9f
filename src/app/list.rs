//! `racesim list`: what there is, a line each.

use super::{AppError, Exit, output};
use crate::checker::Property;
use crate::cli::ListKind;
use crate::fault::Fault;
use crate::report::{METRICS, Unit};
use crate::schedule::MOVES;
use crate::strategy::CATALOGUE;

/// Every kind, the one people ask for first.
const KINDS: [ListKind; 5] = [
    ListKind::Strategies,
    ListKind::Properties,
    ListKind::Metrics,
    ListKind::Faults,
    ListKind::Moves,
];

pub(super) fn run(kind: Option<ListKind>) -> Result<Exit, AppError> {
    let text = if let Some(kind) = kind {
        lines(&rows(kind), "")
    } else {
        let part = |kind| format!("{}:\n{}", heading(kind), lines(&rows(kind), "  "));
        KINDS.map(part).join("\n")
    };
    output::print(&text)?;
    Ok(Exit::Holds)
}

const fn heading(kind: ListKind) -> &'static str {
    match kind {
        ListKind::Strategies => "Strategies",
        ListKind::Properties => "Properties",
        ListKind::Metrics => "Metrics",
        ListKind::Faults => "Faults",
        ListKind::Moves => "Moves",
    }
}

/// The names, each with what it means.
fn rows(kind: ListKind) -> Vec<(&'static str, String)> {
    let owned = |(name, meaning): (&'static str, &str)| (name, meaning.to_owned());
    match kind {
        ListKind::Strategies => {
            let entries = CATALOGUE.iter();
            entries.map(|it| owned((it.name, it.summary))).collect()
        }
        ListKind::Properties => {
            let all = Property::ALL.into_iter();
            all.map(|it| owned((it.name(), it.meaning()))).collect()
        }
        ListKind::Metrics => {
            let all = METRICS.iter();
            all.map(|it| (it.name, format!("{}{}", it.meaning, unit(it.unit))))
                .collect()
        }
        ListKind::Faults => {
            let all = Fault::ALL.into_iter();
            all.map(|it| owned((it.name(), it.meaning()))).collect()
        }
        ListKind::Moves => MOVES.into_iter().map(owned).collect(),
    }
}

/// How a value is written that is no plain number.
const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Count | Unit::PerSecond => "",
        Unit::Millis => " (a time: 50ms)",
    }
}

fn lines(rows: &[(&str, String)], before: &str) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines = rows
        .iter()
        .map(|(name, meaning)| format!("{before}{name:width$}  {meaning}\n"));
    lines.collect()
}
