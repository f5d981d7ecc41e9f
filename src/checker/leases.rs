//! Leases: whether a seat was sold twice to users whose time was not over.

use super::bookings::RowIndex;
use super::{Verdict, Witness};
use crate::history::index::BySeat;
use crate::history::{Event, FaultEvent, FaultKind, History, LockEffect, Reply};
use crate::seat::{Booking, SeatId, UserId};

/// Whether a user booked while what it held for a time was still good. Who held nothing for a time, or
/// had freed it, has not overrun anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    InTime,
    Late,
    Unknown,
}

/// No two users share a seat who booked it inside their leases.
pub(super) fn no_double_booking_in_lease(rows: &RowIndex<'_>) -> Verdict {
    let history = rows.history;
    let mut counts: BySeat<u32> = BySeat::for_about(history.bookings.len());
    for row in &history.bookings {
        *counts.entry(row.seat, || 0) += 1;
    }
    let is_shared = |row: &&Booking| counts.get(row.seat).is_some_and(|count| *count > 1);
    let mut shared: Vec<Booking> = history.bookings.iter().filter(is_shared).copied().collect();
    if shared.is_empty() {
        return Verdict::Holds;
    }
    // Stable: in the order of their rows.
    shared.sort_by_key(|row| row.seat);
    let seats = SeatEvents::of(history, &counts);
    let mut worst = Verdict::Holds;
    for rows in shared.chunk_by(|one, next| one.seat == next.seat) {
        match on_seat(&seats, rows) {
            violated @ Verdict::Violated(_) => return violated,
            Verdict::Holds => {}
            unknown @ Verdict::Unknown(_) => worst = unknown,
        }
    }
    worst
}

fn on_seat(seats: &SeatEvents<'_>, rows: &[Booking]) -> Verdict {
    let seat = rows[0].seat;
    let standings = rows
        .iter()
        .map(|row| (row.user, seats.standing(seat, row.user)));
    let standings: Vec<(UserId, Standing)> = standings.collect();
    let of = |wanted: Standing| {
        let those = standings
            .iter()
            .filter(move |(_, standing)| *standing == wanted);
        those.map(|(user, _)| *user)
    };
    let innocent: Vec<UserId> = of(Standing::InTime).take(2).collect();
    if let [first, second] = innocent[..] {
        return Verdict::Violated(Witness {
            text: format!(
                "seat {seat} was sold to user {first} and to user {second}, both inside their leases"
            ),
            seat,
            users: vec![first, second],
        });
    }
    match of(Standing::Unknown).next() {
        Some(user) if innocent.len() + of(Standing::Unknown).count() > 1 => {
            Verdict::Unknown(format!(
                "whether user {user} was inside its lease when it booked seat {seat} is not known"
            ))
        }
        Some(_) | None => Verdict::Holds,
    }
}

/// The steps about seats that were sold more than once.
struct SeatEvents<'h> {
    history: &'h History,
    /// By seat; of each seat in the order they were answered.
    events: Vec<Event>,
    ttl_ns: Option<u64>,
}

impl<'h> SeatEvents<'h> {
    fn of(history: &'h History, counts: &BySeat<u32>) -> Self {
        let is_shared = |event: &Event| counts.get(event.seat).is_some_and(|count| *count > 1);
        let mut events: Vec<Event> = history.events.iter().filter(is_shared).collect();
        // Stable: of one user in the order of the history.
        events.sort_by_key(|event| (event.seat, event.user));
        let ttl_ms = history.header.ttl_ms;
        Self {
            history,
            events,
            ttl_ns: ttl_ms.map(|ms| ms.saturating_mul(1_000_000)),
        }
    }

    fn standing(&self, seat: SeatId, user: UserId) -> Standing {
        let place = |event: &Event| (event.seat, event.user);
        let first = self
            .events
            .partition_point(|event| place(event) < (seat, user));
        let own = &self.events[first..];
        let own = &own[..own.partition_point(|event| place(event) == (seat, user))];
        let Some(at) = booked_at(own) else {
            return Standing::Unknown;
        };
        let Some(lease) = self.lease(&own[..at]) else {
            return Standing::InTime;
        };
        self.compare(&lease, &own[at])
    }

