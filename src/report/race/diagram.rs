//! The interleaving that broke a property, as a diagram.

use crate::checker::explain::Explanation;
use crate::history::Reply;
use crate::report::diagram::{Arrives, Diagram, Message};

/// What led to a violation.
pub(in crate::report) fn diagram(explanation: &Explanation) -> Diagram {
    let messages = explanation.lines.iter().map(|line| Message {
        user: Some(format!("user {}", line.user)),
        words: line.step.clone(),
        step: Some(line.asked),
        node: line.node,
        reply: (line.reply != Reply::Paid).then(|| line.reply.to_string()),
        note: line.note.clone(),
        // Of a reply that was lost nobody knows whether its request arrived.
        arrives: Arrives::Both,
    });
    Diagram {
        title: explanation.title.clone(),
        messages: messages.collect(),
    }
}
