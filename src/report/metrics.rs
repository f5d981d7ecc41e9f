//! The numbers of a race by name: one list feeds every format and every assertion.

use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::history::Outcome;
use crate::stats::{Stats, as_f64};

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Whole things.
    Count,
    /// Attempts a second.
    PerSecond,
    /// Milliseconds.
    Millis,
}

impl Unit {
    /// What a column's heading ends in.
    const fn suffix(self) -> &'static str {
        match self {
            Self::Count => "",
            Self::PerSecond => "_per_s",
            Self::Millis => "_ms",
        }
    }

    /// The number with the decimals of its unit, for a machine.
    #[must_use]
    pub fn plain(self, value: f64) -> String {
        match self {
            Self::Count => format!("{value:.0}"),
            Self::PerSecond => format!("{value:.1}"),
            Self::Millis => format!("{value:.4}"),
        }
    }

    /// The number without its unit, for a person who has just read it.
    #[must_use]
    pub fn shown_bare(self, value: f64) -> String {
        match self {
            Self::Count | Self::PerSecond => thousands(value),
            Self::Millis => format!("{value:.3}"),
        }
    }

    /// The number and its unit, for a person.
    #[must_use]
    pub fn shown(self, value: f64) -> String {
        match self {
            Self::Count => thousands(value),
            Self::PerSecond => format!("{}/s", thousands(value)),
            Self::Millis => format!("{value:.3} ms"),
        }
    }
}

/// The whole number with its thousands apart.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut shown = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A number that every race has, or could have.
#[derive(Debug)]
pub struct Metric {
    /// The name in assertions, and with its unit in columns.
    pub name: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// What it is.
    pub meaning: &'static str,
    /// Whether it is counted from the rows of the database, of which a race only ever has more.
    pub is_of_rows: bool,
    of: fn(&Stats) -> Option<f64>,
}

/// No two metrics share a name.
impl PartialEq for Metric {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Metric {
    /// The metric of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        METRICS.iter().find(|metric| metric.name == name)
    }

    /// The heading of its column: its name and its unit.
    #[must_use]
    pub fn heading(&self) -> String {
        format!("{}{}", self.name, self.unit.suffix())
    }
}

const fn count(name: &'static str, meaning: &'static str, of: fn(&Stats) -> Option<f64>) -> Metric {
    Metric {
        name,
        unit: Unit::Count,
        meaning,
        is_of_rows: false,
        of,
    }
}

const fn rows(name: &'static str, meaning: &'static str, of: fn(&Stats) -> Option<f64>) -> Metric {
    Metric {
        is_of_rows: true,
        ..count(name, meaning, of)
    }
}

const fn time(name: &'static str, meaning: &'static str, of: fn(&Stats) -> Option<f64>) -> Metric {
    Metric {
        name,
        unit: Unit::Millis,
        meaning,
        is_of_rows: false,
        of,
    }
}

/// What the name of a sum over all rounds begins with.
pub const TOTAL: &str = "total_";

/// Every metric, in the order of the columns. Each is a figure of one round.
pub static METRICS: &[Metric] = &[
    count("attempts", "users who tried", |s| some(s.attempts.count())),
    rows("bookings", "rows in the database", |s| {
        s.bookings().map(as_f64)
    }),
    rows(
        "double_bookings",
        "rows beyond the first of each seat",
        |s| s.double_bookings().map(as_f64),
    ),
    rows("seats_oversold", "seats with more than one row", |s| {
        s.all_seats.map(|all| as_f64(all.oversold))
    }),
    count("seats_unsold", "wanted seats without a row", |s| {
        s.all_seats.map(|all| as_f64(all.unsold))
    }),
    count("confirmed", "users told that their seat is booked", |s| {
        some(s.count(Outcome::Confirmed))
    }),
    count(
        "refused_locked",
        "users told that someone else is booking",
        |s| some(s.count(Outcome::Locked)),
    ),
    count("refused_taken", "users told that the seat is booked", |s| {
        some(s.count(Outcome::Taken))
    }),
    count(
        "refused_conflict",
        "users refused by the database after payment",
        |s| some(s.count(Outcome::Conflict)),
    ),
    count("failed", "users told of an error", |s| {
        some(s.count(Outcome::Failed))
    }),
    count("unknown", "users whose reply was lost", |s| {
        some(s.count(Outcome::Unknown))
    }),
    count(
        "refused_before_payment",
        "users refused who had not paid",
        |s| some(s.refused_before_payment),
    ),
    count(
        "paid_in_vain",
        "users who paid but do not have a seat to themselves",
        |s| s.paid_in_vain.map(as_f64),
    ),
    count("retries", "tries beyond the first of each attempt", |s| {
        s.retries.map(as_f64)
    }),
    count("locks_left", "seats found locked after the race", |s| {
        s.locks_left.map(as_f64)
    }),
    Metric {
        name: "throughput",
        unit: Unit::PerSecond,
        meaning: "attempts a second",
        is_of_rows: false,
        of: Stats::throughput,
    },
    time("duration", "from the first start to the last end", |s| {
        millis(Some(s.duration))
    }),
    time(
        "start_spread",
        "between the first and the last start",
        |s| millis(Some(s.start_spread)),
    ),
    time("latency_p50", "half of all attempts took no longer", |s| {
        millis(s.attempts.quantile(0.50))
    }),
    time("latency_p90", "nine in ten attempts took no longer", |s| {
        millis(s.attempts.quantile(0.90))
    }),
    time("latency_p99", "99 in 100 attempts took no longer", |s| {
        millis(s.attempts.quantile(0.99))
    }),
    time("latency_max", "no attempt took longer", |s| {
        millis(s.attempts.max())
    }),
    time(
        "confirmed_p50",
        "half of the confirmed waited no longer",
        |s| confirmed(s, 0.50),
    ),
    time(
        "confirmed_p99",
        "99 in 100 confirmed waited no longer",
        |s| confirmed(s, 0.99),
    ),
    time("refusal_p50", "half of the refused waited no longer", |s| {
        millis(s.refusals().quantile(0.50))
    }),
    time("refusal_p99", "99 in 100 refused waited no longer", |s| {
        millis(s.refusals().quantile(0.99))
    }),
    time(
        "waiting_p50",
        "half of those who waited for another try did so no longer",
        |s| millis(s.waiting.quantile(0.50)),
    ),
    time(
        "waiting_p99",
        "99 in 100 of those who waited for another try did so no longer",
        |s| millis(s.waiting.quantile(0.99)),
    ),
];

