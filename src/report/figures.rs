//! The figures of several rounds: of the median round, their range, and the sums of what is counted.

use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

use super::metrics::{METRICS, Metric, Metrics, TOTAL, Unit, put};

/// One round, measured.
#[derive(Debug, Clone)]
pub struct Round {
    /// Its figures.
    pub metrics: Metrics,
    /// Why it was not as it was to be: it was stopped, or a service failed; `None` when it was.
    pub disturbed: Option<&'static str>,
}

/// Rounds of one race, measured. A name without `total_` is the figure of one round: of several, of
/// the median one.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    rounds: Vec<Round>,
}

impl Figures {
    /// Adds a round.
    pub fn push(&mut self, round: Round) {
        self.rounds.push(round);
    }

    /// Every round, in order.
    #[must_use]
    pub fn rounds(&self) -> &[Round] {
        &self.rounds
    }

    /// The figure of every round that has one, in ascending order; `None` when there is none, or when a
    /// round could not be counted: every round has its counts, but not every one has refusals to time.
    fn sorted(&self, metric: &Metric) -> Option<Vec<f64>> {
        let values: Vec<Option<f64>> = self.values(metric).collect();
        if metric.unit == Unit::Count && values.contains(&None) {
            return None;
        }
        let mut known: Vec<f64> = values.into_iter().flatten().collect();
        known.sort_unstable_by(f64::total_cmp);
        (!known.is_empty()).then_some(known)
    }

    fn values(&self, metric: &Metric) -> impl Iterator<Item = Option<f64>> {
        let name = metric.name;
        self.rounds.iter().map(move |it| it.metrics.value(name))
    }

    /// What this gives of every round; `None` when a round has no such number, or none was raced.
    #[must_use]
    pub fn samples(&self, of: impl Fn(&Metrics) -> Option<f64>) -> Option<Vec<f64>> {
        let samples: Option<Vec<f64>> = self.rounds.iter().map(|it| of(&it.metrics)).collect();
        samples.filter(|samples| !samples.is_empty())
    }

    /// The figure of the median round; of an even number of rounds, of the lower of the two in the
    /// middle, so that it is one that was measured.
    #[must_use]
    pub fn median(&self, name: &str) -> Option<f64> {
        let sorted = self.sorted(Metric::named(name)?)?;
        sorted.get((sorted.len() - 1) / 2).copied()
    }

    /// The smallest and the largest figure of any round.
    #[must_use]
    pub fn range(&self, name: &str) -> Option<(f64, f64)> {
        let sorted = self.sorted(Metric::named(name)?)?;
        sorted.first().copied().zip(sorted.last().copied())
    }

    /// The sum over all rounds, of what is counted; `None` when a round could not be counted.
    #[must_use]
    pub fn total(&self, name: &str) -> Option<f64> {
        let metric = Metric::named(name).filter(|metric| metric.unit == Unit::Count)?;
        if self.rounds.is_empty() {
            return None;
        }
        self.values(metric).sum()
    }

    /// The figure of the median round with its unit, and the range where the rounds differ.
    #[must_use]
    pub fn shown(&self, name: &str) -> String {
        let Some(metric) = Metric::named(name) else {
            return "n/a".to_owned();
        };
        match (self.median(name), self.range(name)) {
            (Some(median), Some((low, high))) if low < high => format!(
                "{} ({}–{})",
                metric.unit.shown(median),
                metric.unit.shown_bare(low),
                metric.unit.shown_bare(high)
            ),
            (Some(median), _) => metric.unit.shown(median),
            (None, _) => "n/a".to_owned(),
        }
    }

    /// The sum over all rounds for a person.
    #[must_use]
    pub fn total_shown(&self, name: &str) -> String {
        let total = self.total(name);
        total.map_or_else(|| "n/a".to_owned(), |total| Unit::Count.shown(total))
    }

    /// The metrics of the median round of each.
    #[must_use]
    pub fn medians(&self) -> Metrics {
        Metrics::each(|metric| self.median(metric.name))
    }

    fn ends(&self, end: impl Fn((f64, f64)) -> f64) -> Metrics {
        Metrics::each(|metric| self.range(metric.name).map(&end))
    }

