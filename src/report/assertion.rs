//! What a build demands of a race: `double_bookings == 0`, `locked.latency_p99 < 50ms`.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::metrics::{METRICS, Metric, Metrics, Unit};
use crate::duration::{as_millis, duration};

/// A metric, a comparison and a value. With several rounds, every round must satisfy it.
#[derive(Debug, Clone)]
pub struct Assertion {
    /// The strategy it is about; `None` when there is only one.
    pub strategy: Option<String>,
    metric: &'static Metric,
    operator: Operator,
    value: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    AtMost,
    AtLeast,
    Below,
    Above,
}

/// The operators as they are written; the longer of two that begin alike comes first.
const OPERATORS: [(&str, Operator); 6] = [
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("<", Operator::Below),
    (">", Operator::Above),
];

/// Why an assertion cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// No comparison in it.
    #[error("'{0}' compares nothing: write METRIC OP VALUE, such as 'double_bookings == 0'")]
    NoOperator(String),
    /// A metric that no race has.
    #[error("there is no metric '{name}'{nearest}; there are: {}", all_names())]
    UnknownMetric {
        /// The name.
        name: String,
        /// The nearest one there is, in words.
        nearest: String,
    },
    /// A value that does not fit the metric.
    #[error("'{value}' is no value for {metric}: write {example}")]
    Value {
        /// The value.
        value: String,
        /// The metric.
        metric: &'static str,
        /// A value that fits.
        example: &'static str,
    },
}

fn all_names() -> String {
    METRICS
        .iter()
        .map(|metric| metric.name)
        .collect::<Vec<_>>()
        .join(", ")
}

impl FromStr for Assertion {
    type Err = AssertionError;

    fn from_str(text: &str) -> Result<Self, AssertionError> {
        let found = OPERATORS
            .iter()
            .find_map(|(sign, operator)| text.split_once(sign).map(|(l, r)| (l, *operator, r)));
        let (name, operator, value) =
            found.ok_or_else(|| AssertionError::NoOperator(text.to_owned()))?;
        let (strategy, name) = match name.trim().rsplit_once('.') {
            Some((strategy, name)) => (Some(strategy.to_owned()), name),
            None => (None, name.trim()),
        };
        let metric = Metric::named(name).ok_or_else(|| unknown(name))?;
        Ok(Self {
            strategy,
            metric,
            operator,
            value: value_of(metric, value.trim())?,
        })
    }
}

fn unknown(name: &str) -> AssertionError {
    let similar = METRICS
        .iter()
        .map(|metric| (strsim::jaro_winkler(metric.name, name), metric.name));
    let nearest = similar
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(similarity, _)| *similarity > 0.8);
    let nearest = nearest.map_or_else(String::new, |(_, nearest)| format!(", perhaps '{nearest}'"));
    AssertionError::UnknownMetric {
        name: name.to_owned(),
        nearest,
    }
}

fn value_of(metric: &'static Metric, text: &str) -> Result<f64, AssertionError> {
    let (value, example) = match metric.unit {
        Unit::Millis => (duration(text).ok().map(as_millis), "50ms"),
        Unit::Count => (
            text.replace('_', "").parse::<u32>().ok().map(f64::from),
            "0",
        ),
        Unit::PerSecond => (
            text.replace('_', "")
                .parse()
                .ok()
                .filter(|rate: &f64| rate.is_finite()),
            "10000",
        ),
    };
    value.ok_or_else(|| AssertionError::Value {
        value: text.to_owned(),
        metric: metric.name,
        example,
    })
}

impl fmt::Display for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(strategy) = &self.strategy {
            write!(f, "{strategy}.")?;
        }
        let sign = OPERATORS
            .iter()
            .find(|(_, operator)| *operator == self.operator)
            .map_or("", |(sign, _)| sign);
        let value = match self.metric.unit {
            Unit::Millis => format!("{}ms", self.value),
            Unit::Count | Unit::PerSecond => self.value.to_string(),
        };
        write!(f, "{} {sign} {value}", self.metric.name)
    }
}

/// What became of an assertion.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AssertionReport {
    /// The assertion as it was written.
    pub assertion: String,
    /// Whether every round satisfies it.
    pub holds: bool,
    /// The value that decided.
    pub found: String,
}

impl Assertion {
    /// Looks at every round. A metric that a round does not have satisfies nothing.
    #[must_use]
    pub fn judge(&self, rounds: &[Metrics]) -> AssertionReport {
        let values = || rounds.iter().map(|metrics| metrics.value(self.metric.name));
        let failing = values()
            .enumerate()
            .find(|(_, value)| !value.is_some_and(|value| self.is_satisfied_by(value)));
        let shown = |value: Option<f64>| {
            value.map_or_else(|| "n/a".to_owned(), |value| self.metric.unit.shown(value))
        };
        let found = match failing {
            Some((round, value)) if rounds.len() > 1 => {
                format!("{} in round {}", shown(value), round + 1)
            }
            Some((_, value)) => shown(value),
            None if rounds.len() > 1 => format!("in all {} rounds", rounds.len()),
            None => shown(values().next().flatten()),
        };
        AssertionReport {
            assertion: self.to_string(),
            holds: failing.is_none() && !rounds.is_empty(),
            found,
        }
    }

    #[expect(
        clippy::float_cmp,
        reason = "counts are whole, and a person who writes == means it"
    )]
    fn is_satisfied_by(&self, found: f64) -> bool {
        match self.operator {
            Operator::Equal => found == self.value,
            Operator::NotEqual => found != self.value,
            Operator::AtMost => found <= self.value,
            Operator::AtLeast => found >= self.value,
            Operator::Below => found < self.value,
            Operator::Above => found > self.value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assertions_are_read_with_and_without_spaces() {
        for (text, shown) in [
            ("double_bookings == 0", "double_bookings == 0"),
            ("locked.latency_p99<50ms", "locked.latency_p99 < 50ms"),
            ("throughput >= 10_000", "throughput >= 10000"),
            ("latency_max <= 1.5s", "latency_max <= 1500ms"),
        ] {
            assert_eq!(text.parse::<Assertion>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn an_unknown_metric_names_the_nearest_and_lists_all() {
        let error = "double_booking == 0"
            .parse::<Assertion>()
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(
            "there is no metric 'double_booking', perhaps 'double_bookings'; there are: attempts, "
        ));
        assert!(error.contains("latency_p99"));
    }

    #[test]
    fn a_value_must_fit_its_metric() {
        for text in [
            "latency_p99 < 50",
            "bookings == 1ms",
            "bookings == -1",
            "throughput > fast",
            "throughput > NaN",
        ] {
            assert!(
                matches!(text.parse::<Assertion>(), Err(AssertionError::Value { .. })),
                "{text}"
            );
        }
    }
}
