//! Locks as they were granted: from when, and until when each was certainly held.

use crate::history::index::{BySeat, ByUser};
use crate::history::{Event, FaultEvent, FaultKind, History, LockEffect, LockNews as News};
use crate::seat::{SeatId, UserId};

/// What was asked of the lock services about seats whose locks more than one user had to do with.
///
/// Whoever was alone on its seat can neither meet nor harm anybody, so that a million of them are not
/// looked at any further.
pub(super) struct Contended<'h> {
    pub(super) history: &'h History,
    /// In the order they were answered.
    pub(super) events: Vec<Event>,
    pub(super) losses: Losses,
}

impl<'h> Contended<'h> {
    pub(super) fn of(history: &'h History) -> Self {
        let mut seats: BySeat<(UserId, bool)> = BySeat::for_about(history.bookings.len());
        for event in lock_events(history) {
            let (first, is_shared) = seats.entry(event.seat, || (event.user, false));
            *is_shared |= *first != event.user;
        }
        let is_shared = |event: &Event| seats.get(event.seat).is_some_and(|seat| seat.1);
        Self::those(history, lock_events(history).filter(is_shared).collect())
    }

    /// The same of every seat.
    pub(super) fn all(history: &'h History) -> Self {
        Self::those(history, lock_events(history).collect())
    }

    fn those(history: &'h History, mut events: Vec<Event>) -> Self {
        // A race writes its steps down in this order; only another's file has to be sorted.
        events.sort_by_key(|event| event.completed_ns);
        Self {
            history,
            events,
            losses: Losses::of(history),
        }
    }

    /// A user who certainly held a lock of this lock service, and the grant of it to another meanwhile:
    /// at that moment both certainly held it, so one has taken it from the other.
    pub(super) fn taken_away(&self, node: u8) -> Option<(UserId, Event)> {
        let mut grants = self.grants(node);
        // Stable: of one seat in the order they were answered.
        grants.sort_by_key(|grant| grant.event.seat);
        let mut seats = by_seat(&grants, |grant| grant.event.seat);
        seats.find_map(taken_away)
    }

    /// A user who may have held a lock of this lock service, and the request of another that may have been
    /// carried out meanwhile.
    pub(super) fn perhaps_taken_away(&self, node: u8) -> Option<(UserId, Event)> {
        let mut tenures = self.tenures(node);
        tenures.sort_by_key(|tenure| (tenure.event.seat, tenure.event.invoked_ns));
        let mut seats = by_seat(&tenures, |tenure| tenure.event.seat);
        seats.find_map(|tenures| {
            let mut held_longest: TopTwo<u64> = TopTwo::default();
            tenures.iter().find_map(|next| {
                let holder = held_longest.of_others(next.user());
                held_longest.add(next.user(), next.until_ns);
                let (other, until_ns) = holder?;
                (until_ns >= next.event.invoked_ns).then_some((other, next.event))
            })
        })
    }

    /// The times for which each lock of this lock service may have been held: until its user has certainly
    /// freed it, or been granted it once more.
    pub(super) fn tenures(&self, node: u8) -> Vec<Grant> {
        let mut tenures: Vec<Grant> = Vec::new();
        let mut open: ByUser<usize> = ByUser::for_about(self.events.len());
        for event in self.events.iter().filter(|event| event.node == node) {
            let until_ns = u64::MAX;
            let tenure = Grant {
                event: *event,
                until_ns,
            };
            match event.lock_news() {
                News::PerhapsGranted => tenures.push(tenure),
                news @ (News::Granted | News::Freed | News::Gone) => {
                    if let Some(at) = open.remove(event.seat, event.user) {
                        tenures[at].until_ns = event.completed_ns;
                    }
                    if news == News::Granted {
                        open.insert(event.seat, event.user, tenures.len());
                        tenures.push(tenure);
                    }
                }
                News::PerhapsFreed | News::Nothing => {}
            }
        }
        tenures
    }

    /// The grants of this lock service.
    pub(super) fn grants(&self, node: u8) -> Vec<Grant> {
        let mut grants: Vec<Grant> = Vec::new();
        let mut open: ByUser<usize> = ByUser::for_about(self.events.len());
        for event in self.events.iter().filter(|event| event.node == node) {
            let is_grant = event.lock_news() == News::Granted;
            if event.step.lock_effect() != LockEffect::Frees && !is_grant {
                continue;
            }
            if let Some(at) = open.remove(event.seat, event.user) {
                grants[at].until_ns = grants[at].until_ns.min(event.invoked_ns);
            }
            if is_grant {
                open.insert(event.seat, event.user, grants.len());
                grants.push(Grant {
                    event: *event,
                    until_ns: self.losses.earliest(event),
                });
            }
        }
        grants
    }
}

