//! What a search found, as tables.

use super::data::{ExploreReport, PropertyReport};
use crate::explore::TraceLine;
use crate::fault::Fault;
use crate::report::blocks::{Block, Cell, Table, cell, fact, head, tone};
use crate::report::metrics::Unit;
use crate::report::words::in_full;
use crate::stats::as_f64;

/// The answers, and how each property that is violated is broken.
pub(super) fn explored(report: &ExploreReport) -> Vec<Block> {
    let faults = if report.faults.is_empty() {
        "none".to_owned()
    } else {
        report.faults.join(", ")
    };
    let mut blocks = vec![
        Block::Title(format!(
            "racesim {}: every interleaving of {}",
            env!("CARGO_PKG_VERSION"),
            in_full(&report.strategy, &report.settings)
        )),
        Block::Facts(vec![
            fact("Users", report.users.to_string()),
            fact("Faults", faults),
            fact("Searched", "the strategy's own code, each step atomic"),
        ]),
        Block::Table(answers(report)),
    ];
    blocks.extend(
        report
            .impossible
            .iter()
            .map(|fault| Block::Note(idle(fault))),
    );
    for (at, property) in report.properties.iter().enumerate() {
        let Some(schedule) = &property.schedule else {
            continue;
        };
        let is_same = |other: &&PropertyReport| other.schedule.as_ref() == Some(schedule);
        if report.properties[..at]
            .iter()
            .any(|earlier| is_same(&earlier))
        {
            continue;
        }
        let broken = report.properties[at..].iter().filter(is_same);
        let names: Vec<String> = broken.map(|other| other.property.to_string()).collect();
        blocks.push(Block::Table(moves(property, &names.join(" and "))));
        let line = report.replay_line(schedule);
        blocks.push(Block::Command("On the real stores:".to_owned(), line));
    }
    blocks
}

/// Why a fault made no difference.
fn idle(fault: &str) -> String {
    match Fault::named(fault) {
        Some(fault) if fault.only_delays() => format!(
            "{fault} only lets time pass: what may follow from it is among these interleavings already."
        ),
        _ => {
            format!("{fault} never fired: no state has anything that it could strike.")
        }
    }
}

fn answers(report: &ExploreReport) -> Table {
    let rows = report.properties.iter().map(|property| {
        let count = |number: u64| cell(Unit::Count.shown(as_f64(number)));
        vec![
            cell(property.property.to_string()),
            Cell {
                text: property.verdict_in_full(),
                tone: tone(property.verdict),
            },
            cell(
                property
                    .steps()
                    .map_or_else(String::new, |steps| steps.to_string()),
            ),
            count(property.states),
            count(property.depth),
            cell(format!("{:.1}", property.took_ms)),
        ]
    });
    let head = head(["Property", "Verdict", "Moves", "States", "Depth", "ms"]);
    Table {
        title: "Every interleaving".to_owned(),
        head,
        numbers_from: 2,
        tail: 0,
        rows: rows.collect(),
    }
}

fn moves(property: &PropertyReport, names: &str) -> Table {
    let rows = property.moves.iter().enumerate().map(|(at, line)| {
        let TraceLine {
            step,
            reply,
            change,
        } = line;
        let reply = reply.map_or_else(String::new, |reply| reply.to_string());
        vec![
            cell((at + 1).to_string()),
            cell(step.clone()),
            cell(reply),
            cell(change.clone()),
        ]
    });
    let title = format!(
        "Shortest way to break {names}: {} moves",
        property.moves.len()
    );
    Table {
        title,
        head: head(["", "Move", "Answer", "Effect"]),
        numbers_from: 0,
        tail: 3,
        rows: rows.collect(),
    }
}
