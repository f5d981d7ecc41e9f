//! Steps that a strategy does not take after the answers that it had.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::task::Poll;

use super::steps::{RecordedStep, at, steps_by_user};
use crate::client::{Client, PendingStep, Script, outcome_of, poll_once};
use crate::history::{Attempt, History, Outcome, Recorded, Reply, Step};
use crate::seat::UserId;
use crate::strategy::Strategy;

/// The first step or outcome that is not the strategy's own.
pub(super) fn objection<S: Strategy>(race: &Recorded, strategy: &S) -> Option<String> {
    let history = &race.history;
    let steps = steps_by_user(race);
    let rows: BTreeSet<UserId> = history.bookings.iter().map(|row| row.user).collect();
    let may_stop = history.footer.interrupted || has_given_up(history);
    let mut known = HashMap::new();
    let attempts = history.attempts.iter().zip(&race.lines.attempts);
    let crashed: BTreeSet<UserId> = crashed(history);
    let mut places: BTreeMap<UserId, &[RecordedStep]> = BTreeMap::new();
    for own in steps.chunk_by(|one, next| one.event.user == next.event.user) {
        places.insert(own[0].event.user, own);
    }
    for (attempt, line) in attempts {
        let own = places.get(&attempt.user).copied().unwrap_or(&[]);
        let has_crashed = crashed.contains(&attempt.user);
        let key: Vec<(Step, u8, Reply)> = own.iter().map(what).collect();
        let found = known
            .entry((key, has_crashed))
            .or_insert_with(|| follow(strategy, &attempt, own, (has_crashed, may_stop)));
        match found {
            Ends::Astray(place) => {
                let line = own.get(*place).map_or(*line, |step| step.line);
                return Some(at(line, "the strategy does something else here"));
            }
            Ends::Told(outcome) if !is_told(*outcome, &attempt, rows.contains(&attempt.user)) => {
                return Some(at(*line, &format!("the strategy tells '{outcome}' here")));
            }
            Ends::Told(_) | Ends::Anyhow => {}
        }
    }
    None
}

fn what(step: &RecordedStep) -> (Step, u8, Reply) {
    (step.event.step, step.event.node, step.event.reply)
}

/// What a strategy makes of the replies.
enum Ends {
    /// It tells its user this.
    Told(Outcome),
    /// It takes another step than this one, or none.
    Astray(usize),
    /// It was stopped, or crashed.
    Anyhow,
}

/// Whether the user was told this. Where what it was told and its row contradict each other, that is a
/// violation, and not for us to say.
fn is_told(outcome: Outcome, attempt: &Attempt, has_row: bool) -> bool {
    let is_a_lie = match attempt.outcome {
        Outcome::Confirmed => !has_row,
        Outcome::Locked | Outcome::Taken | Outcome::Conflict | Outcome::Failed => has_row,
        Outcome::Unknown => false,
    };
    is_a_lie || attempt.outcome == outcome
}

/// Gives the strategy its replies one after another, as the search does.
fn follow<S: Strategy>(
    strategy: &S,
    attempt: &Attempt,
    steps: &[RecordedStep],
    (has_crashed, may_stop): (bool, bool),
) -> Ends {
    let mut replies: Vec<Reply> = Vec::new();
    let mut stopped_after = None;
    let mut place = 0;
    loop {
        while let Some(pay) = steps.get(place).filter(|step| step.event.step == Step::Pay) {
            if pay.event.reply != Reply::Paid {
                stopped_after.get_or_insert(replies.len());
            }
            place += 1;
        }
        let script = Script::new(replies.clone(), stopped_after);
        let mut client = Client::scripted(script, attempt.seat);
        let pending = match poll_once(strategy.attempt(&mut client)) {
            Poll::Ready(end) if place == steps.len() => {
                return if stopped_after.is_some() || has_crashed {
                    Ends::Anyhow
                } else {
                    Ends::Told(outcome_of(end))
                };
            }
            Poll::Ready(_) => return Ends::Astray(place),
            Poll::Pending => client.pending_step(),
        };
        let next = steps.get(place);
        match (pending, next) {
            (Some(pending), Some(next)) if is_wanted(pending, next) => {
                replies.push(next.event.reply);
                place += 1;
            }
            (_, None) if has_crashed => return Ends::Anyhow,
            // Who has no patience left does not wait, and writes nothing down.
            (Some(pending), _) if pending.step() == Step::Wait => replies.push(Reply::TimeUp),
            (Some(pending), _)
                if may_stop && !pending.step().is_tidying() && stopped_after.is_none() =>
            {
                stopped_after = Some(replies.len());
            }
            _ if may_stop && next.is_none() => return Ends::Anyhow,
            _ => return Ends::Astray(place),
        }
    }
}

fn is_wanted(pending: PendingStep, next: &RecordedStep) -> bool {
    (pending.step(), pending.node()) == (next.event.step, next.event.node)
}

fn has_given_up(history: &History) -> bool {
    history.footer.faults.iter().any(|fault| {
        let name = fault.fault.split(':').next();
        name == Some("give-up") && fault.happened > 0
    })
}

fn crashed(history: &History) -> BTreeSet<UserId> {
    let crashes = history.faults.iter();
    let crashes = crashes.filter(|fault| fault.fault.stops_its_user());
    crashes.filter_map(|fault| fault.user).collect()
}
