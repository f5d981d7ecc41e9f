//! Tables for a person (the only comfy-table).

use std::io::{self, Write};

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Attribute, CellAlignment, Color, ContentArrangement};

use crate::escape::line;
use crate::report::blocks::{Block, Cell, Table, Tone};

/// The width of a terminal that does not say how wide it is.
const USUAL_WIDTH: u16 = 100;

/// So many letters of a sentence stand beside each other.
const SENTENCE: usize = 16;

/// A column's rule and the blanks beside its words.
const BORDER: usize = 3;

/// Whether tables are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// With colours.
    On,
    /// Without.
    Off,
}

/// How a table looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whether it is coloured.
    pub colour: Colour,
    /// How wide it may be; `None` for as wide as it likes.
    pub width: Option<u16>,
}

impl Look {
    /// Of a table in a file.
    pub const PLAIN: Self = Self {
        colour: Colour::Off,
        width: None,
    };
}

/// Writes the blocks of a report.
pub(super) fn write(blocks: &[Block], look: Look, to: &mut dyn Write) -> io::Result<()> {
    for (index, block) in blocks.iter().enumerate() {
        if index > 0 {
            writeln!(to)?;
        }
        match block {
            Block::Title(title) => writeln!(to, "{}", line(title))?,
            Block::Facts(facts) => write_facts(facts, look, to)?,
            Block::Table(table) => write_table(table, look, to)?,
            Block::Note(note) => write_wrapped("", note, look, to)?,
            Block::Lines(lines) => {
                for text in lines {
                    write_wrapped("", text, look, to)?;
                }
            }
            Block::Command(lead, command) => {
                writeln!(to, "{}\n  {}", line(lead), line(command))?;
            }
        }
    }
    Ok(())
}

fn write_facts(facts: &[(String, String)], look: Look, to: &mut dyn Write) -> io::Result<()> {
    let width = facts
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0);
    facts.iter().try_for_each(|(name, value)| {
        let name = format!("{:width$}  ", line(name));
        write_wrapped(&name, value, look, to)
    })
}

/// Writes a text after a lead, in lines that end between words where the terminal ends; each stands beneath
/// the beginning of the text.
fn write_wrapped(lead: &str, text: &str, look: Look, to: &mut dyn Write) -> io::Result<()> {
    let text = line(text);
    let inner = text.trim_start();
    let indent = lead.chars().count() + text.chars().count() - inner.chars().count();
    let width = look.width.map_or(usize::MAX, usize::from);
    write!(to, "{lead}{}", &text[..text.len() - inner.len()])?;
    let mut at = indent;
    // Blanks beside each other may be what a text is aligned by: they stay where the line does not end.
    for (place, word) in inner.split(' ').enumerate() {
        let takes = word.chars().count();
        if place > 0 && at + 1 + takes > width && at > indent {
            write!(to, "\n{:indent$}", "")?;
            at = indent;
        } else if place > 0 {
            to.write_all(b" ")?;
            at += 1;
        }
        to.write_all(word.as_bytes())?;
        at += takes;
    }
    writeln!(to)
}

/// The width of the terminal that stdout is; `None` when it is none. One that reports no width has the
/// one that `COLUMNS` says, or a usual one.
#[must_use]
pub fn terminal_width() -> Option<u16> {
    let drawn = comfy_table::Table::new();
    if !drawn.is_tty() {
        return None;
    }
    let said = || std::env::var("COLUMNS").ok()?.parse().ok();
    let widths = [drawn.width(), said()];
    let known = widths.into_iter().flatten().find(|width| *width > 0);
    Some(known.unwrap_or(USUAL_WIDTH))
}

fn write_table(table: &Table, look: Look, to: &mut dyn Write) -> io::Result<()> {
    if !table.title.is_empty() {
        writeln!(to, "{}", line(&table.title))?;
    }
    parts(table, look.width)
        .iter()
        .try_for_each(|columns| write_part(table, columns, look, to))
}

/// The columns of each table that the table is shown as: one, unless the words of a row do not fit
/// beside each other. What says what a row is stands in each of them.
fn parts(table: &Table, width: Option<u16>) -> Vec<Vec<usize>> {
    let all: Vec<usize> = (0..table.head.len()).collect();
    let room = usize::from(width.unwrap_or(u16::MAX)).saturating_sub(1);
    let needs = |columns: &[usize]| {
        columns
            .iter()
            .map(|at| least_width(table, *at))
            .sum::<usize>()
    };
    if needs(&all) <= room {
        return vec![all];
    }
    let (labels, others) = all.split_at(table.labels());
    let mut parts: Vec<Vec<usize>> = Vec::new();
    for column in others {
        match parts.last_mut() {
            Some(part) if needs(part) + least_width(table, *column) <= room => part.push(*column),
            _ => parts.push([labels, &[*column]].concat()),
        }
    }
    parts
}

/// What a column takes at the least, with its border: its longest word, and enough of a sentence.
fn least_width(table: &Table, column: usize) -> usize {
    let cells = table.rows.iter().map(|row| row[column].text.as_str());
    let texts = cells.chain([table.head[column].as_str()]);
    let widths = texts.map(|text| {
        let word = text.split(' ').map(|word| word.chars().count()).max();
        word.unwrap_or(0).max(text.chars().count().min(SENTENCE))
    });
    widths.max().unwrap_or(0) + BORDER
}

fn write_part(table: &Table, columns: &[usize], look: Look, to: &mut dyn Write) -> io::Result<()> {
    let mut drawn = comfy_table::Table::new();
    drawn.load_style(UTF8_FULL_CONDENSED);
    drawn.set_content_arrangement(ContentArrangement::Dynamic);
    drawn.force_no_tty();
    if look.colour == Colour::On {
        drawn.enforce_styling();
    }
    if let Some(width) = look.width {
        drawn.set_width(width);
    }
    drawn.set_header(columns.iter().map(|at| line(&table.head[*at])));
    for row in &table.rows {
        let cells = columns.iter();
        drawn.add_row(cells.map(|at| styled(&row[*at], table.is_number(*at))));
    }
    for row in drawn.lines() {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(lead: &str, text: &str, width: Option<u16>) -> String {
        let look = Look {
            width,
            ..Look::PLAIN
        };
        let mut written = Vec::new();
        write_wrapped(lead, text, look, &mut written).unwrap();
        String::from_utf8(written).unwrap()
    }

    // A terminal broke them inside words.
    #[test]
    fn a_line_ends_between_words_where_the_terminal_ends() {
        assert_eq!(wrapped("", "one two three", None), "one two three\n");
        assert_eq!(wrapped("", "one two three", Some(13)), "one two three\n");
        assert_eq!(wrapped("", "one two three", Some(12)), "one two\nthree\n");
        assert_eq!(wrapped("Why  ", "one two", Some(9)), "Why  one\n     two\n");
        assert_eq!(wrapped("", "  a  b longer", Some(9)), "  a  b\n  longer\n");
        assert_eq!(
            wrapped("", "longer-than-that no", Some(5)),
            "longer-than-that\nno\n"
        );
    }
}
