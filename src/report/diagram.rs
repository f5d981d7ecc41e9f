//! An interleaving as a Mermaid sequence diagram (<https://mermaid.js.org/syntax/sequenceDiagram.html>).

use std::io::{self, Write};

use super::{AnyReport, PropertyReport, SingleReplay};
use crate::checker::explain::Explanation;
use crate::escape::mermaid;
use crate::history::{Reply, Service, Step};
use crate::schedule::{Delivery, Move, Schedule};

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
    /// What arrives of it.
    arrives: Arrives,
}

/// What arrives of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Arrives {
    /// The request and the reply.
    Both,
    /// The request only.
    Request,
    /// The request, later.
    Later,
    /// Nothing.
    Nothing,
}

impl From<Move> for Arrives {
    fn from(step: Move) -> Self {
        match step {
            Move::Step { reply, .. } => match reply {
                Delivery::Arrives | Delivery::Slow => Self::Both,
                Delivery::Lost => Self::Request,
                Delivery::LostRequest => Self::Nothing,
                Delivery::Late => Self::Later,
            },
            Move::Arrival { .. } => Self::Request,
            Move::Crash(_)
            | Move::GiveUp(_)
            | Move::Stall(_)
            | Move::Expire(_)
            | Move::Restart(_)
            | Move::PauseRedis => Self::Both,
        }
    }
}

/// The diagrams of a report: one for each interleaving that it tells.
fn diagrams(report: AnyReport<'_>) -> Vec<Diagram> {
    match report {
        AnyReport::Races(report) => report
            .races
            .iter()
            .filter_map(|race| race.explanation.as_ref())
            .map(explained)
            .collect(),
        AnyReport::Exploration(report) => report
            .properties
            .iter()
            .filter(|property| property.schedule.is_some())
            .map(explored)
            .collect(),
        AnyReport::Replay(report) => {
            let replayed = |single| replayed(single, report.stores());
            report.single.iter().map(replayed).collect()
        }
        // A table of schedules has no one interleaving to draw.
        AnyReport::Matrix(_) => Vec::new(),
    }
}

fn explained(explanation: &Explanation) -> Diagram {
    let messages = explanation.lines.iter().map(|line| Message {
        user: Some(format!("user {}", line.user)),
        step: line.step.clone(),
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

fn replayed(single: &SingleReplay, stores: &str) -> Diagram {
    let messages = single
        .moves
        .iter()
        .map(|line| message(&line.step, line.real, &line.change));
    Diagram {
        title: format!("on {stores}: {}", single.schedule),
        messages: messages.collect(),
    }
}

/// A move of a schedule: `A.check`, or `expire`.
fn message(step: &str, reply: Option<Reply>, change: &str) -> Message {
    let moves = step.parse::<Schedule>().unwrap_or_default().0;
    let arrives = moves.first().copied().map_or(Arrives::Both, Arrives::from);
    let (user, step) = match step.split_once('.') {
        Some((user, step)) => (Some(user.to_owned()), step),
        None => (None, step),
    };
    Message {
        user,
        step: step.to_owned(),
        reply: reply.map(|reply| reply.to_string()),
        note: change.to_owned(),
        arrives,
    }
}

const DATABASE: &str = "SQLite";
const LOCK: &str = "Redis";

impl Message {
    /// Who is asked by it; `None` when it is no step.
    fn service(&self) -> Option<Service> {
        let name = self.step.split([':', '@', ' ']).next().unwrap_or_default();
        self.user.as_ref().and(Step::named(name)).map(Step::service)
    }

    /// Which of several lock services it is about, from 1.
    fn node(&self) -> u32 {
        let words = self.step.split([':', ' ']).next().unwrap_or_default();
        let node = words
            .split_once('@')
            .and_then(|(_, node)| node.parse().ok());
        node.unwrap_or(1)
    }
}

impl Diagram {
    /// Whom the message is sent to; `None` when it is nobody but its user.
    fn participant(&self, message: &Message) -> Option<String> {
        match message.service() {
            Some(Service::Nobody) => None,
            Some(Service::Lock) => Some(self.lock(message)),
            // What happens by itself happens to the locks, or to a claim in the database.
            None if message.user.is_some() => None,
            None if self.has_locks() => Some(self.lock(message)),
            Some(Service::Database) | None => Some(DATABASE.to_owned()),
        }
    }

    fn lock(&self, message: &Message) -> String {
        let are_several = self.messages.iter().any(|message| message.node() > 1);
        if are_several {
            format!("{LOCK} {}", message.node())
        } else {
            LOCK.to_owned()
        }
    }

    fn has_locks(&self) -> bool {
        let mut services = self.messages.iter().map(Message::service);
        services.any(|service| service == Some(Service::Lock))
    }

    /// Those that anything is sent to: the lock services in their order, then the database.
    fn participants(&self) -> Vec<String> {
        let asked = self.messages.iter().filter_map(|it| self.participant(it));
        let mut locks: Vec<String> = asked.filter(|name| name != DATABASE).collect();
        locks.sort_unstable();
        locks.dedup();
        locks.push(DATABASE.to_owned());
        locks
    }
}

pub(super) fn write(report: AnyReport<'_>, to: &mut impl Write) -> io::Result<()> {
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
    writeln!(to, "    %% {}", mermaid(&diagram.title))?;
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
    for participant in diagram.participants() {
        writeln!(to, "    participant {participant}")?;
    }
    diagram
        .messages
        .iter()
        .try_for_each(|message| write_message(diagram, message, to))
}

fn write_message(diagram: &Diagram, message: &Message, to: &mut impl Write) -> io::Result<()> {
    let Message {
        user,
        step,
        reply,
        note,
        arrives,
    } = message;
    let (step, note) = (mermaid(step), mermaid(note));
    let reply = reply.as_deref().map(mermaid);
    let beside = |what: &str| match note.as_str() {
        "" => what.to_owned(),
        note => format!("{what}<br/>{note}"),
    };
    match (user, reply, diagram.participant(message)) {
        (Some(user), Some(reply), Some(service)) => {
            // A cross ends what is lost, an open arrow is not waited for.
            let (asking, answering) = match arrives {
                Arrives::Both => ("->>", Some("-->>")),
                Arrives::Request => ("->>", Some("--x")),
                Arrives::Later => ("-)", None),
                Arrives::Nothing => ("-x", None),
            };
            writeln!(to, "    {user}{asking}{service}: {step}")?;
            if let Some(answering) = answering {
                writeln!(to, "    {service}{answering}{user}: {reply}")?;
            }
            if note.is_empty() {
                return Ok(());
            }
            writeln!(to, "    Note over {user},{service}: {note}")
        }
        (Some(user), Some(reply), None) => {
            writeln!(
                to,
                "    Note over {user}: {}",
                beside(&format!("{step}, {reply}"))
            )
        }
        (Some(user), None, _) => writeln!(
            to,
            "    Note over {user}: {}",
            if note.is_empty() { &step } else { &note }
        ),
        (None, _, service) => writeln!(
            to,
            "    Note over {}: {}",
            service.as_deref().unwrap_or(DATABASE),
            beside(&step)
        ),
    }
}
