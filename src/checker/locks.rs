//! Was every lock used by one user at a time?

use super::grants::Contended;
use super::{Verdict, Witness};
use crate::history::{Event, History, Reply, Step};
use crate::index::ByUser;
use crate::seat::{SeatId, UserId};

/// The time a user certainly went by a lock: from the answer that granted it until it asked for the last
/// step that the lock was to protect.
///
/// A lock that expires meanwhile does not end this: the user does not know, which is the danger.
#[derive(Debug, Clone, Copy)]
struct Use {
    seat: SeatId,
    user: UserId,
    from_ns: u64,
    until_ns: u64,
}

/// Two uses of one lock that overlap are the witness. Those that only touch do not.
pub(super) fn mutual_exclusion(contended: &Contended<'_>) -> Verdict {
    let mut uses = uses(contended);
    uses.sort_unstable_by_key(|lease| (lease.seat, lease.from_ns, lease.until_ns, lease.user));
    // On each seat, the use that ends last so far; any later one that begins before that overlaps.
    let mut last: Option<Use> = None;
    for next in uses {
        match last {
            Some(held) if held.seat == next.seat && next.from_ns < held.until_ns => {
                return overlap(held, next);
            }
            Some(held) if held.seat == next.seat && held.until_ns > next.until_ns => {}
            _ => last = Some(next),
        }
    }
    Verdict::Holds
}

fn overlap(held: Use, next: Use) -> Verdict {
    Verdict::Violated(Witness {
        text: format!(
            "user {} was granted the lock of seat {} while user {} still went by it",
            next.user, next.seat, held.user
        ),
        seat: held.seat,
        users: vec![held.user, next.user],
    })
}

/// Every use that took any time.
fn uses(contended: &Contended<'_>) -> Vec<Use> {
    let history = contended.history;
    let mut holders: ByUser<Holder> = ByUser::for_about(contended.events.len());
    for event in contended
        .events
        .iter()
        .filter(|event| is_grant(history, event))
    {
        holders.insert(event.seat, event.user, Holder::default());
    }
    let mut uses = Vec::new();
    for event in history.events.iter() {
        if let Some(holder) = holders.get_mut(event.seat, event.user) {
            uses.extend(holder.take(history, &event));
        }
    }
    let rest = holders.iter();
    uses.extend(rest.filter_map(|(seat, user, holder)| holder.used(seat, user)));
    uses
}

/// Whether the user goes by the lock from here on. Of several locks, it has to know that it has most.
fn is_grant(history: &History, event: &Event) -> bool {
    match (event.step, event.reply) {
        (Step::Acquire, Reply::Granted) => history.header.conduct.locks <= 1,
        (Step::Validate, Reply::InTime) => history.header.conduct.locks > 1,
        _ => false,
    }
}

/// A user who is granted the lock at some time.
#[derive(Debug, Clone, Copy, Default)]
struct Holder {
    since_ns: Option<u64>,
    /// When it asked for its last step that is not to tidy up.
    until_ns: u64,
}

impl Holder {
    /// Looks at its next step: the use that this ends.
    fn take(&mut self, history: &History, event: &Event) -> Option<Use> {
        if event.step == Step::Release {
            let used = self.used(event.seat, event.user);
            *self = Self::default();
            return used;
        }
        if self.since_ns.is_some() && !event.step.is_tidying() {
            self.until_ns = event.invoked_ns;
        }
        if is_grant(history, event) {
            self.since_ns.get_or_insert(event.completed_ns);
        }
        None
    }

    fn used(&self, seat: SeatId, user: UserId) -> Option<Use> {
        let from_ns = self.since_ns.filter(|since_ns| *since_ns < self.until_ns)?;
        Some(Use {
            seat,
            user,
            from_ns,
            until_ns: self.until_ns,
        })
    }
}
