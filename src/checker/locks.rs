//! Was every lock used by one user at a time, and freed by its own holder only?

use std::ops::ControlFlow;

use super::{Verdict, Witness};
use crate::history::{Event, History, Reply, Step};
use crate::index::{BySeat, ByUser};
use crate::seat::{SeatId, UserId};

/// The time a user certainly went by a lock: from the answer that granted it until it began to free
/// it, or until it was told its outcome.
///
/// A lock that expires meanwhile does not end this: the user does not know, which is the danger.
#[derive(Debug, Clone, Copy)]
struct Use {
    seat: SeatId,
    user: UserId,
    from_ns: u64,
    until_ns: u64,
}

/// Two uses of one lock that overlap are the witness.
pub(super) fn mutual_exclusion(history: &History) -> Verdict {
    let mut uses = uses(history);
    let mut on_seat = BySeat::for_about(uses.len());
    for lease in &uses {
        *on_seat.entry(lease.seat, || 0_u32) += 1;
    }
    // Whoever was alone on its seat cannot overlap with anybody.
    uses.retain(|lease| on_seat.get(lease.seat).is_some_and(|many| *many > 1));
    uses.sort_unstable_by_key(|lease| (lease.seat, lease.from_ns, lease.until_ns));
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

fn uses(history: &History) -> Vec<Use> {
    let mut open: ByUser<u64> = ByUser::for_about(grants(history));
    let mut uses = Vec::new();
    // Of several locks, whoever has most of them goes by them from when it knows.
    let is_quorum = history
        .events
        .iter()
        .any(|event| event.step == Step::Validate);
    walk(history, |event| {
        match (event.step, event.reply) {
            (Step::Acquire, Reply::Granted) if is_quorum => {}
            (Step::Acquire, Reply::Granted) | (Step::Validate, Reply::InTime) => {
                open.insert(event.seat, event.user, event.completed_ns);
            }
            (Step::Release, _) => {
                if let Some(from_ns) = open.remove(event.seat, event.user) {
                    uses.push(Use {
                        seat: event.seat,
                        user: event.user,
                        from_ns,
                        until_ns: event.invoked_ns,
                    });
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    });
    // Only those who never freed theirs need to be looked for in the rest of the history.
    if open.iter().next().is_some() {
        uses.extend(unfreed_uses(history, &open));
    }
    uses
}

/// Who never freed its lock used it until it was last heard of.
fn unfreed_uses(history: &History, open: &ByUser<u64>) -> Vec<Use> {
    let mut last_seen: ByUser<u64> = ByUser::for_about(open.iter().count());
    let steps = history
        .events
        .iter()
        .map(|event| (event.seat, event.user, event.completed_ns));
    let ends = history
        .attempts
        .iter()
        .map(|attempt| (attempt.seat, attempt.user, attempt.ended_ns));
    for (seat, user, at_ns) in steps.chain(ends) {
        if open.get(seat, user).is_some() {
            let before_ns = last_seen.get(seat, user).copied().unwrap_or(0);
            last_seen.insert(seat, user, at_ns.max(before_ns));
        }
    }
    open.iter()
        .map(|(seat, user, from_ns)| Use {
            seat,
            user,
            from_ns: *from_ns,
            until_ns: last_seen.get(seat, user).copied().unwrap_or(*from_ns),
        })
        .collect()
}

/// Once somebody else was granted the lock, one's own is gone for ever: a release that still frees
/// something frees another's.
pub(super) fn no_foreign_release(history: &History) -> Verdict {
    history
        .nodes()
        .map(|node| no_foreign_release_on(node, history))
        .find(|verdict| *verdict != Verdict::Holds)
        .unwrap_or(Verdict::Holds)
}

/// The same of one lock service.
fn no_foreign_release_on(node: u8, history: &History) -> Verdict {
    let grants = grants(history);
    let mut own: ByUser<u64> = ByUser::for_about(grants);
    let mut latest: BySeat<Event> = BySeat::for_about(grants);
    let found = walk(history, |event| {
        if event.node != node {
            return ControlFlow::Continue(());
        }
        match (event.step, event.reply) {
            (Step::Acquire, Reply::Granted) => {
                own.insert(event.seat, event.user, event.completed_ns);
                *latest.entry(event.seat, || event) = event;
            }
            (Step::Release, Reply::Released) => {
                let other = latest.get(event.seat);
                if let Some(other) = other.filter(|other| other.user != event.user) {
                    let came_after = own
                        .get(event.seat, event.user)
                        .is_none_or(|own_ns| *own_ns <= other.invoked_ns);
                    if came_after && other.completed_ns <= event.invoked_ns {
                        return ControlFlow::Break(foreign(event, *other));
                    }
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    });
    found.unwrap_or(Verdict::Holds)
}

fn foreign(release: Event, other: Event) -> Verdict {
    let (seat, user, other) = (release.seat, release.user, other.user);
    Verdict::Violated(Witness {
        text: format!("user {user} freed the lock of seat {seat} that user {other} held"),
        seat,
        users: vec![user, other],
    })
}

/// How many locks were granted.
fn grants(history: &History) -> usize {
    let replies = history.events.iter().map(|event| event.reply);
    replies.filter(|reply| *reply == Reply::Granted).count()
}

/// Shows what was asked of the lock service, in the order it was answered, until something is found.
fn walk(history: &History, mut look: impl FnMut(Event) -> ControlFlow<Verdict>) -> Option<Verdict> {
    let is_lock = |event: &Event| {
        matches!(event.step, Step::Acquire | Step::Validate | Step::Release)
            && event.reply != Reply::Held
    };
    let mut events = history.events.iter().filter(is_lock);
    // A race writes its steps down in this order; only another's file has to be sorted.
    if events.clone().is_sorted_by_key(|event| event.completed_ns) {
        return events.try_for_each(look).break_value();
    }
    let mut events: Vec<Event> = events.collect();
    events.sort_by_key(|event| event.completed_ns);
    events.into_iter().try_for_each(&mut look).break_value()
}
