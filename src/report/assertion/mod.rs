//! What a build demands of a race: `double_bookings == 0`, `locked.latency_p99 < 50ms`.

mod judge;

use std::fmt;
use std::str::FromStr;

pub use judge::{AssertionReport, AssertionResult};

use super::metrics::{METRICS, Metric, TOTAL, Unit};
use crate::duration::{as_millis, duration};

/// A metric, a comparison and a value. With several rounds, every round must satisfy it; the sum over
/// all of them is meant where the metric's name begins with `total_`.
#[derive(Debug, Clone, PartialEq)]
pub struct Assertion {
    /// The strategy it is about; `None` when there is only one.
    pub strategy: Option<String>,
    metric: &'static Metric,
    scope: Scope,
    operator: Operator,
    value: f64,
}

/// What a figure is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    EachRound,
    Total,
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
    #[error("'{0}' is not a comparison: write METRIC OP VALUE, such as 'double_bookings == 0'")]
    NoOperator(String),
    /// A metric that no race has.
    #[error(
        "there is no metric '{name}'{nearest}; there are: {}, and the sums of the counts: {TOTAL}bookings, …",
        all_names()
    )]
    UnknownMetric {
        /// The name.
        name: String,
        /// The nearest one there is, in words.
        nearest: String,
    },
    /// A value that does not fit the metric.
    #[error("'{value}' is not a valid value for {metric}: write {example}")]
    Value {
        /// The value.
        value: String,
        /// The metric.
        metric: &'static str,
        /// A value that fits.
        example: String,
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
        let (metric, scope) = metric_of(name).ok_or_else(|| unknown(name))?;
        Ok(Self {
            strategy,
            metric,
            scope,
            operator,
            value: value_of(metric, value.trim())?,
        })
    }
}

/// The metric of this name, and whether it is the sum of it.
fn metric_of(name: &str) -> Option<(&'static Metric, Scope)> {
    if let Some(metric) = Metric::named(name) {
        return Some((metric, Scope::EachRound));
    }
    // Times and rates have no sum that would mean anything.
    let metric = name.strip_prefix(TOTAL).and_then(Metric::named)?;
    (metric.unit == Unit::Count).then_some((metric, Scope::Total))
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
    let digits = text.replace('_', "");
    let number = digits
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite());
    let value = match metric.unit {
        Unit::Millis => duration(text).ok().map(as_millis),
        Unit::Count => digits.parse::<u32>().ok().map(f64::from),
        Unit::PerSecond => number,
    };
    value.ok_or_else(|| AssertionError::Value {
        value: text.to_owned(),
        metric: metric.name,
        example: example(metric.unit, number.filter(|number| *number >= 0.0)),
    })
}

/// What may have been meant by a number, or how a value of this unit is written.
fn example(unit: Unit, number: Option<f64>) -> String {
    match (unit, number) {
        (Unit::Millis, Some(number)) => format!("{number}ms"),
        (Unit::Millis, None) => "a time, such as 50ms".to_owned(),
        (Unit::Count, Some(number)) if number.fract() == 0.0 && number <= f64::from(u32::MAX) => {
            format!("{number}")
        }
        (Unit::Count, _) => format!("a whole number from 0 to {}", u32::MAX),
        (Unit::PerSecond, _) => "a number, such as 10000".to_owned(),
    }
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
        let total = match self.scope {
            Scope::EachRound => "",
            Scope::Total => TOTAL,
        };
        write!(f, "{total}{} {sign} {value}", self.metric.name)
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
