//! Rates with their intervals: how often something happened, and how sure that is.

use super::{Estimate, as_f64};

/// A share of rounds, and the interval that holds the true rate in 95 of 100 such experiments.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
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

    /// Of what never happened: the largest true rate at which that has a chance of 5 % at least.
    #[must_use]
    pub fn most_unseen(&self) -> f64 {
        1.0 - 0.05_f64.powf(as_f64(self.of).recip())
    }

    /// The rate with its interval, to be compared with others.
    #[must_use]
    pub fn estimate(&self) -> Estimate {
        Estimate {
            value: self.share(),
            low: self.low,
            high: self.high,
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

    // "At most 3/1" was said of one round, which is no rate.
    #[test]
    fn what_was_not_seen_in_one_round_may_be_in_nineteen_of_twenty() {
        assert!((Rate::of(0, 1).most_unseen() - 0.95).abs() < 1e-12);
        assert!((Rate::of(0, 10).most_unseen() - 0.2589).abs() < 1e-4);
        assert!((Rate::of(0, 1_000).most_unseen() - 0.003).abs() < 1e-5);
    }

    #[test]
    fn a_rate_of_nothing_or_everything_stays_within_bounds() {
        assert_eq!((Rate::of(0, 10).low, Rate::of(10, 10).high), (0.0, 1.0));
        assert!(Rate::of(0, 10).high > 0.2);
    }
}