#[expect(
    clippy::unnecessary_wraps,
    reason = "every metric may be absent; a count never is"
)]
fn some(count: u64) -> Option<f64> {
    Some(as_f64(count))
}

fn millis(time: Option<std::time::Duration>) -> Option<f64> {
    time.map(crate::duration::as_millis)
}

fn confirmed(stats: &Stats, quantile: f64) -> Option<f64> {
    millis(
        stats
            .outcomes
            .get(&Outcome::Confirmed)
            .and_then(|timing| timing.quantile(quantile)),
    )
}

/// The value of every metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics(Vec<Option<f64>>);

impl Metrics {
    /// The metrics of the numbers of one race. Of one with steps missing nothing is counted.
    #[must_use]
    pub fn of(stats: &Stats) -> Self {
        let value = |metric: &Metric| (metric.of)(stats).filter(|_| stats.is_whole);
        Self(METRICS.iter().map(value).collect())
    }

    /// The value of each metric as this gives it.
    pub(super) fn each(of: impl Fn(&'static Metric) -> Option<f64>) -> Self {
        Self(METRICS.iter().map(of).collect())
    }

    /// Each metric with its value; `None` when the race has no such number, or it is not known.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Metric, Option<f64>)> {
        METRICS.iter().zip(self.0.iter().copied())
    }

    /// The value of the metric of this name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<f64> {
        self.iter()
            .find(|(metric, _)| metric.name == name)
            .and_then(|(_, value)| value)
    }
}

impl Serialize for Metrics {
    /// A map from heading to value, counts as whole numbers.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(METRICS.len()))?;
        for (metric, value) in self.iter() {
            put(&mut map, &metric.heading(), metric.unit, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Metrics {
    /// The map that is written: no heading is missing, and none is another's.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut map = BTreeMap::<String, Option<f64>>::deserialize(deserializer)?;
        let values = METRICS.iter().map(|metric| {
            let heading = metric.heading();
            let value = map.remove(&heading);
            value.ok_or_else(|| D::Error::custom(format!("the metric {heading} is missing")))
        });
        let metrics = Self(values.collect::<Result<_, _>>()?);
        match map.pop_first() {
            None => Ok(metrics),
            Some((heading, _)) => Err(D::Error::custom(format!("there is no metric {heading}"))),
        }
    }
}

/// An entry of a map, counts as whole numbers.
pub(super) fn put<M: SerializeMap>(
    map: &mut M,
    name: &str,
    unit: Unit,
    value: Option<f64>,
) -> Result<(), M::Error> {
    match (unit, value) {
        (Unit::Count, Some(count)) => map.serialize_entry(name, &whole(count)),
        (Unit::Count | Unit::PerSecond | Unit::Millis, value) => map.serialize_entry(name, &value),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count, far below 2^53 and never negative"
)]
const fn whole(count: f64) -> u64 {
    count as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_thousands_apart() {
        let shown = [0.0, 999.0, 1000.0, 1_234_567.0].map(|number| Unit::Count.shown(number));
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn no_two_metrics_share_a_name() {
        let mut names: Vec<_> = METRICS.iter().map(|metric| metric.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