    /// What the user held for a time after these steps of its own.
    fn lease(&self, steps: &[Event]) -> Option<HeldFor> {
        let mut lease: Option<HeldFor> = None;
        for event in steps {
            match event.step.lock_effect() {
                LockEffect::Takes | LockEffect::Claims if event.reply.may_be_done() => {
                    let several = self.history.header.conduct.locks > 1;
                    let first = lease.filter(|_| several).map(|lease| lease.first);
                    lease = Some(HeldFor {
                        first: first.unwrap_or(*event),
                        last: *event,
                    });
                }
                LockEffect::Frees => lease = None,
                LockEffect::Takes
                | LockEffect::Claims
                | LockEffect::Times
                | LockEffect::Looks
                | LockEffect::Nothing => {}
            }
        }
        lease
    }

    fn compare(&self, lease: &HeldFor, booking: &Event) -> Standing {
        let Some(ttl_ns) = self.ttl_ns else {
            return Standing::InTime;
        };
        let is_lost = booking.reply.is_lost();
        let earliest_ns = lease.first.invoked_ns.saturating_add(ttl_ns);
        let latest_ns = lease.last.completed_ns.saturating_add(ttl_ns);
        let is_over = booking.invoked_ns > latest_ns && !self.history.footer.has_renewed;
        let mut is_in_time = booking.completed_ns <= earliest_ns && !is_lost;
        if is_lost {
            // It may have been carried out at any later time, but not after what is left was read.
            let read_ns = self.history.footer.locks_read_ns;
            is_in_time = read_ns.is_some_and(|read_ns| read_ns <= earliest_ns);
        }
        let mut worst = match (is_over, is_in_time) {
            // What went wrong beside that makes no difference.
            (true, _) => return Standing::Late,
            (_, true) => Standing::InTime,
            (false, false) => Standing::Unknown,
        };
        for fault in &self.history.faults {
            match self.befalls(lease, fault, booking) {
                Standing::Late => return Standing::Late,
                Standing::Unknown => worst = Standing::Unknown,
                Standing::InTime => {}
            }
        }
        worst
    }

    /// Whether this fault ended the lease before the booking.
    fn befalls(&self, lease: &HeldFor, fault: &FaultEvent, booking: &Event) -> Standing {
        let (user, seat) = (booking.user, booking.seat);
        let is_meant = match (fault.fault, fault.user) {
            (FaultKind::Expire | FaultKind::Stall, Some(other)) => other == user,
            // Of several lock services, one had a clock that was wrong.
            (FaultKind::Expire, None) => self.history.header.conduct.locks <= 1,
            (FaultKind::Stall, None) | (FaultKind::Restart | FaultKind::Crash, _) => false,
        };
        if !is_meant || fault.completed_ns < lease.last.invoked_ns {
            return Standing::InTime;
        }
        if fault.invoked_ns > booking.completed_ns && !booking.reply.is_lost() {
            return Standing::InTime;
        }
        let kind = lease.last.step;
        let is_others = |event: &Event| {
            event.seat == seat && event.user != user && event.step == kind && event.reply.is_done()
        };
        let since = |event: &&Event| event.completed_ns > lease.last.invoked_ns;
        let others = self.events.iter().filter(|event| is_others(event));
        let mut others = others.filter(since).filter(|_| fault.user.is_none());
        if others.any(|event| {
            event.invoked_ns >= lease.last.completed_ns && event.completed_ns <= fault.invoked_ns
        }) {
            // Somebody else's it was by then.
            return Standing::InTime;
        }
        let others = self.events.iter().filter(|event| is_others(event));
        let mut others = others.filter(since).filter(|_| fault.user.is_none());
        let is_sure = fault.invoked_ns >= lease.last.completed_ns
            && fault.completed_ns <= booking.invoked_ns
            && lease.last.reply.is_done()
            && !others.any(|event| event.invoked_ns < fault.completed_ns);
        if is_sure {
            Standing::Late
        } else {
            Standing::Unknown
        }
    }
}

/// What a user holds for a time: since when, at the earliest and at the latest.
#[derive(Debug, Clone, Copy)]
struct HeldFor {
    first: Event,
    last: Event,
}

/// Which of a user's steps put its booking into the database.
fn booked_at(steps: &[Event]) -> Option<usize> {
    let last = |is_it: &dyn Fn(&Event) -> bool| steps.iter().rposition(is_it);
    let committed = |event: &Event| event.reply == Reply::Committed;
    let inserted = |event: &Event| event.reply == Reply::Inserted;
    let unheard = |event: &Event| event.step.may_book() && event.reply.is_lost();
    last(&committed)
        .or_else(|| last(&unheard))
        .or_else(|| last(&inserted))
}
