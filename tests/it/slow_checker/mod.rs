//! A second checker, slow and obvious: what each property means, asked of every pair of lines.
//!
//! It is written from the docs of `Property` and of the history's format, and shares nothing with
//! `src/checker` but the types of a history. Nothing in it is sorted, indexed or kept at hand.
//!
//! It shares what those docs say. Where they are wrong about what happens in a race, both checkers are, and
//! no comparison finds it: that a step without a reply is carried out before the locks are read at the end,
//! that a use of a lock ends with the last step before it is freed, that a lock is lost no earlier than
//! its time to live is over, or a fault in the file takes it away. Hand-made histories hold these.

pub(crate) mod file;
mod leases;
pub(crate) mod possible;
mod worlds;

use racesim::checker::Property;
use racesim::history::{Attempt, Event, FaultEvent, FaultKind, History, Outcome, Reply, Step};
use racesim::seat::{SeatId, UserId};

/// What a history says about a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Answer {
    Holds,
    Unknown,
    Violated,
}

impl Answer {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Unknown => "unknown",
            Self::Violated => "violated",
        }
    }

    /// Of what must be and what may be.
    pub(crate) const fn of(is_certain: bool, is_possible: bool) -> Self {
        match (is_certain, is_possible) {
            (true, _) => Self::Violated,
            (false, true) => Self::Unknown,
            (false, false) => Self::Holds,
        }
    }
}

/// The answer on this property of a whole history that can be; `None` when no order of what happened
/// to the locks explains the replies.
pub(crate) fn answer(property: Property, history: &History) -> Option<Answer> {
    Some(match property {
        Property::NoDoubleBooking => no_double_booking(history),
        Property::NoDoubleBookingInLease => leases::no_double_booking_in_lease(history),
        Property::MutualExclusion => mutual_exclusion(history),
        Property::NoForeignRelease => worlds::no_foreign_release(history)?,
        Property::SomeoneBooks => someone_books(history),
        Property::NoLockLeft => worlds::no_lock_left(history)?,
        Property::NoEternalLock => no_eternal_lock(history),
        Property::NoPhantomSuccess => no_phantom_success(history),
        Property::NoStrayBooking => no_stray_booking(history),
    })
}

/// Whether somebody may have freed another's lock, when the strategy is not believed that it does not.
pub(crate) fn may_be_foreign(history: &History) -> bool {
    worlds::no_foreign_release_refuted(history) != Some(Answer::Holds)
}

/// No seat has two rows, whoever they are of.
fn no_double_booking(history: &History) -> Answer {
    let rows = &history.bookings;
    let is_twice = (0..rows.len()).any(|one| (0..one).any(|two| rows[one].seat == rows[two].seat));
    Answer::of(is_twice, is_twice)
}

/// Who was told confirmed has a row.
fn no_phantom_success(history: &History) -> Answer {
    let is_lied_to = |attempt: Attempt| {
        attempt.outcome == Outcome::Confirmed && !has_row(history, attempt.seat, attempt.user)
    };
    let is_phantom = history.attempts.iter().any(is_lied_to);
    Answer::of(is_phantom, is_phantom)
}

fn has_row(history: &History, seat: SeatId, user: UserId) -> bool {
    let mut rows = history.bookings.iter();
    rows.any(|row| row.seat == seat && row.user == user)
}

/// Every row was tried for, and its user told confirmed, or not at all, or that nothing is known.
fn no_stray_booking(history: &History) -> Answer {
    let of_row = |(seat, user): (SeatId, UserId)| {
        let mut told = history.attempts.iter();
        let told = told.find(|attempt| attempt.seat == seat && attempt.user == user);
        let has_tried = history
            .events
            .iter()
            .any(|it| it.seat == seat && it.user == user && may_book(it.step));
        match told.map(|attempt| attempt.outcome) {
            Some(Outcome::Confirmed | Outcome::Unknown) => Answer::Holds,
            Some(Outcome::Locked | Outcome::Taken | Outcome::Conflict | Outcome::Failed) => {
                Answer::Violated
            }
            None if !has_tried => Answer::Violated,
            // Who crashed was told nothing; what anybody else was told is not there.
            None if has_crashed(history, user) => Answer::Holds,
            None => Answer::Unknown,
        }
    };
    let rows = history.bookings.iter().map(|row| (row.seat, row.user));
    rows.map(of_row).max().unwrap_or(Answer::Holds)
}

const fn may_book(step: Step) -> bool {
    matches!(step, Step::Insert | Step::Confirm | Step::Commit)
}

pub(crate) fn has_crashed(history: &History, user: UserId) -> bool {
    let mut faults = history.faults.iter();
    faults.any(|it| it.fault == FaultKind::Crash && it.user == Some(user))
}

