//! The interleaving that broke a property, as a diagram.

use crate::checker::explain::Explanation;
use crate::history::{Reply, Step};
use crate::report::diagram::{Arrives, Diagram, Message};

/// What led to a violation.
pub(in crate::report) fn diagram(explanation: &Explanation) -> Diagram {
    let messages = explanation.lines.iter().map(|line| {
        let (step, node) = asked(&line.step);
        Message {
            user: Some(format!("user {}", line.user)),
            words: line.step.clone(),
            step,
            node,
            reply: line
                .reply
                .filter(|reply| *reply != Reply::Paid)
                .map(|reply| reply.to_string()),
            // A crash has no reply that its name could stand beside.
            note: match line.reply {
                None => format!("{}: {}", line.step, line.note),
                Some(_) => line.note.clone(),
            },
            // Of a reply that was lost nobody knows whether its request arrived.
            arrives: Arrives::Both,
        }
    });
    Diagram {
        title: explanation.title.clone(),
        messages: messages.collect(),
    }
}

/// The step that a line tells of, and which of several lock services was asked, from 0: `acquire@2`.
fn asked(told: &str) -> (Option<Step>, u8) {
    let (name, number) = told.split_once('@').unwrap_or((told, "1"));
    let number: u8 = number.parse().unwrap_or(1);
    (Step::named(name), number.saturating_sub(1))
}
