//! Locks that cannot have been granted.

use super::steps::at;
use crate::checker::grants::Contended;
use crate::history::index::ByUser;
use crate::history::{Event, LockNews, Recorded};

/// A lock that was granted while it was certainly held: by the same user, or by another whom nobody can
/// have robbed of it.
pub(super) fn objection(race: &Recorded) -> Option<String> {
    let history = &race.history;
    let conduct = history.header.conduct;
    if conduct.takes_over != Some(false) || !history.footer.troubles.is_empty() {
        return None;
    }
    let contended = Contended::all(history);
    let line = history.nodes().find_map(|node| {
        let again = granted_again(node, &contended);
        let is_robbed = conduct.frees_others != Some(false);
        again.or_else(|| granted_twice(node, &contended).filter(|_| !is_robbed))
    });
    let event = line?;
    let place = history.events.iter().position(|other| other == event);
    let line = place.and_then(|place| race.lines.events.get(place))?;
    Some(at(*line, "the lock was granted, and was still held"))
}

/// To a user who had it already.
fn granted_again(node: u8, contended: &Contended<'_>) -> Option<Event> {
    let mut held: ByUser<u64> = ByUser::for_about(contended.events.len());
    let mut events = contended.events.iter().filter(|event| event.node == node);
    let again = events.find(|event| {
        let held_ns = held.remove(event.seat, event.user);
        if event.lock_news() != LockNews::Granted {
            return false;
        }
        held.insert(event.seat, event.user, contended.losses.earliest(event));
        held_ns.is_some_and(|held_ns| held_ns >= event.completed_ns)
    });
    again.copied()
}

/// To a user while another certainly had it.
fn granted_twice(node: u8, contended: &Contended<'_>) -> Option<Event> {
    contended.taken_away(node).map(|(_, grant)| grant)
}
