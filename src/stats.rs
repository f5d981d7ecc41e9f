//! How much, how fast? Counts, rates and percentiles of a race, and of many.

use std::collections::BTreeMap;
use std::time::Duration;

use ahash::{AHashMap as HashMap, AHashSet as HashSet};
use hdrhistogram::Histogram;

use crate::history::{Event, History, Outcome, Reply, Step};
use crate::seat::{SeatId, UserId};

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
    pub seats: BTreeMap<SeatId, SeatStats>,
    /// Users who paid and do not hold a seat alone.
    pub paid_in_vain: u64,
    /// Attempts that were turned away before they paid.
    pub refused_before_payment: u64,
    /// Locks that may live on until their time is over.
    pub locks_left: u64,
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
    pub first_users: Vec<UserId>,
}

impl Stats {
    /// The numbers of one race.
    #[must_use]
    pub fn of(history: &History) -> Self {
        let seats = seats(history);
        let starts = || history.attempts.iter().map(|attempt| attempt.started_ns);
        let first = starts().min().unwrap_or(0);
        let last_end = history
            .attempts
            .iter()
            .map(|attempt| attempt.ended_ns)
            .max()
            .unwrap_or(0);
        let mut sum = Self {
            paid_in_vain: paid_in_vain(history, &seats),
            seats,
            outcomes: BTreeMap::new(),
            attempts: Timing::new(),
            steps: BTreeMap::new(),
            refused_before_payment: refused_before_payment(history),
            locks_left: locks_left(history),
            duration: Duration::from_nanos(last_end.saturating_sub(first)),
            start_spread: Duration::from_nanos(starts().max().unwrap_or(0).saturating_sub(first)),
        };
        for attempt in &history.attempts {
            let took_ns = attempt.ended_ns.saturating_sub(attempt.started_ns);
            sum.attempts.add(took_ns);
            sum.outcomes
                .entry(attempt.outcome)
                .or_insert_with(Timing::new)
                .add(took_ns);
        }
        for event in &history.events {
            let took_ns = event.completed_ns.saturating_sub(event.invoked_ns);
            sum.steps
                .entry(event.step)
                .or_insert_with(Timing::new)
                .add(took_ns);
        }
        sum
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
        for (seat, more) in &other.seats {
            let sum = self.seats.entry(*seat).or_default();
            sum.attempts += more.attempts;
            sum.bookings += more.bookings;
            sum.double_bookings += more.double_bookings;
            if sum.first_users.is_empty() {
                sum.first_users.clone_from(&more.first_users);
            }
        }
        self.paid_in_vain += other.paid_in_vain;
        self.refused_before_payment += other.refused_before_payment;
        self.locks_left += other.locks_left;
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

    /// Rows in the database.
    #[must_use]
    pub fn bookings(&self) -> u64 {
        self.seats.values().map(|seat| seat.bookings).sum()
    }

    /// Rows beyond the first of each seat.
    #[must_use]
    pub fn double_bookings(&self) -> u64 {
        self.seats.values().map(|seat| seat.double_bookings).sum()
    }

    /// Attempts a second; `None` when no time passed.
    #[must_use]
    pub fn throughput(&self) -> Option<f64> {
        let seconds = self.duration.as_secs_f64();
        (seconds > 0.0).then(|| as_f64(self.attempts.count()) / seconds)
    }
}

fn seats(history: &History) -> BTreeMap<SeatId, SeatStats> {
    let mut seats: HashMap<SeatId, SeatStats> = HashMap::default();
    for attempt in &history.attempts {
        seats.entry(attempt.seat).or_default().attempts += 1;
    }
    for booking in &history.bookings {
        let seat = seats.entry(booking.seat).or_default();
        seat.bookings += 1;
        seat.double_bookings = seat.bookings - 1;
        if seat.first_users.len() < FIRST_USERS {
            seat.first_users.push(booking.user);
        }
    }
    seats.into_iter().collect()
}

/// Users whose payment went through and who do not hold a seat alone.
fn paid_in_vain(history: &History, seats: &BTreeMap<SeatId, SeatStats>) -> u64 {
    let rows: HashSet<(SeatId, UserId)> = history
        .bookings
        .iter()
        .map(|row| (row.seat, row.user))
        .collect();
    let holds_alone = |event: &Event| {
        seats
            .get(&event.seat)
            .is_some_and(|seat| seat.bookings == 1)
            && rows.contains(&(event.seat, event.user))
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
    if !history
        .attempts
        .iter()
        .any(|attempt| attempt.outcome == Outcome::Conflict)
    {
        return count(refused);
    }
    let payments = history
        .events
        .iter()
        .filter(|event| event.step == Step::Pay);
    let payers: HashSet<UserId> = payments.map(|event| event.user).collect();
    count(refused.filter(|attempt| !payers.contains(&attempt.user)))
}

/// Grants, certain or possible, that were never certainly ended.
fn locks_left(history: &History) -> u64 {
    let mut held: HashSet<(SeatId, UserId)> = HashSet::default();
    for event in &history.events {
        match (event.step, event.reply) {
            (Step::Acquire, Reply::Granted | Reply::Lost) => {
                held.insert((event.seat, event.user));
            }
            (Step::Release, Reply::Released | Reply::NotHeld) => {
                held.remove(&(event.seat, event.user));
            }
            _ => {}
        }
    }
    count(held)
}

fn count(items: impl IntoIterator<Item: Sized>) -> u64 {
    u64::try_from(items.into_iter().count()).unwrap_or(u64::MAX)
}

/// How long something took, over many times, without keeping each.
#[derive(Debug, Clone)]
pub struct Timing {
    histogram: Histogram<u64>,
    /// The histogram knows its largest value only to its digits.
    max_ns: u64,
}

impl Timing {
    /// Decimal digits that a percentile is right to.
    const DIGITS: u8 = 3;

    fn new() -> Self {
        let histogram = Histogram::new(Self::DIGITS);
        Self {
            histogram: histogram.expect("three digits are within what a histogram can keep"),
            max_ns: 0,
        }
    }

    fn add(&mut self, ns: u64) {
        // Not `saturating_record`, which never grows the histogram and would keep zeros.
        let recorded = self.histogram.record(ns);
        recorded.expect("a histogram that grows takes every value");
        self.max_ns = self.max_ns.max(ns);
    }

    fn merge(&mut self, other: &Self) {
        let added = self.histogram.add(&other.histogram);
        added.expect("a histogram that grows takes every value of another");
        self.max_ns = self.max_ns.max(other.max_ns);
    }

    /// How many times.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The time that this share of them did not exceed; `None` when there were none.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<Duration> {
        let ns = self.histogram.value_at_quantile(quantile).min(self.max_ns);
        (self.count() > 0).then(|| Duration::from_nanos(ns))
    }

    /// The longest; `None` when there were none.
    #[must_use]
    pub fn max(&self) -> Option<Duration> {
        (self.count() > 0).then(|| Duration::from_nanos(self.max_ns))
    }
}

/// A share of rounds, and the interval that holds the true rate in 95 of 100 such experiments.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Rate {
    /// How often it happened.
    pub hits: u64,
    /// Out of how many.
    pub of: u64,
    /// The lower end of the interval, from 0 to 1.
    pub low: f64,
    /// The upper end of the interval, from 0 to 1.
    pub high: f64,
}

