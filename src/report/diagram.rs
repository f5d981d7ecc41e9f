//! An interleaving as a Mermaid sequence diagram (<https://mermaid.js.org/syntax/sequenceDiagram.html>).

use std::io::{self, Write};

use super::{PropertyReport, Shown, SingleReplay};
use crate::explain::Explanation;
use crate::history::Reply;

/// A sequence of messages between users and services.
struct Diagram {
    /// What it shows.
    title: String,
    /// The messages, in their order.
    messages: Vec<Message>,
}

/// A step and its answer, or something that happens by itself.
struct Message {
    /// Who moves; `None` for a service that does something by itself.
    user: Option<String>,
    /// What is done.
    step: String,
    /// What is answered; `None` when nothing is asked.
    reply: Option<String>,
    /// What it changes; empty for nothing.
    note: String,
}

/// The diagrams of a report: one for each interleaving that it tells.
fn diagrams(report: Shown<'_>) -> Vec<Diagram> {
    match report {
        Shown::Races(report) => report
            .races
            .iter()
            .filter_map(|race| race.explanation.as_ref())
            .map(explained)
            .collect(),
        Shown::Exploration(report) => report
            .properties
            .iter()
            .filter(|property| property.schedule.is_some())
            .map(explored)
            .collect(),
        Shown::Replay(report) => report.single.iter().map(replayed).collect(),
        // A table of schedules has no one interleaving to draw.
        Shown::Matrix(_) => Vec::new(),
    }
}

fn explained(explanation: &Explanation) -> Diagram {
    let messages = explanation.lines.iter().map(|line| Message {
        user: Some(format!("user {}", line.user)),
        step: line.step.clone(),
        reply: (line.reply != Reply::Paid).then(|| line.reply.to_string()),
        note: line.note.clone(),
    });
    Diagram {
        title: explanation.title.clone(),
        messages: messages.collect(),
    }
}

fn explored(property: &PropertyReport) -> Diagram {
    let title = format!(
        "{} is broken in {} moves",
        property.property,
        property.moves.len()
    );
    let messages = property
        .moves
        .iter()
        .map(|line| message(&line.step, line.reply, &line.change));
    Diagram {
        title,
        messages: messages.collect(),
    }
}

fn replayed(single: &SingleReplay) -> Diagram {
    let messages = single
        .moves
        .iter()
        .map(|line| message(&line.step, line.real, &line.change));
    Diagram {
        title: format!("on the real stores: {}", single.schedule),
        messages: messages.collect(),
    }
}

/// A move of a schedule: `A.check`, or `expire`.
fn message(step: &str, reply: Option<Reply>, change: &str) -> Message {
    let (user, step) = match step.split_once('.') {
        Some((user, step)) => (Some(user.to_owned()), step),
        None => (None, step),
    };
    Message {
        user,
        step: step.to_owned(),
        reply: reply.map(|reply| reply.to_string()),
        note: change.to_owned(),
    }
}

const DATABASE: &str = "SQLite";
const LOCK: &str = "Redis";

pub(super) fn write(report: Shown<'_>, to: &mut impl Write) -> io::Result<()> {
    diagrams(report)
        .iter()
        .enumerate()
        .try_for_each(|(at, diagram)| {
            if at > 0 {
                writeln!(to)?;
            }
            write_one(diagram, to)
        })
}

fn write_one(diagram: &Diagram, to: &mut impl Write) -> io::Result<()> {
    writeln!(to, "sequenceDiagram")?;
    writeln!(to, "    %% {}", diagram.title)?;
    let mut users: Vec<&String> = diagram
        .messages
        .iter()
        .filter_map(|message| message.user.as_ref())
        .collect();
    users.sort_unstable();
    users.dedup();
    for user in users {
        writeln!(to, "    actor {user}")?;
    }
    let is_locking = |message: &Message| message.user.is_none() || service(&message.step) == LOCK;
    if diagram.messages.iter().any(is_locking) {
        writeln!(to, "    participant {LOCK}")?;
    }
    writeln!(to, "    participant {DATABASE}")?;
    diagram
        .messages
        .iter()
        .try_for_each(|message| write_message(message, to))
}

fn write_message(message: &Message, to: &mut impl Write) -> io::Result<()> {
    let Message {
        user,
        step,
        reply,
        note,
    } = message;
    let note = plain(note);
    match (user, reply) {
        (None, _) => writeln!(
            to,
            "    Note over {LOCK}: {step}{}",
            if note.is_empty() {
                String::new()
            } else {
                format!("<br/>{note}")
            }
        ),
        (Some(user), None) => writeln!(
            to,
            "    Note over {user}: {}",
            if note.is_empty() { step } else { &note }
        ),
        (Some(user), Some(reply)) => {
            let service = service(step);
            writeln!(to, "    {user}->>{service}: {step}")?;
            writeln!(to, "    {service}-->>{user}: {}", plain(reply))?;
            if note.is_empty() {
                return Ok(());
            }
            writeln!(to, "    Note over {user},{service}: {note}")
        }
    }
}

fn service(step: &str) -> &'static str {
    if step.starts_with("acquire") || step.starts_with("release") {
        LOCK
    } else {
        DATABASE
    }
}

/// A text without what Mermaid reads as the end of a line.
fn plain(text: &str) -> String {
    text.replace(';', ",").replace('#', "")
}
