//! Locks left behind, and their users.

use ahash::AHashSet as HashSet;

use super::grants::Losses;
use super::kept::{ActsOfOthers, Kept, kept};
use super::{Verdict, Witness};
use crate::history::index::{BySeat, ByUser};
use crate::history::{Attempt, Event, History};
use crate::seat::UserId;

/// Whoever was told its outcome holds no lock any more.
///
/// What the lock services held after the race is in the footer. A lock that was never freed and whose time
/// was not over was held when its user was told, whatever became of it later. A request that is still on
/// its way is waited for: what it does is what its user leaves.
pub(super) fn no_lock_left(history: &History) -> Verdict {
    let mut kept = kept(history);
    if kept.is_empty() {
        return Verdict::Holds;
    }
    let left = Left::of(history, &kept);
    for kept in &mut kept {
        left.look_closer(kept);
    }
    let mut worst = Verdict::Holds;
    for kept in kept.chunk_by(|one, next| one.seat == next.seat) {
        let verdict = left.on_seat(kept);
        if verdict.kind() > worst.kind() {
            worst = verdict;
        }
    }
    worst
}

/// What is known about locks that may have been kept.
struct Left<'h> {
    history: &'h History,
    losses: Losses,
    others: ActsOfOthers,
    /// The end of each of their users that came to one, and did not crash.
    told: ByUser<Attempt>,
    /// The seats whose locks were found held after the race.
    found: BySeat<()>,
}

impl<'h> Left<'h> {
    fn of(history: &'h History, kept: &[Kept]) -> Self {
        let crashes = history.faults.iter();
        let crashes = crashes.filter(|fault| fault.fault.stops_its_user());
        let gone: HashSet<UserId> = crashes.filter_map(|fault| fault.user).collect();
        let mut told = ByUser::for_about(kept.len());
        let is_there = |attempt: &Attempt| !gone.contains(&attempt.user);
        for attempt in history.attempts.iter().filter(is_there) {
            told.insert(attempt.seat, attempt.user, attempt);
        }
        let mut found = BySeat::for_about(history.footer.locks_left.len());
        for left in &history.footer.locks_left {
            found.entry(left.seat, || ());
        }
        Self {
            history,
            losses: Losses::of(history),
            others: ActsOfOthers::of(history, kept),
            told,
            found,
        }
    }

    /// A request without a reply was granted, and is not on its way any more, when its user freed a lock
    /// that was its own.
    fn look_closer(&self, kept: &mut Kept) {
        let is_own = kept.freed.is_some_and(|freed| self.others.is_own(&freed));
        if is_own && kept.many_unheard == 1 {
            kept.unheard = None;
        }
    }

    /// Of one seat, on all lock services.
    fn on_seat(&self, kept: &[Kept]) -> Verdict {
        let seat = kept[0].seat;
        let told = |kept: &Kept| self.told.get(seat, kept.user).copied();
        let certain = kept.iter().find_map(|kept| {
            let attempt = told(kept)?;
            self.is_certain(kept, &attempt).then_some(attempt)
        });
        if let Some(attempt) = certain {
            return violated(&[attempt]);
        }
        let is_found = self.found.get(seat).is_some();
        if is_found && !self.history.footer.locks_unread {
            let holders = kept.iter().filter(|kept| self.may_be_found(kept));
            let all: Option<Vec<Attempt>> = holders.map(told).collect();
            if let Some(all) = all.filter(|all| !all.is_empty()) {
                return violated(&all);
            }
        }
        let possible = kept.iter().find(|kept| {
            told(kept).is_some_and(|attempt| self.is_possible(kept, &attempt, is_found))
        });
        possible.map_or(Verdict::Holds, |kept| {
            let user = kept.user;
            Verdict::Unknown(format!("user {user} may have left seat {seat} locked"))
        })
    }

    /// Whether the user certainly held the lock when it was told its outcome, and has not asked for it to
    /// be freed.
    fn is_certain(&self, kept: &Kept, attempt: &Attempt) -> bool {
        kept.grant.is_some_and(|grant| {
            !kept.is_releasing
                && self.losses.earliest(&grant) >= attempt.ended_ns
                && !self.others.may_end(&grant, attempt.ended_ns)
        })
    }

    /// Whether the user may have held the lock then, or later.
    fn is_possible(&self, kept: &Kept, attempt: &Attempt, is_found: bool) -> bool {
        let may_hold = |grant: &Event| !self.is_accounted_for(grant, attempt, is_found);
        let is_over = |grant: &Event| self.others.have_ended(grant, attempt.ended_ns);
        kept.grant
            .is_some_and(|grant| !is_over(&grant) && may_hold(&grant))
            || kept.unheard.is_some_and(|unheard| may_hold(&unheard))
    }

    /// Whether the lock, if it was held, had been freed on its user's own behalf: it was found free when it
    /// could not have been lost yet, nor taken away.
    fn is_accounted_for(&self, grant: &Event, attempt: &Attempt, is_found: bool) -> bool {
        let footer = &self.history.footer;
        let is_free = !is_found && !footer.locks_unread;
        let read_ns = footer.locks_read_ns.filter(|_| is_free);
        read_ns.is_some_and(|read_ns| self.losses.earliest(grant) >= read_ns)
            && !self.others.may_end_after(grant, attempt.ended_ns)
    }

    /// Whether this may be the lock that was found after the race.
    fn may_be_found(&self, kept: &Kept) -> bool {
        let is_over = |grant: &Event| self.others.have_ended(grant, u64::MAX);
        kept.unheard.is_some() || kept.grant.is_some_and(|grant| !is_over(&grant))
    }
}

/// One of these users has left the lock, whichever it was.
fn violated(told: &[Attempt]) -> Verdict {
    let seat = told[0].seat;
    let users: Vec<UserId> = told.iter().map(|attempt| attempt.user).collect();
    let text = if let [Attempt { user, outcome, .. }] = told {
        format!("user {user} was told '{outcome}' and left seat {seat} locked")
    } else {
        let names: Vec<String> = users.iter().map(UserId::to_string).collect();
        let names = names.join(" or ");
        format!("user {names} was told its outcome and left seat {seat} locked")
    };
    Verdict::Violated(Witness { text, seat, users })
}

/// Nobody leaves a lock behind that never ends: those that the lock services hold after the race have
/// a time to live.
pub(super) fn no_eternal_lock(history: &History) -> Verdict {
    let mut left = history.footer.locks_left.iter();
    match left.find(|left| left.left_ms.is_none()) {
        Some(left) => Verdict::Violated(Witness {
            text: format!("seat {} was left locked for ever", left.seat),
            seat: left.seat,
            users: Vec::new(),
        }),
        None if history.footer.locks_unread => {
            Verdict::Unknown("what was left locked could not be read".to_owned())
        }
        None => Verdict::Holds,
    }
}
