//! The report on interleavings that were forced on the real stores, in every form.

mod blocks;
mod data;

use super::blocks::Block;
use super::content::{Content, headings};
use super::diagram::{Diagram, Message};

pub use data::{MoveReport, ReplayReport, SingleReplay};

impl Content for ReplayReport {
    fn blocks(&self) -> Vec<Block> {
        blocks::replayed(self)
    }

    fn records(&self) -> Vec<Vec<String>> {
        let head = headings([
            "strategy",
            "users",
            "bookings",
            "interleavings",
            "differences",
        ]);
        let rows = self.by_bookings.iter().map(|(bookings, interleavings)| {
            vec![
                self.strategy.clone(),
                self.users.to_string(),
                bookings.to_string(),
                interleavings.to_string(),
                self.differences.len().to_string(),
            ]
        });
        std::iter::once(head).chain(rows).collect()
    }

    fn diagrams(&self) -> Vec<Diagram> {
        let single = self.single.iter();
        single
            .map(|single| diagram(single, self.stores()))
            .collect()
    }

    fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }
}

/// What was really answered.
fn diagram(single: &SingleReplay, stores: &str) -> Diagram {
    let moves = single.moves.iter();
    let messages = moves.map(|line| Message::of_move(&line.step, line.real, &line.change));
    Diagram {
        title: format!("on {stores}: {}", single.schedule),
        messages: messages.collect(),
    }
}
