//! Was every lock used by one user at a time, and freed by its own holder only?

use ahash::AHashMap as HashMap;

use super::{Verdict, Witness};
use crate::history::{Event, History, Reply, Step};
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
    let mut open: HashMap<(SeatId, UserId), u64> = HashMap::default();
    let mut last_seen: HashMap<(SeatId, UserId), u64> = HashMap::default();
    let mut uses = Vec::new();
    for event in lock_events(history) {
        let key = (event.seat, event.user);
        match (event.step, event.reply) {
            (Step::Acquire, Reply::Granted) => {
                open.insert(key, event.completed_ns);
            }
            (Step::Release, _) => {
                if let Some(from_ns) = open.remove(&key) {
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
    }
    // Only those who never freed theirs need to be looked for in the rest of the history.
    if !open.is_empty() {
        for event in history
            .events
            .iter()
            .filter(|event| open.contains_key(&(event.seat, event.user)))
        {
            let seen = last_seen.entry((event.seat, event.user)).or_default();
            *seen = event.completed_ns.max(*seen);
        }
        for attempt in &history.attempts {
            last_seen
                .entry((attempt.seat, attempt.user))
                .and_modify(|seen| *seen = attempt.ended_ns.max(*seen));
        }
    }
    let unfreed = open.into_iter().map(|((seat, user), from_ns)| {
        let until_ns = last_seen.get(&(seat, user)).copied().unwrap_or(from_ns);
        Use {
            seat,
            user,
            from_ns,
            until_ns,
        }
    });
    uses.extend(unfreed);
    uses
}

/// Once somebody else was granted the lock, one's own is gone for ever: a release that still frees
/// something frees another's.
pub(super) fn no_foreign_release(history: &History) -> Verdict {
    let mut own: HashMap<(SeatId, UserId), Event> = HashMap::default();
    let mut latest: HashMap<SeatId, Event> = HashMap::default();
    for event in lock_events(history) {
        match (event.step, event.reply) {
            (Step::Acquire, Reply::Granted) => {
                own.insert((event.seat, event.user), event);
                latest.insert(event.seat, event);
            }
            (Step::Release, Reply::Released) => {
                let Some(other) = latest
                    .get(&event.seat)
                    .filter(|other| other.user != event.user)
                else {
                    continue;
                };
                let came_after = own
                    .get(&(event.seat, event.user))
                    .is_none_or(|own| own.completed_ns <= other.invoked_ns);
                if came_after && other.completed_ns <= event.invoked_ns {
                    return foreign(event, *other);
                }
            }
            _ => {}
        }
    }
    Verdict::Holds
}

fn foreign(release: Event, other: Event) -> Verdict {
    let (seat, user, other) = (release.seat, release.user, other.user);
    Verdict::Violated(Witness {
        text: format!("user {user} freed the lock of seat {seat} that user {other} held"),
        seat,
        users: vec![user, other],
    })
}

/// What was asked of the lock service, in the order it was answered.
fn lock_events(history: &History) -> Vec<Event> {
    let is_lock = |event: &&Event| {
        matches!(event.step, Step::Acquire | Step::Release) && event.reply != Reply::Held
    };
    let mut events: Vec<Event> = history.events.iter().filter(is_lock).copied().collect();
    events.sort_by_key(|event| event.completed_ns);
    events
}
