//! The report on a search of every interleaving, in every form.

mod blocks;
mod data;

use super::blocks::Block;
use super::content::{Content, headings, optional};
use super::diagram::{Diagram, Message};

pub use data::{ExploreReport, PropertyReport};

impl Content for ExploreReport {
    fn blocks(&self) -> Vec<Block> {
        blocks::explored(self)
    }

    fn records(&self) -> Vec<Vec<String>> {
        let head = headings([
            "strategy", "users", "faults", "property", "verdict", "moves", "states", "depth",
            "schedule",
        ]);
        let rows = self.properties.iter().map(|property| {
            vec![
                self.strategy.clone(),
                self.users.to_string(),
                self.faults.join(" "),
                property.property.to_string(),
                property.verdict.to_string(),
                optional(property.steps()),
                property.states.to_string(),
                property.depth.to_string(),
                optional(property.schedule.as_ref()),
            ]
        });
        std::iter::once(head).chain(rows).collect()
    }

    fn diagrams(&self) -> Vec<Diagram> {
        let broken = self.properties.iter();
        let broken = broken.filter(|property| property.schedule.is_some());
        broken.map(diagram).collect()
    }

    fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }
}

/// How a property is broken.
fn diagram(property: &PropertyReport) -> Diagram {
    let moves = property.moves.iter();
    let messages = moves.map(|line| Message::of_move(&line.step, line.reply, &line.change));
    Diagram {
        title: format!(
            "{} is broken in {} moves",
            property.property,
            property.moves.len()
        ),
        messages: messages.collect(),
    }
}
