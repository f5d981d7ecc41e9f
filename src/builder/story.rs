//! What a failing assertion says: the steps that led to it, and how to see them again.

use std::any::type_name;
use std::fmt::Write as _;

use crate::checker::explain::explain;
use crate::checker::{Property, Verdict};
use crate::explore::{Found, SearchVerdict, follow};
use crate::history::History;
use crate::schedule::Schedule;
use crate::strategy::Strategy;

/// This crate, as others call it.
const CRATE: &str = env!("CARGO_CRATE_NAME");

/// What is said of a round of so many that does not have the property; `None` when it has.
pub(super) fn of_race(property: Property, verdict: &Verdict, history: &History) -> Option<String> {
    let header = &history.header;
    let place = format!("in round {} of {}", header.round + 1, header.rounds());
    let mut story = match verdict {
        Verdict::Holds => return None,
        Verdict::Unknown(why) => format!("is unknown {place}: {why}"),
        Verdict::Violated(witness) => {
            let explained = explain(history, witness);
            let mut story = format!("is violated {place}: {}", explained.title);
            for line in explained.lines {
                let reply = line.reply.map(|reply| reply.to_string());
                let (step, reply) = (line.step, reply.unwrap_or_default());
                let user = format!("user {}", line.user);
                let words = format!(
                    "{:>11.3} ms  {user:<10} {step:<10} {reply:<12} {}",
                    line.at_ms, line.note
                );
                let _ = write!(story, "\n{}", words.trim_end());
            }
            story
        }
    };
    for trouble in &history.footer.troubles {
        let _ = write!(story, "\na service failed during the race: {trouble}");
    }
    let _ = write!(
        story,
        "\nThe seed, {}, fixes who wants what; {CRATE}::explore(strategy) looks for the shortest order of \
         steps that breaks {property}.",
        header.seed()
    );
    Some(story)
}

/// What is said of a search that did not find the property in every state; `None` when it did.
pub(super) fn of_search<S: Strategy>(strategy: &S, found: &Found, users: u32) -> Option<String> {
    match &found.answer {
        SearchVerdict::Holds => None,
        SearchVerdict::Unknown(limit) => {
            let states = found.states;
            Some(format!("is unknown after {states} states: {limit}"))
        }
        SearchVerdict::Violated(schedule) => {
            let moves = schedule.0.len();
            let mut story = format!("is violated in {moves} moves, the fewest possible:");
            // A schedule that was found can be followed.
            if let Ok(trace) = follow(strategy, schedule, users.max(schedule.users())) {
                for told in trace.moves {
                    let reply = told
                        .reply
                        .map_or_else(String::new, |reply| reply.to_string());
                    let step = told.step.to_string();
                    let words = format!("  {step:<20} {reply:<24} {}", told.change);
                    let _ = write!(story, "\n{}", words.trim_end());
                }
            }
            let _ = write!(
                story,
                "\nReplay it on the real stores: {}",
                line(strategy, schedule)
            );
            Some(story)
        }
    }
}

/// How a schedule is forced on the real stores.
fn line<S: Strategy>(strategy: &S, schedule: &Schedule) -> String {
    let call = format!("{CRATE}::replay(strategy).schedule(\"{schedule}\").run().await");
    // The command line knows the strategies of this crate only.
    if !type_name::<S>().starts_with(&format!("{CRATE}::strategy::")) {
        return call;
    }
    let words = format!("{} {}", strategy.name(), strategy.settings());
    let words = words.trim_end();
    format!("{call}\nor: racesim replay {words} --schedule '{schedule}'")
}