/// When everybody is done, the wanted seat is sold.
fn someone_books(history: &History) -> Answer {
    let tried = history.attempts.iter().map(|it| it.seat);
    let wanted = tried.chain(history.events.iter().map(|it| it.seat));
    let is_sold = |seat: SeatId| history.bookings.iter().any(|row| row.seat == seat);
    let is_done = |number: u32| {
        let mut told = history.attempts.iter();
        let user = UserId(number);
        told.any(|it| it.user == user) || has_crashed(history, user)
    };
    let are_all_done = (1..=history.header.users()).all(is_done) && !history.footer.interrupted;
    let is_known = are_all_done && history.footer.troubles.is_empty();
    if wanted.clone().any(|seat| !is_sold(seat)) {
        Answer::of(is_known, true)
    } else {
        Answer::of(false, history.attempts.is_empty())
    }
}

/// Nobody who is done, or has crashed, leaves a lock behind that has no time to live.
fn no_eternal_lock(history: &History) -> Answer {
    let mut left = history.footer.locks_left.iter();
    let is_eternal = left.any(|it| it.left_ms.is_none());
    Answer::of(is_eternal, history.footer.locks_unread)
}

/// The time a user goes by a lock: from when it is answered that the lock is its own, until it has taken
/// the last step before it tidies up: at some moment from when it asks for that, until all those steps
/// were carried out at the latest.
struct Use {
    seat: SeatId,
    user: UserId,
    from_ns: u64,
    until_ns: (u64, u64),
}

/// When a step was carried out at the latest: where no reply has come, before it was read what is left,
/// which may be any time.
pub(crate) fn done_by(history: &History, event: &Event) -> u64 {
    match (event.step, event.reply) {
        // Nobody is asked.
        (Step::Validate | Step::Wait | Step::Pay, _) => event.completed_ns,
        (_, Reply::Lost) => read_at(history),
        _ => event.completed_ns,
    }
}

/// When it was read which locks were held at the end: any time, when nobody has said.
pub(crate) fn read_at(history: &History) -> u64 {
    history.footer.locks_read_ns.unwrap_or(u64::MAX)
}

/// From when on a lock may be lost that this user asked for at this time, of this lock service: its time to
/// live is over, something takes it away, or the service has failed.
pub(crate) fn lost_from(history: &History, (user, node): (UserId, u8), asked_ns: u64) -> u64 {
    if !history.footer.troubles.is_empty() {
        return 0;
    }
    let takes = |fault: &&FaultEvent| {
        let is_meant = match (fault.fault, fault.user) {
            (FaultKind::Crash, _) | (FaultKind::Stall, None) => false,
            (_, Some(other)) => other == user,
            (FaultKind::Expire | FaultKind::Restart, None) => fault.node == node,
        };
        is_meant && fault.completed_ns >= asked_ns
    };
    let faults = history.faults.iter().filter(takes);
    let faults = faults.map(|fault| fault.invoked_ns);
    let ttl_ns = history.header.ttl_ms.map(|ms| ms.saturating_mul(1_000_000));
    let over = ttl_ns.map(|ttl_ns| asked_ns.saturating_add(ttl_ns));
    faults.chain(over).min().unwrap_or(u64::MAX)
}

/// No two users go by the lock of one seat at once.
fn mutual_exclusion(history: &History) -> Answer {
    let uses = uses(history);
    let pairs = || {
        let pair = |one| uses.iter().map(move |other| (one, other));
        let pairs = uses.iter().flat_map(pair);
        pairs.filter(|(one, other): &(&Use, &Use)| one.seat == other.seat && one.user != other.user)
    };
    let certainly = |one: &Use, other: &Use| one.from_ns < other.until_ns.0;
    let possibly = |one: &Use, other: &Use| one.from_ns < other.until_ns.1;
    Answer::of(
        pairs().any(|(one, other)| certainly(one, other) && certainly(other, one)),
        pairs().any(|(one, other)| possibly(one, other) && possibly(other, one)),
    )
}

fn uses(history: &History) -> Vec<Use> {
    let events: Vec<Event> = history.events.iter().collect();
    let is_grant = |event: &Event| match history.header.conduct.locks {
        0 | 1 => (event.step, event.reply) == (Step::Acquire, Reply::Granted),
        2.. => (event.step, event.reply) == (Step::Validate, Reply::InTime),
    };
    let mut uses = Vec::new();
    for (at, grant) in events.iter().enumerate().filter(|(_, it)| is_grant(it)) {
        let is_own = |event: &&Event| event.user == grant.user && event.seat == grant.seat;
        let rest = events[at + 1..].iter().filter(is_own);
        let until_freed = rest.take_while(|event| event.step != Step::Release);
        let steps = until_freed.filter(|event| event.step != Step::Rollback);
        let steps: Vec<&Event> = steps.filter(|event| event.step != Step::Verify).collect();
        let asked = steps.iter().map(|event| event.invoked_ns).max();
        let done = steps.iter().map(|event| done_by(history, event)).max();
        if let Some(until_ns) = asked.zip(done) {
            uses.push(Use {
                seat: grant.seat,
                user: grant.user,
                from_ns: grant.completed_ns,
                until_ns,
            });
        }
    }
    uses
}
