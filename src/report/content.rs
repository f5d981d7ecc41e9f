//! What every kind of report gives, so that each format can show it.

use super::blocks::Block;
use super::diagram::Diagram;

/// A report of one kind.
pub(super) trait Content {
    /// What a person reads: title, facts, tables.
    fn blocks(&self) -> Vec<Block>;

    /// Rows for a machine, the headings first.
    fn records(&self) -> Vec<Vec<String>>;

    /// The interleavings that it tells.
    fn diagrams(&self) -> Vec<Diagram>;

    /// All of it.
    fn json(&self) -> serde_json::Result<String>;
}

/// The headings of rows for a machine.
pub(super) fn headings<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}

/// Something that may be missing; empty for a machine when it is.
pub(super) fn optional(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}
