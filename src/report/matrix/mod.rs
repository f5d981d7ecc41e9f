//! The report on strategies against faults, in every form.

mod blocks;
mod data;

use super::blocks::Block;
use super::content::{Content, headings, optional};
use super::diagram::Diagram;

pub use data::{MatrixCell, MatrixReport, MatrixRow};

impl Content for MatrixReport {
    fn blocks(&self) -> Vec<Block> {
        blocks::blocks(self)
    }

    fn records(&self) -> Vec<Vec<String>> {
        let head = headings([
            "strategy",
            "fault",
            "property",
            "verdict",
            "moves",
            "forced",
            "fewest_bookings",
            "most_bookings",
            "expected",
            "objection",
            "schedule",
        ]);
        let cells = self.rows.iter().flat_map(|row| {
            let cells = row.cells.iter().zip(&self.columns);
            cells.map(|(cell, column)| (&row.strategy, cell, column))
        });
        let rows = cells.map(|(strategy, cell, column)| {
            vec![
                strategy.clone(),
                column.name.clone(),
                column.property.to_string(),
                cell.verdict.to_string(),
                optional(cell.moves),
                cell.forced.to_string(),
                cell.fewest_bookings.to_string(),
                cell.most_bookings.to_string(),
                optional(cell.expected.as_ref()),
                optional(cell.objection.as_ref()),
                optional(cell.schedule.as_ref()),
            ]
        });
        std::iter::once(head).chain(rows).collect()
    }

    /// A table of schedules has no one interleaving to draw.
    fn diagrams(&self) -> Vec<Diagram> {
        Vec::new()
    }

    fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }
}