    /// The headings and the values of a row for a machine; empty for what is not known.
    pub(super) fn row(&self) -> Vec<(String, String)> {
        let text = |unit: Unit, value: Option<f64>| {
            value.map_or_else(String::new, |value| unit.plain(value))
        };
        let medians = METRICS
            .iter()
            .map(|it| (it.heading(), text(it.unit, self.median(it.name))));
        let counts = METRICS.iter().filter(|metric| metric.unit == Unit::Count);
        let totals = counts.map(|it| {
            let heading = format!("{TOTAL}{}", it.heading());
            (heading, text(it.unit, self.total(it.name)))
        });
        let ranges = METRICS.iter().flat_map(|it| {
            let (low, high) = self.range(it.name).unzip();
            [("min", low), ("max", high)]
                .map(|(end, value)| (format!("{}_{end}", it.heading()), text(it.unit, value)))
        });
        medians.chain(totals).chain(ranges).collect()
    }
}

/// The sums of what is counted, by name.
struct Totals<'a>(&'a Figures);

impl Serialize for Totals<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for metric in METRICS.iter().filter(|metric| metric.unit == Unit::Count) {
            let heading = format!("{TOTAL}{}", metric.heading());
            put(&mut map, &heading, metric.unit, self.0.total(metric.name))?;
        }
        map.end()
    }
}

impl Serialize for Figures {
    /// The median round's figures, the range, the sums, and the figures of each round.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let per_round: Vec<&Metrics> = self.rounds.iter().map(|it| &it.metrics).collect();
        let mut fields = serializer.serialize_struct("Figures", 5)?;
        fields.serialize_field("metrics", &self.medians())?;
        fields.serialize_field("metrics_min", &self.ends(|(low, _)| low))?;
        fields.serialize_field("metrics_max", &self.ends(|(_, high)| high))?;
        fields.serialize_field("totals", &Totals(self))?;
        fields.serialize_field("per_round", &per_round)?;
        fields.end()
    }
}

/// Figures as they are written.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFigures {
    metrics: Metrics,
    metrics_min: Metrics,
    metrics_max: Metrics,
    totals: BTreeMap<String, Option<f64>>,
    per_round: Vec<Metrics>,
}

impl<'de> Deserialize<'de> for Figures {
    /// The figures of each round, which everything else that is written must follow from. Why a round was
    /// not as it was to be is not written.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = WrittenFigures::deserialize(deserializer)?;
        let rounds = written.per_round.into_iter().map(|metrics| Round {
            metrics,
            disturbed: None,
        });
        let figures = Self {
            rounds: rounds.collect(),
        };
        let counts = METRICS.iter().filter(|metric| metric.unit == Unit::Count);
        let totals = counts.map(|it| (format!("{TOTAL}{}", it.heading()), figures.total(it.name)));
        let is_so = written.metrics == figures.medians()
            && written.metrics_min == figures.ends(|(low, _)| low)
            && written.metrics_max == figures.ends(|(_, high)| high)
            && written.totals == totals.collect();
        if is_so {
            Ok(figures)
        } else {
            Err(D::Error::custom(
                "the figures do not follow from the rounds",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(values: &[Option<f64>]) -> Figures {
        let round = |value: &Option<f64>| Round {
            metrics: Metrics::each(|_| *value),
            disturbed: None,
        };
        Figures {
            rounds: values.iter().map(round).collect(),
        }
    }

    #[test]
    fn a_name_is_the_median_rounds_figure_and_its_total_the_sum() {
        let figures = rounds(&[Some(499.0), Some(497.0), Some(498.0), Some(500.0)]);
        assert_eq!(figures.median("double_bookings"), Some(498.0));
        assert_eq!(figures.range("double_bookings"), Some((497.0, 500.0)));
        assert_eq!(figures.total("double_bookings"), Some(1994.0));
        assert_eq!(figures.total("latency_p99"), None);
        assert_eq!(figures.shown("double_bookings"), "498 (497–500)");
        assert_eq!(figures.shown("latency_p99"), "498.000 ms (497.000–500.000)");
    }

    #[test]
    fn one_round_that_was_not_counted_leaves_no_count_of_all_but_times_are_of_those_that_have_one()
    {
        let figures = rounds(&[Some(1.0), None, Some(3.0)]);
        assert_eq!(figures.median("bookings"), None);
        assert_eq!(figures.total("bookings"), None);
        assert_eq!(figures.shown("bookings"), "n/a");
        assert_eq!(figures.median("refusal_p50"), Some(1.0));
    }

    #[test]
    fn of_no_round_nothing_is_known() {
        let figures = Figures::default();
        assert_eq!(figures.median("attempts"), None);
        assert_eq!(figures.total("attempts"), None);
        assert_eq!(figures.range("latency_p99"), None);
    }
}
