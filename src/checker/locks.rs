//! Mutual exclusion: whether every lock was used by one user at a time.

use super::grants::Contended;
use super::{Verdict, Witness};
use crate::history::{Event, History, Reply, Step};
use crate::index::ByUser;
use crate::seat::{SeatId, UserId};

/// The time a user goes by a lock: from the answer that granted it until it takes the last step that the
/// lock was to protect, at some moment between asking for that step and its answer.
///
/// A lock that expires meanwhile does not end this: the user does not know, which is the danger.
#[derive(Debug, Clone, Copy)]
struct Use {
    seat: SeatId,
    user: UserId,
    from_ns: u64,
    /// When it asked for its last step.
    until_ns: u64,
    /// When that was answered.
    answered_ns: u64,
}

/// Two users who certainly went by one lock at once are the witness. Who was granted it while another's last
/// step was under way may have met it, or not.
pub(super) fn mutual_exclusion(contended: &Contended<'_>) -> Verdict {
    let mut uses = uses(contended);
    uses.sort_unstable_by_key(|lease| (lease.seat, lease.from_ns, lease.until_ns, lease.user));
    if let Some((held, next)) = meeting(&uses, |lease| lease.until_ns) {
        return Verdict::Violated(Witness {
            text: format!(
                "user {} was granted the lock of seat {} while user {} still believed it held it",
                next.user, next.seat, held.user
            ),
            seat: held.seat,
            users: vec![held.user, next.user],
        });
    }
    meeting(&uses, |lease| lease.answered_ns).map_or(Verdict::Holds, |(held, next)| {
        Verdict::Unknown(format!(
            "user {} was granted the lock of seat {} while the last step of user {} was under way",
            next.user, next.seat, held.user
        ))
    })
}

/// Two uses of one lock, each of which begins before the other ends. Those that only touch do not meet.
fn meeting(uses: &[Use], end_ns: impl Fn(&Use) -> u64) -> Option<(Use, Use)> {
    // On each seat, the use that ends last so far; one's own is over before one's next begins.
    let mut last: Option<Use> = None;
    uses.iter().find_map(|next| {
        let held = last.filter(|held| held.seat == next.seat);
        if held.is_none_or(|held| end_ns(next) > end_ns(&held)) {
            last = Some(*next);
        }
        let held = held?;
        let is_met = next.from_ns < end_ns(&held) && held.from_ns < end_ns(next);
        is_met.then_some((held, *next))
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
    match (event.step, event.reply) {
        (Step::Acquire, Reply::Granted) => history.header.conduct.locks <= 1,
        (Step::Validate, Reply::InTime) => history.header.conduct.locks > 1,
        _ => false,
    }
}

/// A user who is granted the lock at some time.
#[derive(Debug, Clone, Copy, Default)]
struct LockUse {
    since_ns: Option<u64>,
    /// When it asked for its last step that is not to tidy up, and when that was answered.
    last_ns: Option<(u64, u64)>,
}

impl LockUse {
    /// Looks at its next step: the use that this ends.
    fn take(&mut self, history: &History, event: &Event) -> Option<Use> {
        if event.step == Step::Release {
            let used = self.used(event.seat, event.user);
            *self = Self::default();
            return used;
        }
        if self.since_ns.is_some() && !event.step.is_tidying() {
            self.last_ns = Some((event.invoked_ns, event.completed_ns));
        }
        if is_grant(history, event) {
            self.since_ns.get_or_insert(event.completed_ns);
        }
        None
    }

    fn used(&self, seat: SeatId, user: UserId) -> Option<Use> {
        let (from_ns, (until_ns, answered_ns)) = self.since_ns.zip(self.last_ns)?;
        Some(Use {
            seat,
            user,
            from_ns,
            until_ns,
            answered_ns,
        })
    }
}