impl Rate {
    /// The rate with its Wilson score interval
    /// (<https://www.itl.nist.gov/div898/handbook/prc/section2/prc241.htm>).
    #[must_use]
    pub fn of(hits: u64, of: u64) -> Self {
        /// The normal quantile of 97.5 %.
        const Z: f64 = 1.959_963_984_540_054;
        if of == 0 {
            return Self {
                hits,
                of,
                low: 0.0,
                high: 1.0,
            };
        }
        let (n, p) = (as_f64(of), as_f64(hits) / as_f64(of));
        let scale = 1.0 + Z * Z / n;
        let centre = (p + Z * Z / (2.0 * n)) / scale;
        let half = Z / scale * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        let low = if hits == 0 {
            0.0
        } else {
            (centre - half).max(0.0)
        };
        let high = if hits == of {
            1.0
        } else {
            (centre + half).min(1.0)
        };
        Self {
            hits,
            of,
            low,
            high,
        }
    }

    /// The rate from 0 to 1.
    #[must_use]
    pub fn share(&self) -> f64 {
        if self.of == 0 {
            0.0
        } else {
            as_f64(self.hits) / as_f64(self.of)
        }
    }
}

/// The nearest floating-point number; exact for every count that a race can reach.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub(crate) const fn as_f64(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wilson_interval_agrees_with_the_handbook() {
        // 4 of 20, 95 %: 0.0807 to 0.4160 (Newcombe 1998, table of the score method).
        let rate = Rate::of(4, 20);
        assert!((rate.low - 0.0807).abs() < 1e-3, "{rate:?}");
        assert!((rate.high - 0.4160).abs() < 1e-3, "{rate:?}");
    }

    #[test]
    fn a_rate_of_nothing_or_everything_stays_within_bounds() {
        assert_eq!((Rate::of(0, 10).low, Rate::of(10, 10).high), (0.0, 1.0));
        assert!(Rate::of(0, 10).high > 0.2);
    }
}
