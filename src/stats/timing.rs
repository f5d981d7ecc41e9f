//! Latency percentiles, without keeping samples.

use std::time::Duration;

use hdrhistogram::Histogram;

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

    pub(super) fn new() -> Self {
        let histogram = Histogram::new(Self::DIGITS);
        Self {
            histogram: histogram.expect("three digits are within what a histogram can keep"),
            max_ns: 0,
        }
    }

    pub(super) fn add(&mut self, ns: u64) {
        // Not `saturating_record`, which never grows the histogram and would keep zeros.
        let recorded = self.histogram.record(ns);
        recorded.expect("a histogram that grows takes every value");
        self.max_ns = self.max_ns.max(ns);
    }

    pub(super) fn merge(&mut self, other: &Self) {
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
