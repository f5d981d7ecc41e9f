//! Strategies side by side.

use super::data::Comparison;
use crate::report::blocks::{Block, Cell, Table, cell, fact, head, oversold, shown, tone};
use crate::report::race::{RaceReport, interleaving, setting, warnings};

/// All of it.
pub(in crate::report) fn compared(
    races: &[RaceReport],
    comparison: &Comparison,
    blocks: &mut Vec<Block>,
) {
    blocks.push(Block::Title(format!(
        "racesim {}: {}",
        env!("CARGO_PKG_VERSION"),
        comparison.strategies.join(" against ")
    )));
    if let Some(race) = races.iter().max_by_key(|race| race.header.lock.is_some()) {
        let mut facts = setting(race);
        let headers = races.iter().map(|race| &race.header);
        let chosen = headers.filter(|header| !header.settings.is_empty());
        facts.extend(chosen.map(|header| {
            let name = format!("Options of {}", header.strategy);
            fact(&name, header.settings.clone())
        }));
        blocks.push(Block::Facts(facts));
    }
    if races.iter().any(|race| !race.faults.is_empty()) {
        blocks.push(Block::Table(faults_compared(races)));
    }
    blocks.push(Block::Table(bookings_compared(races)));
    blocks.push(Block::Table(rows(comparison)));
    blocks.push(Block::Table(verdicts_compared(races)));
    for race in races {
        if let Some(explanation) = &race.explanation {
            let mut table = interleaving(explanation);
            table.title = format!("{}: {}", race.header.strategy, explanation.title);
            blocks.push(Block::Table(table));
        }
        let told = blocks.len();
        blocks.extend(race.damage.clone().map(Block::Note));
        warnings(race, blocks);
        for block in &mut blocks[told..] {
            if let Block::Note(note) = block {
                *note = format!("{}: {note}", race.header.strategy);
            }
        }
    }
}

/// How often each fault happened to each strategy; one that could not is said, not dropped.
fn faults_compared(races: &[RaceReport]) -> Table {
    let faults = races.first().map_or(&[][..], |race| &race.faults);
    let rows = faults.iter().enumerate().map(|(at, fault)| {
        let counts = races.iter().map(|race| match race.faults[at].happened {
            0 => cell("never fired"),
            times => cell(shown(times)),
        });
        let name = std::iter::once(cell(fault.fault.clone()));
        name.chain(counts).collect()
    });
    let mut head = head(["Fault"]);
    head.extend(races.iter().map(|race| race.header.strategy.clone()));
    Table {
        title: "Injected faults".to_owned(),
        head,
        numbers_from: 1,
        tail: 0,
        rows: rows.collect(),
    }
}

/// Every property with what the checker says of each strategy.
fn verdicts_compared(races: &[RaceReport]) -> Table {
    let properties = races.first().map_or(&[][..], |race| &race.verdicts);
    let rows = properties.iter().enumerate().map(|(at, report)| {
        let mut row = vec![cell(report.property.to_string())];
        row.extend(
            races
                .iter()
                .map(|race| &race.verdicts[at])
                .map(|report| Cell {
                    text: report.verdict.to_string(),
                    tone: tone(report.verdict),
                }),
        );
        row.push(cell(report.property.meaning()));
        row
    });
    let mut head = head(["Property"]);
    head.extend(races.iter().map(|race| race.header.strategy.clone()));
    head.push("What it means when it holds".to_owned());
    Table {
        title: "Verdicts of the checker".to_owned(),
        numbers_from: head.len(),
        head,
        tail: 0,
        rows: rows.collect(),
    }
}

fn bookings_compared(races: &[RaceReport]) -> Table {
    let rows = races.iter().map(|race| {
        let value = |name: &str| race.figures.shown(name);
        // The worst round, not the median one: sold twice once is sold twice.
        let worst = race.figures.range("double_bookings").map(|(_, most)| most);
        let mut row = vec![
            cell(race.header.strategy.clone()),
            cell(value("attempts")),
            cell(value("bookings")),
        ];
        row.push(oversold(value("double_bookings"), worst));
        row.push(Cell {
            text: race.verdict.to_string(),
            tone: tone(race.verdict),
        });
        row
    });
    let are_several = races.iter().any(|race| race.rounds > 1);
    let a_round = if are_several { " a round" } else { "" };
    let head = head([
        "Strategy",
        "Attempts",
        "Bookings",
        "Double-bookings",
        "Verdict",
    ]);
    Table {
        title: format!("Bookings{a_round}, counted from the database's rows"),
        head,
        numbers_from: 1,
        tail: 1,
        rows: rows.collect(),
    }
}

/// A line for each measure; the question that it answers stands at the first of its lines.
fn rows(comparison: &Comparison) -> Table {
    let lines = comparison.rows.iter().flat_map(|row| {
        row.measures.iter().enumerate().map(|(at, measure)| {
            let name = if at == 0 { &row.name } else { "" };
            let values = measure.cells.iter().map(|value| {
                let star = if value.best { "★" } else { " " };
                cell(format!("{} {star}", value.text))
            });
            let labels = [cell(name), cell(measure.name.clone())];
            labels.into_iter().chain(values).collect()
        })
    });
    let mut head = head(["", "Measured"]);
    head.extend(comparison.strategies.iter().cloned());
    Table {
        title: "Side by side, medians (★ clearly best: beyond measurement noise)".to_owned(),
        head,
        numbers_from: 2,
        tail: 0,
        rows: lines.collect(),
    }
}
