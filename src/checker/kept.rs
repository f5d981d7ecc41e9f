//! Which locks may have been kept by those who asked for them?

use std::cmp::Reverse;

use super::grants::TopTwo;
use crate::history::index::{BySeat, ByUser};
use crate::history::{Conduct, Event, History, LockEffect, LockNews as News};
use crate::seat::{SeatId, UserId};

/// What a user may hold on a lock service without having certainly freed or lost it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    pub(super) seat: SeatId,
    pub(super) user: UserId,
    /// The last time it was granted the lock, unless that has certainly ended.
    pub(super) grant: Option<Event>,
    /// A request for the lock that had no reply: it may be granted at any later time.
    pub(super) unheard: Option<Event>,
    /// How many such requests there were.
    pub(super) many_unheard: u32,
    /// The release by which it freed a lock that only such a request can have given it.
    pub(super) freed: Option<Event>,
    /// Whether a request to free it had no reply.
    pub(super) is_releasing: bool,
}

/// Of all users; by seat.
pub(super) fn kept(history: &History) -> Vec<Kept> {
    let mut all: Vec<Kept> = history
        .nodes()
        .flat_map(|node| kept_on(node, history))
        .collect();
    all.sort_by_key(|kept| kept.seat);
    all
}

fn kept_on(node: u8, history: &History) -> Vec<Kept> {
    let mut all: ByUser<Kept> = ByUser::for_about(history.footer.locks_left.len());
    for event in history.events.iter().filter(|event| event.node == node) {
        let (seat, user) = (event.seat, event.user);
        match event.lock_news() {
            news @ (News::Granted | News::PerhapsGranted) => {
                if all.get(seat, user).is_none() {
                    all.insert(seat, user, nothing(&event));
                }
                let Some(kept) = all.get_mut(seat, user) else {
                    continue;
                };
                if news == News::Granted {
                    kept.grant = Some(event);
                } else {
                    kept.unheard.get_or_insert(event);
                    kept.many_unheard += 1;
                }
            }
            News::PerhapsFreed => {
                if let Some(kept) = all.get_mut(seat, user) {
                    kept.is_releasing = true;
                }
            }
            news @ (News::Freed | News::Gone) => {
                match all.get_mut(seat, user) {
                    // Its request may still be on its way.
                    Some(kept) if kept.unheard.is_some() => {
                        let is_freed = news == News::Freed && kept.grant.is_none();
                        kept.freed = kept.freed.or(is_freed.then_some(event));
                        kept.grant = None;
                    }
                    Some(_) => drop(all.remove(seat, user)),
                    None => {}
                }
            }
            News::Nothing => {}
        }
    }
    all.iter().map(|(.., kept)| *kept).collect()
}

fn nothing(event: &Event) -> Kept {
    Kept {
        seat: event.seat,
        user: event.user,
        grant: None,
        unheard: None,
        many_unheard: 0,
        freed: None,
        is_releasing: false,
    }
}

/// What others did about the locks that may have been kept.
pub(super) struct ActsOfOthers {
    /// Whether a user may free a lock that another holds.
    frees_others: bool,
    /// By seat and node.
    locks: Vec<Lock>,
}

/// What was done about one lock.
struct Lock {
    place: (SeatId, u8),
    /// The first that asked for it, and may have been granted it; larger is earlier.
    first: TopTwo<Reverse<u64>>,
    /// When each was asked for, of what may take the lock away; in order.
    asked_ns: Vec<u64>,
    /// Of the first so many, the one that may be carried out latest.
    latest: Vec<TopTwo<u64>>,
    /// When each was asked for, of what certainly finds the lock another's, or free; in order.
    certain_ns: Vec<u64>,
    /// Of all but the first so many, the one that was done first; larger is earlier.
    earliest: Vec<TopTwo<Reverse<u64>>>,
}

