//! What became of a demand: it holds, it failed, or it is unknown.

use serde::{Deserialize, Serialize};

use super::{Assertion, Operator, Scope};
use crate::report::figures::{Figures, Round};

/// What became of an assertion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssertionReport {
    /// The assertion as it was written.
    pub assertion: String,
    /// Whether it holds.
    pub result: AssertionResult,
    /// The value that decided.
    pub found: String,
}

/// Whether what was demanded is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AssertionResult {
    /// Every round satisfies it.
    Holds,
    /// Some round may satisfy it or not: it could not be counted, was stopped, or lost a service.
    Unknown,
    /// Some round does not.
    Failed,
}

impl Assertion {
    /// Looks at every round, or at their sum.
    #[must_use]
    pub fn judge(&self, figures: &Figures) -> AssertionReport {
        let (result, found) = match self.scope {
            Scope::EachRound => self.judge_rounds(figures.rounds()),
            Scope::Total => self.judge_total(figures),
        };
        AssertionReport {
            assertion: self.to_string(),
            result,
            found,
        }
    }

    /// The worst of the rounds decides, the first of those that are as bad.
    fn judge_rounds(&self, rounds: &[Round]) -> (AssertionResult, String) {
        let name = self.metric.name;
        let judged = rounds.iter().enumerate().map(|(at, round)| {
            let value = round.metrics.value(name);
            (
                self.result(value, round.disturbed),
                at,
                value,
                round.disturbed,
            )
        });
        // Of equals the first: `max_by_key` would give the last.
        let worst = judged.rev().max_by_key(|(result, ..)| *result);
        let Some((result, at, value, disturbed)) = worst else {
            return (AssertionResult::Unknown, "no round".to_owned());
        };
        let mut found = match (result, rounds.len()) {
            (AssertionResult::Holds, 2..) => format!("in all {} rounds", rounds.len()),
            (_, 2..) => format!("{} in round {}", self.shown(value), at + 1),
            _ => self.shown(value),
        };
        if let (AssertionResult::Unknown, Some(why)) = (result, disturbed) {
            found = format!("{found}: {why}");
        }
        (result, found)
    }

    fn judge_total(&self, figures: &Figures) -> (AssertionResult, String) {
        let disturbed = figures.rounds().iter().find_map(|round| round.disturbed);
        let total = figures.total(self.metric.name);
        let result = self.result(total, disturbed);
        let why = disturbed.filter(|_| result == AssertionResult::Unknown);
        let found = self.shown(total);
        (
            result,
            why.map_or(found.clone(), |why| format!("{found}: {why}")),
        )
    }

    fn shown(&self, value: Option<f64>) -> String {
        value.map_or_else(|| "n/a".to_owned(), |value| self.metric.unit.shown(value))
    }

    /// What a figure says, which is nothing when it is not known, and little when the round was not as
    /// it was to be.
    fn result(&self, value: Option<f64>, disturbed: Option<&str>) -> AssertionResult {
        let Some(value) = value else {
            return AssertionResult::Unknown;
        };
        let is_satisfied = self.is_satisfied_by(value);
        if disturbed.is_some() && !self.is_settled_by(value) {
            AssertionResult::Unknown
        } else if is_satisfied {
            AssertionResult::Holds
        } else {
            AssertionResult::Failed
        }
    }

    /// Whether more rows could not change the answer: what was sold twice stays sold twice, whatever
    /// else went wrong.
    fn is_settled_by(&self, found: f64) -> bool {
        self.metric.is_of_rows
            && match self.operator {
                Operator::Equal | Operator::NotEqual | Operator::AtMost | Operator::Above => {
                    found > self.value
                }
                Operator::AtLeast | Operator::Below => found >= self.value,
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
    use crate::report::Metrics;

    fn round(value: Option<f64>, disturbed: Option<&'static str>) -> Round {
        Round {
            metrics: Metrics::each(|_| value),
            disturbed,
        }
    }

    fn judged(text: &str, rounds: &[Round]) -> (AssertionResult, String) {
        let mut figures = Figures::default();
        for round in rounds {
            figures.push(round.clone());
        }
        let report = text.parse::<Assertion>().unwrap().judge(&figures);
        (report.result, report.found)
    }

    #[test]
    fn what_was_not_counted_is_unknown_and_never_holds() {
        for text in [
            "double_bookings == 0",
            "bookings != 7",
            "total_bookings >= 0",
            "latency_p99 < 1s",
        ] {
            let found = judged(text, &[round(None, None)]);
            assert_eq!(
                found,
                (AssertionResult::Unknown, "n/a".to_owned()),
                "{text}"
            );
        }
        let rounds = [round(Some(0.0), None), round(None, None)];
        let found = judged("double_bookings == 0", &rounds);
        assert_eq!(
            found,
            (AssertionResult::Unknown, "n/a in round 2".to_owned())
        );
        let rounds = [round(None, None), round(Some(2.0), None)];
        let found = judged("double_bookings == 0", &rounds);
        assert_eq!(found, (AssertionResult::Failed, "2 in round 2".to_owned()));
        assert_eq!(judged("bookings == 0", &[]).0, AssertionResult::Unknown);
    }

    #[test]
    fn a_round_that_lost_a_service_proves_only_what_more_rows_could_not_change() {
        let died = |value| [round(Some(value), Some("a service failed"))];
        for (text, value, result) in [
            ("double_bookings == 0", 3.0, AssertionResult::Failed),
            ("double_bookings == 0", 0.0, AssertionResult::Unknown),
            ("double_bookings > 0", 3.0, AssertionResult::Holds),
            ("double_bookings > 0", 0.0, AssertionResult::Unknown),
            ("bookings == 1", 0.0, AssertionResult::Unknown),
            ("bookings == 1", 2.0, AssertionResult::Failed),
            ("bookings < 2", 2.0, AssertionResult::Failed),
            ("bookings <= 2", 2.0, AssertionResult::Unknown),
            ("bookings >= 2", 2.0, AssertionResult::Holds),
            ("seats_unsold == 0", 1.0, AssertionResult::Unknown),
            ("failed == 0", 400.0, AssertionResult::Unknown),
            ("latency_p99 < 1ms", 5000.0, AssertionResult::Unknown),
            ("total_double_bookings == 0", 3.0, AssertionResult::Failed),
            ("total_failed == 0", 3.0, AssertionResult::Unknown),
        ] {
            assert_eq!(
                judged(text, &died(value)).0,
                result,
                "{text}, found {value}"
            );
        }
        let found = judged("failed == 0", &died(400.0)).1;
        assert_eq!(found, "400: a service failed");
    }

    #[test]
    fn a_sum_is_asked_for_by_its_name_and_times_have_none() {
        let rounds = [round(Some(499.0), None), round(Some(499.0), None)];
        assert_eq!(
            judged("total_double_bookings == 998", &rounds).0,
            AssertionResult::Holds
        );
        assert_eq!(
            judged("double_bookings == 499", &rounds).0,
            AssertionResult::Holds
        );
        assert_eq!(
            judged("double_bookings == 998", &rounds).0,
            AssertionResult::Failed
        );
        assert!("total_latency_p99 < 1s".parse::<Assertion>().is_err());
        let text = "naive.total_bookings > 3";
        assert_eq!(text.parse::<Assertion>().unwrap().to_string(), text);
    }
}
