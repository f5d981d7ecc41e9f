//! Tables for a page.

use std::io::{self, Write};

use crate::escape::{line, markdown};
use crate::report::blocks::{Block, Table};

/// Writes the blocks of a report.
pub(super) fn write(blocks: &[Block], to: &mut dyn Write) -> io::Result<()> {
    for block in blocks {
        match block {
            Block::Title(title) => writeln!(to, "## {}\n", markdown(title))?,
            Block::Facts(facts) => {
                for (name, value) in facts {
                    writeln!(to, "- {}: {}", markdown(name), markdown(value))?;
                }
                writeln!(to)?;
            }
            Block::Table(table) => write_table(table, to)?,
            Block::Note(note) => writeln!(to, "{}\n", markdown(note))?,
            Block::Lines(lines) => {
                for line in lines {
                    writeln!(to, "{}", markdown(line))?;
                }
                writeln!(to)?;
            }
            Block::Command(lead, command) => write_command(lead, command, to)?,
        }
    }
    Ok(())
}

/// A command in a block of its own, whose fence is longer than any in it.
fn write_command(lead: &str, command: &str, to: &mut dyn Write) -> io::Result<()> {
    let runs = command.split(|letter| letter != '`').map(str::len);
    let fence = "`".repeat(runs.max().unwrap_or(0).max(2) + 1);
    let command = line(command);
    writeln!(to, "{}\n\n{fence}sh\n{command}\n{fence}\n", markdown(lead))
}

fn write_table(table: &Table, to: &mut dyn Write) -> io::Result<()> {
    if !table.title.is_empty() {
        writeln!(to, "**{}**\n", markdown(&table.title))?;
    }
    let head: Vec<String> = table.head.iter().map(|name| markdown(name)).collect();
    writeln!(to, "| {} |", head.join(" | "))?;
    let rules = table.head.iter().enumerate().map(|(index, _)| {
        if table.is_number(index) {
            "---:"
        } else {
            "---"
        }
    });
    writeln!(to, "| {} |", rules.collect::<Vec<_>>().join(" | "))?;
    for row in &table.rows {
        let cells: Vec<String> = row.iter().map(|cell| markdown(&cell.text)).collect();
        writeln!(to, "| {} |", cells.join(" | "))?;
    }
    writeln!(to)
}
