//! Tables for a page.

use std::io::{self, Write};

use super::document::{Block, Cell, Grid};

pub(super) fn write(document: &[Block], to: &mut impl Write) -> io::Result<()> {
    for block in document {
        match block {
            Block::Title(title) => writeln!(to, "## {title}\n")?,
            Block::Facts(facts) => {
                for (name, value) in facts {
                    writeln!(to, "- {name}: {value}")?;
                }
                writeln!(to)?;
            }
            Block::Grid(grid) => write_grid(grid, to)?,
            Block::Note(note) => writeln!(to, "{note}\n")?,
        }
    }
    Ok(())
}

fn write_grid(grid: &Grid, to: &mut impl Write) -> io::Result<()> {
    if !grid.title.is_empty() {
        writeln!(to, "**{}**\n", grid.title)?;
    }
    writeln!(to, "| {} |", grid.head.join(" | "))?;
    let rules = grid
        .head
        .iter()
        .enumerate()
        .map(|(index, _)| if grid.is_number(index) { "---:" } else { "---" });
    writeln!(to, "| {} |", rules.collect::<Vec<_>>().join(" | "))?;
    for row in &grid.rows {
        let cells: Vec<String> = row.iter().map(cell).collect();
        writeln!(to, "| {} |", cells.join(" | "))?;
    }
    writeln!(to)
}

/// A cell's text, safe between two bars.
fn cell(cell: &Cell) -> String {
    cell.text.replace('|', "\\|")
}
