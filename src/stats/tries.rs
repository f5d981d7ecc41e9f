//! Waiting times of users who tried again.

use super::Timing;
use crate::history::index::ByUser;
use crate::history::{Event, History, Step};

/// How long each user waited that waited at all, all its waits together.
pub(super) fn waiting(history: &History) -> Timing {
    let mut waiting = Timing::new();
    let mut waits = steps(history, Step::Wait).peekable();
    if waits.peek().is_none() {
        return waiting;
    }
    let mut sums: ByUser<u64> = ByUser::for_about(history.attempts.len());
    for event in waits {
        let before_ns = sums.get(event.seat, event.user).copied().unwrap_or(0);
        let took_ns = event.completed_ns.saturating_sub(event.invoked_ns);
        sums.insert(event.seat, event.user, before_ns + took_ns);
    }
    sums.iter().for_each(|(_, _, sum_ns)| waiting.add(*sum_ns));
    waiting
}

fn steps(history: &History, step: Step) -> impl Iterator<Item = Event> + '_ {
    history
        .events
        .iter()
        .filter(move |event| event.step == step)
}
