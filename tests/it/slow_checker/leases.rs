//! Whose time was over when its row came to be? Every moment is tried at which it may have been.

use racesim::history::{Event, FaultEvent, FaultKind, History, Reply, Step};
use racesim::seat::{SeatId, UserId};

use super::{Answer, done_by};

/// No two users book one seat whose leases had not run out when their rows came to be.
pub(super) fn no_double_booking_in_lease(history: &History) -> Answer {
    let on_seat = |seat: SeatId| {
        let rows = history.bookings.iter().filter(|row| row.seat == seat);
        let rows: Vec<[bool; 2]> = rows.map(|row| was_over(history, seat, row.user)).collect();
        // Who was certainly in time, and who may have been.
        let certain = rows.iter().filter(|may_be| **may_be == [true, false]);
        let possible = rows.iter().filter(|[in_time, _]| *in_time);
        Answer::of(certain.count() > 1, possible.count() > 1)
    };
    let seats = history.bookings.iter().map(|row| row.seat);
    seats.map(on_seat).max().unwrap_or(Answer::Holds)
}

/// Whether it may have been in time, and whether it may have been late.
fn was_over(history: &History, seat: SeatId, user: UserId) -> [bool; 2] {
    let own: Vec<Event> = history
        .events
        .iter()
        .filter(|event| event.seat == seat && event.user == user)
        .collect();
    let Some(at) = booking(&own) else {
        return [true, true];
    };
    // Who has asked for its lock to be freed does not go by it, nor overrun it.
    let before = own[..at].iter().rev();
    let held = before.take_while(|event| event.step != Step::Release);
    let is_grant = |event: &&Event| {
        let is_asked = matches!(event.step, Step::Acquire | Step::Hold);
        is_asked && matches!(event.reply, Reply::Granted | Reply::Lost)
    };
    // The last one first.
    let grants: Vec<Event> = held.filter(is_grant).copied().collect();
    let Some(last) = grants.first() else {
        return [true, false];
    };
    let first = match history.header.conduct.locks {
        0 | 1 => last,
        2.. => grants.last().unwrap_or(last),
    };
    let Some(ttl_ns) = history.header.ttl_ms.map(|ms| ms * 1_000_000) else {
        return [true, false];
    };
    let lease = Lease {
        granted_ns: (first.invoked_ns, last.completed_ns),
        last: *last,
        ttl_ns,
    };
    lease.over_at(history, &own[at])
}

/// The step that put the row there: the commit; else what nobody heard of; else the insert.
fn booking(own: &[Event]) -> Option<usize> {
    let last = |is_it: fn(&Event) -> bool| own.iter().rposition(is_it);
    let is_lost = |event: &Event| {
        let may_book = matches!(event.step, Step::Insert | Step::Confirm | Step::Commit);
        may_book && event.reply == Reply::Lost
    };
    last(|event| event.reply == Reply::Committed)
        .or_else(|| last(is_lost))
        .or_else(|| last(|event| event.reply == Reply::Inserted))
}

struct Lease {
    granted_ns: (u64, u64),
    last: Event,
    ttl_ns: u64,
}

impl Lease {
    /// Whether there are moments of the grant and of the booking between which it has not run out, and
    /// such between which it has.
    fn over_at(&self, history: &History, booking: &Event) -> [bool; 2] {
        let booked_ns = (booking.invoked_ns, done_by(history, booking));
        let mut may_be = [false, false];
        let moments = self.moments(history, booked_ns);
        for granted_ns in moments.iter().filter(|at| is_in(**at, self.granted_ns)) {
            for booked_ns in moments.iter().filter(|at| is_in(**at, booked_ns)) {
                if granted_ns <= booked_ns {
                    let [in_time, late] = self.between(history, *granted_ns, *booked_ns);
                    may_be[0] |= in_time;
                    may_be[1] |= late;
                }
            }
        }
        may_be
    }

    /// Between these moments, all that makes a difference begins, ends, or runs out.
    fn moments(&self, history: &History, booked_ns: (u64, u64)) -> Vec<u64> {
        let faults = history.faults.iter();
        let ends = faults.flat_map(|fault| [fault.invoked_ns, fault.completed_ns]);
        let (granted, booked) = (self.granted_ns, booked_ns);
        let ends = ends.chain([granted.0, granted.1, booked.0, booked.1]);
        let others = history.events.iter();
        let ends = ends.chain(others.flat_map(|event| [event.invoked_ns, event.completed_ns]));
        let shifted = |at: u64| {
            [
                at,
                at.saturating_add(self.ttl_ns),
                at.saturating_sub(self.ttl_ns),
            ]
        };
        let near = |at: u64| [at.saturating_sub(1), at, at.saturating_add(1)];
        ends.flat_map(shifted).flat_map(near).collect()
    }

    fn between(&self, history: &History, granted_ns: u64, booked_ns: u64) -> [bool; 2] {
        let is_over = booked_ns > granted_ns.saturating_add(self.ttl_ns);
        let has_renewed = history.footer.has_renewed;
        let mut may_be = [!is_over || has_renewed, is_over];
        for fault in history
            .faults
            .iter()
            .filter(|it| self.is_meant(history, it))
        {
            let struck_ns = (
                fault.invoked_ns.max(granted_ns),
                fault.completed_ns.min(booked_ns),
            );
            // It may have struck before the grant, or after the booking.
            let misses = fault.invoked_ns < granted_ns || fault.completed_ns > booked_ns;
            let may_hit = struck_ns.0 <= struck_ns.1;
            let whose = self.whose(history, granted_ns, struck_ns, fault);
            may_be[1] |= may_hit && whose != Some(false);
            may_be[0] &= !may_hit || misses || whose != Some(true);
        }
        may_be
    }

    /// Whether the fault may take away what this user holds.
    fn is_meant(&self, history: &History, fault: &FaultEvent) -> bool {
        match (fault.fault, fault.user) {
            (FaultKind::Expire | FaultKind::Stall, Some(user)) => user == self.last.user,
            // One of several lock services had a clock that was wrong: no lease is over.
            (FaultKind::Expire, None) => history.header.conduct.locks <= 1,
            (FaultKind::Stall, None) | (FaultKind::Restart | FaultKind::Crash, _) => false,
        }
    }

    /// Whether it was this user's lock that everybody's fault took away, if that is certain.
    fn whose(
        &self,
        history: &History,
        granted_ns: u64,
        struck_ns: (u64, u64),
        fault: &FaultEvent,
    ) -> Option<bool> {
        if fault.user.is_some() {
            return Some(true);
        }
        let is_others = |event: &Event| {
            let is_it = event.seat == self.last.seat && event.user != self.last.user;
            let is_grant = event.step == self.last.step && event.reply == Reply::Granted;
            is_it && is_grant
        };
        let others = || history.events.iter().filter(|event| is_others(event));
        if others().any(|it| it.invoked_ns >= granted_ns && it.completed_ns <= struck_ns.0) {
            return Some(false);
        }
        let may_be =
            others().any(|it| it.completed_ns >= granted_ns && it.invoked_ns <= struck_ns.1);
        (!may_be).then_some(true)
    }
}

fn is_in(at: u64, (from, until): (u64, u64)) -> bool {
    (from..=until).contains(&at)
}
