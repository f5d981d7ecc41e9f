//! What the real stores did, as tables.

use super::data::{MoveReport, ReplayReport, SingleReplay};
use crate::report::blocks::{Block, Cell, Table, Tone, cell, count as count_of, fact, head};
use crate::report::metrics::Unit;
use crate::report::verdicts::verdict_table;
use crate::report::words::{in_full, locks};
use crate::stats::as_f64;

/// What the real stores answered beside what the model says.
pub(super) fn replayed(report: &ReplayReport) -> Vec<Block> {
    let mut facts = vec![
        fact("Users", report.users.to_string()),
        fact("Database", report.database.clone()),
        fact("Locks", locks(report.lock.as_ref())),
    ];
    if report.single.is_none() {
        facts.push(fact(
            "Interleavings",
            Unit::Count.shown(as_f64(count_of(report.interleavings))),
        ));
    }
    let mut blocks = vec![
        Block::Title(format!(
            "racesim {}: {} replayed on {}",
            env!("CARGO_PKG_VERSION"),
            in_full(&report.strategy, &report.settings),
            report.stores()
        )),
        Block::Facts(facts),
    ];
    match &report.single {
        Some(single) => {
            blocks.push(Block::Table(side_by_side(single)));
            blocks.push(Block::Table(verdicts(single)));
        }
        None if report.interleavings == 0 => {}
        None => blocks.push(Block::Table(tally(report))),
    }
    blocks.push(Block::Lines(agreement(report)));
    blocks
}

fn side_by_side(single: &SingleReplay) -> Table {
    let rows = single.moves.iter().enumerate().map(|(at, line)| {
        let MoveReport {
            step,
            model,
            real,
            change,
            is_asked,
        } = line;
        let [said, was] =
            [model, real].map(|reply| reply.map_or_else(String::new, |reply| reply.to_string()));
        let tone = if model == real { Tone::Good } else { Tone::Bad };
        let note = if *is_asked {
            change.clone()
        } else {
            format!("(after the schedule) {change}")
        };
        vec![
            cell((at + 1).to_string()),
            cell(step.clone()),
            cell(said),
            Cell { text: was, tone },
            cell(note.trim()),
        ]
    });
    let head = head(["", "Move", "Model", "Real", "Effect"]);
    Table {
        title: "Move by move".to_owned(),
        head,
        numbers_from: 0,
        tail: 4,
        rows: rows.collect(),
    }
}

fn verdicts(single: &SingleReplay) -> Table {
    verdict_table("The checker's verdict on the real run", &single.verdicts)
}

fn tally(report: &ReplayReport) -> Table {
    let rows = report.by_bookings.iter().map(|(bookings, interleavings)| {
        let tone = if *bookings == 1 {
            Tone::Good
        } else {
            Tone::Bad
        };
        let count = |number: usize| Unit::Count.shown(as_f64(count_of(number)));
        vec![
            Cell {
                text: count(*bookings),
                tone,
            },
            cell(count(*interleavings)),
        ]
    });
    let head = head(["Bookings of the seat", "Interleavings"]);
    Table {
        title: "Every interleaving, judged by the database's rows".to_owned(),
        head,
        numbers_from: 0,
        tail: 0,
        rows: rows.collect(),
    }
}

fn agreement(report: &ReplayReport) -> Vec<String> {
    let stores = report.stores();
    if report.stopped && report.differences.is_empty() {
        return vec![format!(
            "It was stopped after {} interleavings; in those, the model and {stores} agree.",
            report.interleavings
        )];
    }
    if report.differences.is_empty() {
        return vec![format!(
            "The model and {stores} agree on every answer, outcome and row."
        )];
    }
    let differ = format!(
        "THE MODEL AND {} DIFFER: the model is wrong, or the strategy is.",
        stores.to_uppercase()
    );
    let differences = report.differences.iter().map(|line| format!("  {line}"));
    std::iter::once(differ).chain(differences).collect()
}
