//! Formats: a file for each, and what there is to know of it.

mod csv;
mod json;
mod markdown;
mod mermaid;
mod table;

use std::io::{self, Write};

use strum::{EnumCount, EnumString, IntoStaticStr, VariantArray};

use super::content::Content;

pub use table::{Colour, Look, terminal_width};

/// A form that a report can take.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    strum::Display,
    EnumCount,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[strum(serialize_all = "kebab-case")]
#[strum(parse_err_ty = UnknownFormat, parse_err_fn = UnknownFormat::from)]
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

all_by_name!(Format, "Every form there is.");

impl Format {
    /// What it holds.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Table => "tables for a person",
            Self::Json => "the whole report, for a program",
            Self::Csv => "a row of metrics for each strategy",
            Self::Markdown => "tables for a page",
            Self::Mermaid => "interleavings as Mermaid sequence diagrams",
        }
    }

    /// How the names of its files end, the usual ending first.
    #[must_use]
    pub const fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Table => &["txt"],
            Self::Json => &["json"],
            Self::Csv => &["csv"],
            Self::Markdown => &["md", "markdown"],
            Self::Mermaid => &["mmd", "mermaid"],
        }
    }

    /// The form of a file whose name ends like this.
    #[must_use]
    pub fn of_ending(ending: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|format| format.endings().contains(&ending))
    }

    /// Whether a person reads in it why the status is what it is.
    #[must_use]
    pub const fn tells_reasons(self) -> bool {
        match self {
            Self::Table | Self::Markdown => true,
            Self::Json | Self::Csv | Self::Mermaid => false,
        }
    }
}

/// A format that there is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no format '{0}': write {names}", names = Format::ALL.map(Format::name).join(", "))]
pub struct UnknownFormat(String);

impl From<&str> for UnknownFormat {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

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
