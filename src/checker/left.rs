//! Which locks were left behind, and by whom?

use std::collections::BTreeSet;

use super::grants::Losses;
use super::{Verdict, Witness};
use crate::history::{Event, FaultKind, History, Reply, Step};
use crate::index::{BySeat, ByUser};
use crate::seat::{SeatId, UserId};

/// Whoever was told its outcome holds no lock any more.
///
/// What a lock service holds after the race is in the footer. A lock that was never freed and whose time
/// was not over was held when its user was told, whatever became of it later.
pub(super) fn no_lock_left(history: &History) -> Verdict {
    let crashed: BTreeSet<UserId> = history
        .faults
        .iter()
        .filter(|fault| fault.fault == FaultKind::Crash)
        .filter_map(|fault| fault.user)
        .collect();
    let mut worst = Verdict::Holds;
    for node in history.nodes() {
        let verdict = left_on(node, history, &crashed);
        if verdict.severity() > worst.severity() {
            worst = verdict;
        }
    }
    worst
}

/// A lock that its user may not have freed.
#[derive(Debug, Clone, Copy)]
struct Kept {
    grant: Event,
    /// Whether a release was asked for, and not said to be done.
    is_released: bool,
}

fn left_on(node: u8, history: &History, crashed: &BTreeSet<UserId>) -> Verdict {
    let kept = kept_on(node, history);
    if kept.iter().next().is_none() {
        return Verdict::Holds;
    }
    let losses = Losses::of(history);
    let mut granted: BySeat<u64> = BySeat::for_about(0);
    for event in history.events.iter().filter(|event| event.node == node) {
        if (event.step, event.reply) == (Step::Acquire, Reply::Granted) {
            let latest_ns = granted.entry(event.seat, || 0);
            *latest_ns = event.completed_ns.max(*latest_ns);
        }
    }
    let left = |seat: SeatId| {
        history
            .footer
            .locks_left
            .iter()
            .any(|left| left.seat == seat)
    };
    let mut holders: BySeat<u32> = BySeat::for_about(0);
    for (seat, ..) in kept.iter() {
        *holders.entry(seat, || 0) += 1;
    }
    let mut verdict = Verdict::Holds;
    for attempt in history.attempts.iter() {
        let (seat, user) = (attempt.seat, attempt.user);
        let Some(kept) = kept.get(seat, user).filter(|_| !crashed.contains(&user)) else {
            continue;
        };
        let is_last = granted
            .get(seat)
            .is_none_or(|at_ns| *at_ns <= kept.grant.completed_ns);
        let is_live = losses.earliest(&kept.grant) >= attempt.ended_ns;
        let is_granted = kept.grant.reply == Reply::Granted && is_last;
        let is_alone = holders.get(seat).is_some_and(|holders| *holders == 1);
        if (is_granted && is_live && !kept.is_released) || (left(seat) && (is_granted || is_alone))
        {
            return Verdict::Violated(Witness {
                text: format!(
                    "user {user} was told '{}' and left seat {seat} locked",
                    attempt.outcome
                ),
                seat,
                users: vec![user],
            });
        }
        if !is_live || left(seat) || history.footer.locks_unread {
            verdict = Verdict::Unknown(format!("user {user} may have left seat {seat} locked"));
        }
    }
    verdict
}

/// The locks that may be held until their time is over, by who was given them.
fn kept_on(node: u8, history: &History) -> ByUser<Kept> {
    let mut kept: ByUser<Kept> = ByUser::for_about(history.footer.locks_left.len());
    for event in history.events.iter().filter(|event| event.node == node) {
        match (event.step, event.reply) {
            (Step::Acquire, Reply::Granted | Reply::Lost) => kept.insert(
                event.seat,
                event.user,
                Kept {
                    grant: event,
                    is_released: false,
                },
            ),
            (Step::Release, Reply::Released) => drop(kept.remove(event.seat, event.user)),
            (Step::Release | Step::Verify, Reply::NotHeld) => {
                match kept.get_mut(event.seat, event.user) {
                    // Its request may still be on its way.
                    Some(kept) if kept.grant.reply == Reply::Lost => kept.is_released = true,
                    _ => drop(kept.remove(event.seat, event.user)),
                }
            }
            (Step::Release, _) => {
                if let Some(kept) = kept.get_mut(event.seat, event.user) {
                    kept.is_released = true;
                }
            }
            _ => {}
        }
    }
    kept
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
