//! Strategies against faults, as one table.

use super::data::{MatrixCell, MatrixReport};
use crate::checker::VerdictKind;
use crate::report::blocks::{Block, Cell, Table, Tone, cell, fact};
use crate::report::words::{locks, stores};

/// So many columns fit beside the names of the strategies into 110 letters.
const COLUMNS_MAX: usize = 6;

/// What the signs mean.
fn legend(report: &MatrixReport) -> Vec<String> {
    vec![
        "✓ no interleaving breaks it; ✗7 the shortest that breaks it has 7 moves; – not applicable.".to_owned(),
        "After the dot, the most bookings of the seat when that schedule, or some that were drawn,"
            .to_owned(),
        format!(
            "were forced on {}. ! differs from what is expected.",
            stores(report.lock.as_ref())
        ),
    ]
}

/// The table, what its signs mean, and what stands against it.
pub(super) fn blocks(report: &MatrixReport) -> Vec<Block> {
    let mut blocks = vec![
        Block::Title(format!(
            "racesim {}: strategies against faults",
            env!("CARGO_PKG_VERSION")
        )),
        Block::Facts(vec![
            fact("Database", report.database.clone()),
            fact("Locks", locks(report.lock.as_ref())),
            fact("Took", format!("{:.1} s", report.took_ms / 1000.0)),
        ]),
    ];
    let columns: Vec<usize> = (0..report.columns.len()).collect();
    let parts = columns.chunks(COLUMNS_MAX);
    blocks.extend(parts.map(|part| Block::Table(table(report, part))));
    blocks.extend([Block::Facts(meanings(report)), Block::Lines(legend(report))]);
    blocks.extend(objections(report).map(Block::Note));
    blocks.push(Block::Note(verdict(report)));
    blocks
}

/// The cells of these columns.
fn table(report: &MatrixReport, columns: &[usize]) -> Table {
    let names = columns.iter().map(|at| report.columns[*at].name.clone());
    let rows = report.rows.iter().map(|row| {
        let name = std::iter::once(cell(row.strategy.clone()));
        name.chain(
            columns
                .iter()
                .map(|at| row.cells.get(*at).map_or_else(|| cell(""), sign)),
        )
        .collect()
    });
    Table {
        title: String::new(),
        head: std::iter::once("Strategy".to_owned())
            .chain(names)
            .collect(),
        numbers_from: 0,
        tail: columns.len() + 1,
        rows: rows.collect(),
    }
}

fn sign(found: &MatrixCell) -> Cell {
    let most = found.most_bookings;
    let (text, tone) = match (found.verdict, found.moves) {
        (VerdictKind::Holds, _) if found.forced == 0 => ("–".to_owned(), Tone::Plain),
        (VerdictKind::Holds, _) => (format!("✓ ·{most}"), Tone::Good),
        (VerdictKind::Violated | VerdictKind::Unknown, Some(moves)) => {
            (format!("✗{moves} ·{most}"), Tone::Bad)
        }
        (VerdictKind::Violated | VerdictKind::Unknown, None) => {
            (format!("? ·{most}"), Tone::Unknown)
        }
    };
    let mark = if found.objection.is_some() { " !" } else { "" };
    Cell {
        text: format!("{text}{mark}"),
        tone,
    }
}

fn meanings(report: &MatrixReport) -> Vec<(String, String)> {
    let columns = report.columns.iter();
    columns
        .map(|column| {
            let users = column.users;
            fact(
                &column.name,
                format!("{} ({users} users, {})", column.meaning, column.property),
            )
        })
        .collect()
}

fn objections(report: &MatrixReport) -> impl Iterator<Item = String> + '_ {
    report.rows.iter().flat_map(|row| {
        let cells = row.cells.iter().zip(&report.columns);
        cells.filter_map(|(found, column)| {
            let objection = found.objection.as_ref()?;
            Some(format!(
                "! {} under {}: {objection}",
                row.strategy, column.name
            ))
        })
    })
}

fn verdict(report: &MatrixReport) -> String {
    let total: usize = report.rows.iter().map(|row| row.cells.len()).sum();
    let cells = |count: usize| match count {
        1 => "1 cell".to_owned(),
        count => format!("{count} cells"),
    };
    if report.disagreeing > 0 {
        let wrong = report.disagreeing;
        let are = if total == 1 { "is" } else { "are" };
        return format!("{wrong} of {} {are} NOT as expected.", cells(total));
    }
    let stated = match (report.judged, total) {
        (0, 1) => "no expectation is on file for it".to_owned(),
        (0, 0) => "nothing was searched".to_owned(),
        (0, _) => "no expectations are on file for them".to_owned(),
        (1, 1) => "it is as expected".to_owned(),
        (judged, _) if judged == total => format!("{judged} are as expected"),
        (1, _) => "1 is as expected; for the others no expectation is on file".to_owned(),
        (judged, _) => {
            format!("{judged} are as expected; for the others no expectation is on file")
        }
    };
    let each = if total == 1 { "it" } else { "each" };
    let stopped = if report.stopped {
        "It was stopped after "
    } else {
        ""
    };
    format!(
        "{stopped}{}: the search and {} agree in {each}, and {stated}.",
        cells(total),
        stores(report.lock.as_ref())
    )
}
