//! Interleavings as Mermaid sequence diagrams (<https://mermaid.js.org/syntax/sequenceDiagram.html>).

use std::io::{self, Write};

use crate::escape::mermaid;
use crate::report::diagram::{Arrives, Diagram, Message};

pub(super) fn write(diagrams: &[Diagram], to: &mut dyn Write) -> io::Result<()> {
    diagrams.iter().enumerate().try_for_each(|(at, diagram)| {
        if at > 0 {
            writeln!(to)?;
        }
        write_one(diagram, to)
    })
}

fn write_one(diagram: &Diagram, to: &mut dyn Write) -> io::Result<()> {
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

fn write_message(diagram: &Diagram, message: &Message, to: &mut dyn Write) -> io::Result<()> {
    let Message {
        user,
        words,
        reply,
        note,
        arrives,
        ..
    } = message;
    let (step, note) = (mermaid(words), mermaid(note));
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
            service.as_deref().unwrap_or(Diagram::DATABASE),
            beside(&step)
        ),
    }
}
