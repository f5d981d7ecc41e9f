//! Formats: a file for each, and what there is to know of it.

mod csv;
mod json;
mod markdown;
mod mermaid;
mod table;

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use super::content::Content;

pub use table::{Colour, Look, terminal_width};

/// A form that a report can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Tables for a person.
    Table,
    /// The whole report for a machine.
    Json,
    /// A row of metrics for each strategy.
    Csv,
    /// Tables for a page.
    Markdown,
    /// The interleavings as Mermaid sequence diagrams.
    Mermaid,
}

impl Format {
    /// Every form there is.
    pub const ALL: [Self; 5] = [
        Self::Table,
        Self::Json,
        Self::Csv,
        Self::Markdown,
        Self::Mermaid,
    ];
}

/// The formats by name.
const FORMATS: [(&str, Format); 5] = [
    ("table", Format::Table),
    ("json", Format::Json),
    ("csv", Format::Csv),
    ("markdown", Format::Markdown),
    ("mermaid", Format::Mermaid),
];

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        let found = FORMATS.iter().find(|(name, _)| *name == text);
        found
            .map(|(_, format)| *format)
            .ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = FORMATS.iter().find(|(_, format)| format == self);
        f.write_str(found.map_or("", |(name, _)| name))
    }
}

/// A format that there is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no format '{0}': write table, json, csv, markdown or mermaid")]
pub struct UnknownFormat(String);

/// Writes what a report holds in one of its forms.
pub(super) fn write(
    content: &dyn Content,
    format: Format,
    look: Look,
    to: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Table => table::write(&content.blocks(), look, to),
        Format::Json => json::write(&content.json()?, to),
        Format::Csv => csv::write(&content.records(), to),
        Format::Markdown => markdown::write(&content.blocks(), to),
        Format::Mermaid => mermaid::write(&content.diagrams(), to),
    }
}
