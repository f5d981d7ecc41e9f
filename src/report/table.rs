//! Tables for a person (the only comfy-table).

use std::io::{self, Write};

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Attribute, CellAlignment, Color, ContentArrangement, Table};

use super::Colour;
use super::document::{Block, Cell, Grid, Tone};
use crate::escape::line;

pub(super) fn write(document: &[Block], colour: Colour, to: &mut impl Write) -> io::Result<()> {
    for (index, block) in document.iter().enumerate() {
        if index > 0 {
            writeln!(to)?;
        }
        match block {
            Block::Title(title) => writeln!(to, "{}", line(title))?,
            Block::Facts(facts) => write_facts(facts, to)?,
            Block::Grid(grid) => write_grid(grid, colour, to)?,
            Block::Note(note) => writeln!(to, "{}", line(note))?,
            Block::Lines(lines) => {
                for text in lines {
                    writeln!(to, "{}", line(text))?;
                }
            }
            Block::Command(lead, command) => {
                writeln!(to, "{}\n  {}", line(lead), line(command))?;
            }
        }
    }
    Ok(())
}

fn write_facts(facts: &[(String, String)], to: &mut impl Write) -> io::Result<()> {
    let width = facts
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0);
    facts
        .iter()
        .try_for_each(|(name, value)| writeln!(to, "{:width$}  {}", line(name), line(value)))
}

fn write_grid(grid: &Grid, colour: Colour, to: &mut impl Write) -> io::Result<()> {
    if !grid.title.is_empty() {
        writeln!(to, "{}", line(&grid.title))?;
    }
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    match colour {
        Colour::On => table.enforce_styling(),
        Colour::Off => table.force_no_tty(),
    };
    table.set_header(grid.head.iter().map(|name| line(name)));
    for row in &grid.rows {
        table.add_row(
            row.iter()
                .enumerate()
                .map(|(index, cell)| styled(cell, grid.is_number(index))),
        );
    }
    for row in table.lines() {
        writeln!(to, "{}", row.trim_end())?;
    }
    Ok(())
}

fn styled(cell: &Cell, is_number: bool) -> comfy_table::Cell {
    let alignment = if is_number {
        CellAlignment::Right
    } else {
        CellAlignment::Left
    };
    let styled = comfy_table::Cell::new(line(&cell.text)).set_alignment(alignment);
    match cell.tone {
        Tone::Plain => styled,
        Tone::Good => styled.fg(Color::Green),
        Tone::Bad => styled.fg(Color::Red).add_attribute(Attribute::Bold),
        Tone::Unknown => styled.fg(Color::Yellow),
    }
}