fn taken_away(grants: &[Grant]) -> Option<(UserId, Event)> {
    let mut held_longest: TopTwo<u64> = TopTwo::default();
    grants.iter().find_map(|grant| {
        let (user, at_ns) = (grant.user(), grant.event.completed_ns);
        let holds = |until_ns: u64| until_ns >= at_ns && grant.until_ns >= at_ns;
        let holder = held_longest.of_others(user);
        let robbed = holder.filter(|(_, until_ns)| holds(*until_ns));
        held_longest.add(user, grant.until_ns);
        robbed.map(|(other, _)| (other, grant.event))
    })
}

/// A lock that was granted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grant {
    pub(super) event: Event,
    /// Until then its holder has neither freed it nor lost it, but to another user.
    pub(super) until_ns: u64,
}

impl Grant {
    pub(super) const fn user(&self) -> UserId {
        self.event.user
    }

    /// When it was granted at the latest: at any time, where no reply has come.
    pub(super) fn granted_ns(&self) -> u64 {
        if self.event.reply.is_lost() {
            u64::MAX
        } else {
            self.event.completed_ns
        }
    }
}

/// What is asked of a lock service and says something about who holds a lock.
fn lock_events(history: &History) -> impl Iterator<Item = Event> + '_ {
    let is_one = |event: &Event| match event.step.lock_effect() {
        LockEffect::Takes => event.reply.may_be_done(),
        LockEffect::Times => event.reply.is_done(),
        LockEffect::Frees => true,
        LockEffect::Claims | LockEffect::Looks | LockEffect::Nothing => false,
    };
    history.events.iter().filter(is_one)
}

/// What takes locks away from those who hold them: their time to live, and what went wrong.
pub(super) struct Losses {
    /// Whether a service has failed: it may have lost anything at any time.
    are_all_lost: bool,
    ttl_ns: Option<u64>,
    /// Of single users, by their numbers.
    of_users: Vec<(UserId, FaultEvent)>,
    of_all: Vec<FaultEvent>,
}

impl Losses {
    pub(super) fn of(history: &History) -> Self {
        let takes = |fault: &&FaultEvent| match fault.fault {
            FaultKind::Expire | FaultKind::Stall | FaultKind::Restart => true,
            FaultKind::Crash => false,
        };
        let (mut of_users, mut of_all) = (Vec::new(), Vec::new());
        for fault in history.faults.iter().filter(takes) {
            match fault.user {
                Some(user) => of_users.push((user, *fault)),
                None => of_all.push(*fault),
            }
        }
        of_users.sort_by_key(|(user, _)| *user);
        Self {
            are_all_lost: !history.footer.troubles.is_empty(),
            ttl_ns: history.header.ttl_ms.map(|ms| ms.saturating_mul(1_000_000)),
            of_users,
            of_all,
        }
    }

    /// The earliest moment at which the lock that was granted here may have been lost.
    pub(super) fn earliest(&self, grant: &Event) -> u64 {
        if self.are_all_lost {
            return 0;
        }
        let first = self
            .of_users
            .partition_point(|(user, _)| *user < grant.user);
        let own = self.of_users[first..].iter();
        let own = own.take_while(|(user, _)| *user == grant.user);
        let all = self.of_all.iter().filter(|fault| fault.node == grant.node);
        let faults = own.map(|(_, fault)| fault).chain(all);
        let after = faults.filter(|fault| fault.completed_ns >= grant.invoked_ns);
        let fault_ns = after.map(|fault| fault.invoked_ns).min();
        let ttl_ns = self.ttl_ns.map(|ttl| grant.invoked_ns.saturating_add(ttl));
        fault_ns.into_iter().chain(ttl_ns).min().unwrap_or(u64::MAX)
    }
}

/// The two users with the largest values, so that the largest of anybody else is at hand.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TopTwo<T>([Option<(UserId, T)>; 2]);

impl<T: Copy + PartialOrd> TopTwo<T> {
    pub(super) fn add(&mut self, user: UserId, value: T) {
        let [first, second] = &mut self.0;
        match first {
            Some((top, most)) if *top == user => {
                if value > *most {
                    *most = value;
                }
            }
            Some((_, most)) if value <= *most => {
                if second.is_none_or(|(_, next)| value > next) {
                    *second = Some((user, value));
                }
            }
            _ => {
                *second = *first;
                *first = Some((user, value));
            }
        }
    }

    /// The largest value of a user other than this one, and whose it is.
    pub(super) fn of_others(&self, user: UserId) -> Option<(UserId, T)> {
        self.0
            .into_iter()
            .flatten()
            .find(|(other, _)| *other != user)
    }
}

/// The place where the events of each seat begin and end, for a list that is sorted by seat.
pub(super) fn by_seat<T>(rows: &[T], seat: impl Fn(&T) -> SeatId) -> impl Iterator<Item = &[T]> {
    rows.chunk_by(move |one, next| seat(one) == seat(next))
}
