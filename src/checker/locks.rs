//! Mutual exclusion: whether every lock was used by one user at a time.

use super::grants::{Contended, TopTwo, by_seat};
use super::{Verdict, Witness};
use crate::history::index::ByUser;
use crate::history::{Event, History, LockEffect, Service};
use crate::seat::{SeatId, UserId};

/// The time a user goes by a lock: from the answer that granted it until it has taken the last step that the
/// lock was to protect.
///
/// A lock that expires meanwhile does not end this: the user does not know, which is the danger. Nor does
/// its release end it while a step that had no reply may still be carried out.
#[derive(Debug, Clone, Copy)]
struct Use {
    seat: SeatId,
    user: UserId,
    from_ns: u64,
    /// When it asked for its last step.
    until_ns: u64,
    /// When all its steps had been carried out at the latest.
    done_ns: u64,
}

/// Two users who certainly went by one lock at once are the witness. Who was granted it while another's step
/// was under way may have met it, or not.
pub(super) fn mutual_exclusion(contended: &Contended<'_>) -> Verdict {
    let mut uses = uses(contended);
    if let Some((held, next)) = meeting(&mut uses, |lease| lease.until_ns) {
        return Verdict::Violated(Witness {
            text: format!(
                "user {} was granted the lock of seat {} while user {held} still believed it held it",
                next.user, next.seat
            ),
            seat: next.seat,
            users: vec![held, next.user],
        });
    }
    meeting(&mut uses, |lease| lease.done_ns).map_or(Verdict::Holds, |(held, next)| {
        Verdict::Unknown(format!(
            "user {} was granted the lock of seat {} while a step of user {held} may have been under way",
            next.user, next.seat
        ))
    })
}

/// A use that begins before another user's use of the same lock ends, and whose that is. Those that only
/// touch do not meet.
fn meeting(uses: &mut [Use], end_ns: impl Fn(&Use) -> u64) -> Option<(UserId, Use)> {
    // Of those that begin at once, one that ends at once comes first: it meets none of the others.
    uses.sort_unstable_by_key(|lease| (lease.seat, lease.from_ns, end_ns(lease), lease.user));
    by_seat(uses, |lease| lease.seat).find_map(|uses| {
        let mut longest: TopTwo<u64> = TopTwo::default();
        uses.iter().find_map(|next| {
            let other = longest.of_others(next.user);
            longest.add(next.user, end_ns(next));
            let (held, _) = other.filter(|(_, until_ns)| next.from_ns < *until_ns)?;
            Some((held, *next))
        })
    })
}

/// Every use: a grant, and at least one step after it.
fn uses(contended: &Contended<'_>) -> Vec<Use> {
    let history = contended.history;
    let mut holders: ByUser<LockUse> = ByUser::for_about(contended.events.len());
    for event in contended
        .events
        .iter()
        .filter(|event| is_grant(history, event))
    {
        holders.insert(event.seat, event.user, LockUse::default());
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
    let locks = history.header.conduct.locks;
    let may_tell = match event.step.lock_effect() {
        LockEffect::Takes => locks <= 1,
        LockEffect::Times => locks > 1,
        LockEffect::Claims | LockEffect::Looks | LockEffect::Frees | LockEffect::Nothing => false,
    };
    may_tell && event.reply.is_done()
}

/// When the step had been carried out at the latest. Where a service has not replied, only its user has given
/// it up: the request may still arrive, until what is left is read.
fn done_ns(history: &History, event: &Event) -> u64 {
    let is_asked = event.step.service() != Service::Nobody;
    if is_asked && event.reply.is_lost() {
        let read_ns = history.footer.locks_read_ns.unwrap_or(u64::MAX);
        read_ns.max(event.completed_ns)
    } else {
        event.completed_ns
    }
}

/// A user who is granted the lock at some time.
#[derive(Debug, Clone, Copy, Default)]
struct LockUse {
    since_ns: Option<u64>,
    /// When it asked for its last step that is not to tidy up, and when all of them were done at the latest.
    last_ns: Option<(u64, u64)>,
}

impl LockUse {
    /// Looks at its next step: the use that this ends.
    fn take(&mut self, history: &History, event: &Event) -> Option<Use> {
        if event.step.lock_effect() == LockEffect::Frees {
            let used = self.used(event.seat, event.user);
            *self = Self::default();
            return used;
        }
        if self.since_ns.is_some() && !event.step.is_tidying() {
            let before_ns = self.last_ns.map_or(0, |(_, done_ns)| done_ns);
            self.last_ns = Some((event.invoked_ns, before_ns.max(done_ns(history, event))));
        }
        if is_grant(history, event) {
            self.since_ns.get_or_insert(event.completed_ns);
        }
        None
    }

    fn used(&self, seat: SeatId, user: UserId) -> Option<Use> {
        let (from_ns, (until_ns, done_ns)) = self.since_ns.zip(self.last_ns)?;
        Some(Use {
            seat,
            user,
            from_ns,
            until_ns,
            done_ns,
        })
    }
}
