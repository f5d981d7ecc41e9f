//! Statistics: counts, rates and percentiles of a race, and of many.

mod estimate;
mod rate;
mod timing;
mod tries;

use std::collections::BTreeMap;
use std::time::Duration;

use arrayvec::ArrayVec;

use crate::history::index::{BySeat, ByUser};
use crate::history::{Event, History, Outcome, Reply, Step};
use crate::seat::UserId;

pub use estimate::{Better, Estimate, best};
pub use rate::Rate;
pub use timing::Timing;

/// How many of those who got a seat are named.
const FIRST_USERS: usize = 5;

/// The numbers of one race, or of several added up.
#[derive(Debug, Clone)]
pub struct Stats {
    /// Attempts by what they ended as.
    pub outcomes: BTreeMap<Outcome, Timing>,
    /// All attempts.
    pub attempts: Timing,
    /// Steps by kind.
    pub steps: BTreeMap<Step, Timing>,
    /// The seats that were wanted.
    pub seats: BySeat<SeatStats>,
    /// All of those seats together, summed over the races; `None` when the rows could not be read.
    pub all_seats: Option<SeatTotals>,
    /// Users who paid and do not hold a seat alone; `None` when the rows could not be read.
    pub paid_in_vain: Option<u64>,
    /// Whether every step and attempt was counted.
    pub is_whole: bool,
    /// Attempts that were turned away before they paid.
    pub refused_before_payment: u64,
    /// Tries beyond the first of each attempt, as the strategies told them; `None` when that was not
    /// recorded.
    pub retries: Option<u64>,
    /// How long those waited who waited for another try, all waits of an attempt together.
    pub waiting: Timing,
    /// Seats that were found locked after the race; `None` when that could not be read.
    pub locks_left: Option<u64>,
    /// From the first start to the last end; of several races, all together.
    pub duration: Duration,
    /// From the first start to the last; of several races, the longest.
    pub start_spread: Duration,
}

/// One seat's share in a race.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeatStats {
    /// How many tried for it.
    pub attempts: u64,
    /// Its rows in the database.
    pub bookings: u64,
    /// Its rows beyond the first of each race.
    pub double_bookings: u64,
    /// The first users who got it, in the order of their rows.
    pub first_users: ArrayVec<UserId, FIRST_USERS>,
}

/// All seats together; of several races, the sums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SeatTotals {
    /// How many were wanted in a race.
    pub wanted: u64,
    /// Rows in the database.
    pub bookings: u64,
    /// Rows beyond the first of each seat and race.
    pub double_bookings: u64,
    /// Seats that had more than one row after a race.
    pub oversold: u64,
    /// Seats that were wanted in a race and had no row after it.
    pub unsold: u64,
}

impl SeatTotals {
    fn of(seats: &BySeat<SeatStats>) -> Self {
        let mut all = Self::default();
        for (_, seat) in seats.iter() {
            all.wanted += 1;
            all.bookings += seat.bookings;
            all.double_bookings += seat.double_bookings;
            all.oversold += u64::from(seat.double_bookings > 0);
            all.unsold += u64::from(seat.bookings == 0);
        }
        all
    }

    const fn plus(self, more: Self) -> Self {
        Self {
            wanted: self.wanted + more.wanted,
            bookings: self.bookings + more.bookings,
            double_bookings: self.double_bookings + more.double_bookings,
            oversold: self.oversold + more.oversold,
            unsold: self.unsold + more.unsold,
        }
    }
}

impl Stats {
    /// The numbers of one race.
    #[must_use]
    pub fn of(history: &History) -> Self {
        let seats = seats(history);
        let mut attempts = Timing::new();
        let (mut first, mut last, mut last_end) = (u64::MAX, 0, 0);
        let mut outcomes = Timings::default();
        for attempt in history.attempts.iter() {
            let took_ns = attempt.ended_ns.saturating_sub(attempt.started_ns);
            first = first.min(attempt.started_ns);
            last = last.max(attempt.started_ns);
            last_end = last_end.max(attempt.ended_ns);
            attempts.add(took_ns);
            outcomes.of(attempt.outcome).add(took_ns);
        }
        let mut steps = Timings::default();
        for event in history.events.iter() {
            let took_ns = event.completed_ns.saturating_sub(event.invoked_ns);
            steps.of(event.step).add(took_ns);
        }
        let are_counted = history.has_all_rows();
        Self {
            paid_in_vain: are_counted.then(|| paid_in_vain(history, &seats)),
            all_seats: are_counted.then(|| SeatTotals::of(&seats)),
            is_whole: history.has_all_steps(),
            seats,
            outcomes: outcomes.0.into_iter().collect(),
            attempts,
            steps: steps.0.into_iter().collect(),
            refused_before_payment: refused_before_payment(history),
            retries: history.footer.retries,
            waiting: tries::waiting(history),
            locks_left: locks_left(history),
            duration: Duration::from_nanos(last_end.saturating_sub(first)),
            start_spread: Duration::from_nanos(last.saturating_sub(first)),
        }
    }

