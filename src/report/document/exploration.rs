//! What a search found, and what the real stores did.

use super::{Block, Cell, Table, Tone, cell, fact, head, tone};
use crate::explore::TraceLine;
use crate::fault::Fault;
use crate::report::exploration::{ExploreReport, PropertyReport, in_full};
use crate::report::metrics::Unit;
use crate::report::replay::{MoveReport, ReplayReport, SingleReplay};
use crate::stats::as_f64;

/// The answers, and how each property that is violated is broken.
pub(in crate::report) fn explored(report: &ExploreReport) -> Vec<Block> {
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
            fact(
                "Searched",
                "the strategy's own code, each step one indivisible act",
            ),
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
                tone: tone(&property.verdict),
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
    let head = head([
        "Property",
        "Verdict",
        "Moves to break it",
        "States",
        "Depth",
        "ms",
    ]);
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

/// What the real stores answered beside what the model says.
pub(in crate::report) fn replayed(report: &ReplayReport) -> Vec<Block> {
    let mut facts = vec![
        fact("Users", report.users.to_string()),
        fact("Database", report.database.clone()),
        fact(
            "Locks",
            report
                .lock
                .clone()
                .unwrap_or_else(|| "none taken".to_owned()),
        ),
    ];
    if report.single.is_none() {
        facts.push(fact(
            "Interleavings",
            Unit::Count.shown(as_f64(super::count(report.interleavings))),
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
    super::race::verdict_grid("The checker on what really happened", &single.verdicts)
}

fn tally(report: &ReplayReport) -> Table {
    let rows = report.by_bookings.iter().map(|(bookings, interleavings)| {
        let tone = if *bookings == 1 {
            Tone::Good
        } else {
            Tone::Bad
        };
        let count = |number: usize| Unit::Count.shown(as_f64(super::count(number)));
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