impl ActsOfOthers {
    pub(super) fn of(history: &History, kept: &[Kept]) -> Self {
        let mut seats: BySeat<()> = BySeat::for_about(kept.len());
        for kept in kept {
            seats.entry(kept.seat, || ());
        }
        let is_meant = |event: &Event| {
            let may_be_done = match event.lock_news() {
                News::Granted | News::PerhapsGranted | News::Freed | News::PerhapsFreed => true,
                News::Gone | News::Nothing => false,
            };
            may_be_done && seats.get(event.seat).is_some()
        };
        let mut events: Vec<Event> = history.events.iter().filter(is_meant).collect();
        events.sort_by_key(|event| (event.seat, event.node, event.invoked_ns));
        let locks = events.chunk_by(|one, next| (one.seat, one.node) == (next.seat, next.node));
        let conduct = history.header.conduct;
        Self {
            frees_others: conduct.frees_others != Some(false),
            locks: locks.map(|lock| Lock::of(conduct, lock)).collect(),
        }
    }

    fn of_lock(&self, grant: &Event) -> Option<&Lock> {
        let place = (grant.seat, grant.node);
        let at = self.locks.binary_search_by_key(&place, |lock| lock.place);
        at.ok().map(|at| &self.locks[at])
    }

    /// Whether this release certainly freed the lock of its own user: nobody else may have had one, or
    /// others' are left alone.
    pub(super) fn is_own(&self, release: &Event) -> bool {
        if !self.frees_others {
            return true;
        }
        let lock = self.of_lock(release);
        let first = lock.and_then(|lock| lock.first.of_others(release.user));
        first.is_none_or(|(_, Reverse(asked_ns))| asked_ns > release.completed_ns)
    }

    /// Whether another may have taken the lock away before this.
    pub(super) fn may_end(&self, grant: &Event, before_ns: u64) -> bool {
        let latest = self.of_lock(grant).and_then(|lock| {
            let asked = lock.asked_ns.partition_point(|at_ns| *at_ns <= before_ns);
            lock.latest[asked].of_others(grant.user)
        });
        latest.is_some_and(|(_, latest_ns)| latest_ns >= grant.invoked_ns)
    }

    /// Whether another may have taken the lock away after this.
    pub(super) fn may_end_after(&self, grant: &Event, after_ns: u64) -> bool {
        let latest = self
            .of_lock(grant)
            .and_then(|lock| lock.latest.last()?.of_others(grant.user));
        latest.is_some_and(|(_, latest_ns)| latest_ns >= after_ns)
    }

    /// Whether the lock was certainly another's after it was granted, and before this: it is gone.
    pub(super) fn have_ended(&self, grant: &Event, before_ns: u64) -> bool {
        let earliest = self.of_lock(grant).and_then(|lock| {
            let is_before = |at_ns: &u64| *at_ns <= grant.completed_ns;
            let before = lock.certain_ns.partition_point(is_before);
            lock.earliest[before].of_others(grant.user)
        });
        earliest.is_some_and(|(_, Reverse(done_ns))| done_ns < before_ns)
    }
}

impl Lock {
    /// From what was done about it, in the order it was asked for.
    fn of(conduct: Conduct, events: &[Event]) -> Self {
        let may_take = |event: &&Event| match event.step.lock_effect() {
            LockEffect::Frees => conduct.frees_others != Some(false),
            LockEffect::Takes => conduct.takes_over != Some(false),
            LockEffect::Claims | LockEffect::Times | LockEffect::Looks | LockEffect::Nothing => {
                false
            }
        };
        let taking: Vec<&Event> = events.iter().filter(may_take).collect();
        let mut latest = vec![TopTwo::default()];
        let mut top = TopTwo::default();
        for event in &taking {
            let latest_ns = if event.reply.is_lost() {
                u64::MAX
            } else {
                event.completed_ns
            };
            top.add(event.user, latest_ns);
            latest.push(top);
        }
        let certain = events.iter().filter(|event| !event.reply.is_lost());
        let certain: Vec<&Event> = certain.collect();
        let mut earliest = vec![TopTwo::default()];
        let mut top = TopTwo::default();
        for event in certain.iter().rev() {
            top.add(event.user, Reverse(event.completed_ns));
            earliest.push(top);
        }
        earliest.reverse();
        let mut first = TopTwo::default();
        let takes = |event: &&Event| event.step.lock_effect() == LockEffect::Takes;
        for event in events.iter().filter(takes) {
            first.add(event.user, Reverse(event.invoked_ns));
        }
        Self {
            first,
            place: (events[0].seat, events[0].node),
            asked_ns: taking.iter().map(|event| event.invoked_ns).collect(),
            latest,
            certain_ns: certain.iter().map(|event| event.invoked_ns).collect(),
            earliest,
        }
    }
}
