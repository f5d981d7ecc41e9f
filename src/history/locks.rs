//! Locks left behind, by a history's events.

use super::{Event, History, LockNews as News, Rows};
use crate::history::index::ByUser;
use crate::seat::SeatId;

impl History {
    /// The lock services that were asked, numbered from 0.
    #[must_use]
    pub fn nodes(&self) -> std::ops::RangeInclusive<u8> {
        nodes(&self.events)
    }
}

fn nodes(events: &Rows<Event>) -> std::ops::RangeInclusive<u8> {
    let last = events.iter().map(|event| event.node).max();
    0..=last.unwrap_or(0)
}

/// The seats of the locks that may still be held after these steps, one for each lock: grants, certain or
/// possible, that no release is known to have ended.
#[must_use]
pub fn locks_left(events: &Rows<Event>) -> Vec<SeatId> {
    nodes(events)
        .flat_map(|node| locks_left_on(events, node))
        .collect()
}

fn locks_left_on(events: &Rows<Event>, node: u8) -> Vec<SeatId> {
    let events = || events.iter().filter(|event| event.node == node);
    let is_grant =
        |event: &Event| matches!(event.lock_news(), News::Granted | News::PerhapsGranted);
    let mut held = ByUser::for_about(events().filter(is_grant).count());
    for event in events() {
        match event.lock_news() {
            News::Granted | News::PerhapsGranted => {
                held.insert(event.seat, event.user, ());
            }
            News::Freed | News::Gone => {
                held.remove(event.seat, event.user);
            }
            News::PerhapsFreed | News::Nothing => {}
        }
    }
    held.iter().map(|(seat, ..)| seat).collect()
}