    /// Adds the numbers of another race.
    pub fn add(&mut self, other: &Self) {
        self.attempts.merge(&other.attempts);
        for (outcome, timing) in &other.outcomes {
            self.outcomes
                .entry(*outcome)
                .or_insert_with(Timing::new)
                .merge(timing);
        }
        for (step, timing) in &other.steps {
            self.steps
                .entry(*step)
                .or_insert_with(Timing::new)
                .merge(timing);
        }
        for (seat, more) in other.seats.iter() {
            let sum = self.seats.entry(seat, SeatStats::default);
            sum.attempts += more.attempts;
            sum.bookings += more.bookings;
            sum.double_bookings += more.double_bookings;
            if sum.first_users.is_empty() {
                sum.first_users.clone_from(&more.first_users);
            }
        }
        let both = self.all_seats.zip(other.all_seats);
        self.all_seats = both.map(|(sum, more)| sum.plus(more));
        let both = self.paid_in_vain.zip(other.paid_in_vain);
        self.paid_in_vain = both.map(|(sum, more)| sum + more);
        self.is_whole &= other.is_whole;
        self.refused_before_payment += other.refused_before_payment;
        let both = self.retries.zip(other.retries);
        self.retries = both.map(|(sum, more)| sum + more);
        self.waiting.merge(&other.waiting);
        let both = self.locks_left.zip(other.locks_left);
        self.locks_left = both.map(|(sum, more)| sum + more);
        self.duration += other.duration;
        self.start_spread = self.start_spread.max(other.start_spread);
    }

    /// How many attempts ended as this.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(&outcome).map_or(0, Timing::count)
    }

    /// The attempts that were refused, whatever the kind.
    #[must_use]
    pub fn refusals(&self) -> Timing {
        let mut refusals = Timing::new();
        let refused = self
            .outcomes
            .iter()
            .filter(|(outcome, _)| outcome.is_refusal());
        refused.for_each(|(_, timing)| refusals.merge(timing));
        refusals
    }

    /// Rows in the database; `None` when they could not be read.
    #[must_use]
    pub fn bookings(&self) -> Option<u64> {
        self.all_seats.map(|all| all.bookings)
    }

    /// Rows beyond the first of each seat and race; `None` when they could not be read.
    #[must_use]
    pub fn double_bookings(&self) -> Option<u64> {
        self.all_seats.map(|all| all.double_bookings)
    }

    /// Attempts a second; `None` when no time passed.
    #[must_use]
    pub fn throughput(&self) -> Option<f64> {
        let seconds = self.duration.as_secs_f64();
        (seconds > 0.0).then(|| as_f64(self.attempts.count()) / seconds)
    }
}

/// Timings by what they are of; there are few, so a look at each finds one.
struct Timings<K>(Vec<(K, Timing)>);

impl<K> Default for Timings<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Copy + PartialEq> Timings<K> {
    fn of(&mut self, kind: K) -> &mut Timing {
        let known = self.0.iter().position(|(known, _)| *known == kind);
        let at = known.unwrap_or_else(|| {
            self.0.push((kind, Timing::new()));
            self.0.len() - 1
        });
        &mut self.0[at].1
    }
}

fn seats(history: &History) -> BySeat<SeatStats> {
    let mut seats = BySeat::for_about(history.attempts.len());
    for attempt in history.attempts.iter() {
        seats.entry(attempt.seat, SeatStats::default).attempts += 1;
    }
    for booking in &history.bookings {
        let seat = seats.entry(booking.seat, SeatStats::default);
        seat.bookings += 1;
        seat.double_bookings = seat.bookings - 1;
        // Those who come after the first few are counted only.
        let _ = seat.first_users.try_push(booking.user);
    }
    seats
}

/// The seats that were found locked: what the services said, and not what the users' steps make likely.
fn locks_left(history: &History) -> Option<u64> {
    let footer = &history.footer;
    (!footer.locks_unread).then(|| count(&footer.locks_left))
}

/// Users whose payment went through and who do not hold a seat alone.
fn paid_in_vain(history: &History, seats: &BySeat<SeatStats>) -> u64 {
    let holds_alone = |event: &Event| {
        let seat = seats.get(event.seat);
        seat.is_some_and(|seat| seat.bookings == 1 && seat.first_users[..] == [event.user])
    };
    let payments = history
        .events
        .iter()
        .filter(|event| event.step == Step::Pay && event.reply == Reply::Paid);
    count(payments.filter(|event| !holds_alone(event)))
}

/// Users who were told `locked` or `taken` and never paid.
fn refused_before_payment(history: &History) -> u64 {
    let refused = history
        .attempts
        .iter()
        .filter(|attempt| attempt.outcome.is_refusal());
    let mut payers = ByUser::for_about(history.attempts.len());
    let steps = history.events.iter();
    for event in steps.filter(|event| event.step == Step::Pay) {
        payers.insert(event.seat, event.user, ());
    }
    count(refused.filter(|attempt| payers.get(attempt.seat, attempt.user).is_none()))
}

fn count(items: impl IntoIterator<Item: Sized>) -> u64 {
    u64::try_from(items.into_iter().count()).unwrap_or(u64::MAX)
}

/// The nearest floating-point number; exact for every count that a race can reach.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub(crate) const fn as_f64(number: u64) -> f64 {
    number as f64
}
