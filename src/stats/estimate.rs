//! Medians with their intervals, and which is the best.

use super::as_f64;

/// How often an interval may miss the true median.
const DOUBT: f64 = 0.01;

/// A difference smaller than this share of the larger value is nobody's reason to choose, and may be
/// the machine's.
const LEAST_DIFFERENCE: f64 = 0.1;

/// A figure, and an interval that holds the true one in at least 99 of 100 such experiments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
}

/// Which of two figures is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// The lower.
    Lower,
    /// The higher.
    Higher,
}

impl Estimate {
    /// The median of repeated measurements, with the interval between two of them that holds the true
    /// median whatever the distribution
    /// (<https://www.itl.nist.gov/div898/handbook/prc/section2/prc263.htm>); `None` when they are too
    /// few for any.
    #[must_use]
    pub fn of_median(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let rank = rank(sorted.len())?;
        Some(Self {
            value: sorted[(sorted.len() - 1) / 2],
            low: sorted[rank],
            high: sorted[sorted.len() - 1 - rank],
        })
    }

    /// Whether this is better than the other beyond doubt, and by more than nobody would mind.
    fn beats(&self, other: &Self, better: Better) -> bool {
        let is_apart = match better {
            Better::Lower => self.high < other.low,
            Better::Higher => self.low > other.high,
        };
        let larger = self.value.abs().max(other.value.abs());
        is_apart && (self.value - other.value).abs() >= LEAST_DIFFERENCE * larger
    }

    /// Whether both were the same in every measurement.
    #[expect(clippy::float_cmp, reason = "the same count, not one that is near it")]
    fn is_alike(&self, other: &Self) -> bool {
        self.low == self.high && other.low == other.high && self.low == other.low
    }
}

/// How many measurements at either end lie outside the interval; `None` when all of them together do
/// not make one.
fn rank(many: usize) -> Option<usize> {
    let n = u64::try_from(many).ok()?;
    // The chance that no measurement lies below the true median, then one, then two, …
    let mut chance = 0.5_f64.powf(as_f64(n));
    let mut sum = chance;
    let mut rank = None;
    for below in 0..n / 2 {
        if 2.0 * sum > DOUBT {
            break;
        }
        rank = usize::try_from(below).ok();
        chance *= as_f64(n - below) / as_f64(below + 1);
        sum += chance;
    }
    rank
}

/// Which of these are the best beyond doubt: one that beats all others, or several that were alike in
/// every measurement and beat the rest; mostly none. What has no estimate takes no part.
#[must_use]
pub fn best(columns: &[Option<Estimate>], better: Better) -> Vec<bool> {
    let known = || columns.iter().flatten();
    let first = known().min_by(|a, b| match better {
        Better::Lower => a.value.total_cmp(&b.value),
        Better::Higher => b.value.total_cmp(&a.value),
    });
    let Some(first) = first else {
        return vec![false; columns.len()];
    };
    let is_first = |other: &Estimate| other == first || other.is_alike(first);
    let are_others_worse = known().all(|other| is_first(other) || first.beats(other, better));
    let are_any_worse = known().any(|other| !is_first(other));
    let is_best = |other: &Estimate| are_others_worse && are_any_worse && is_first(other);
    columns
        .iter()
        .map(|column| column.as_ref().is_some_and(is_best))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn median(samples: &[f64]) -> Option<Estimate> {
        Estimate::of_median(samples)
    }

    fn marks(columns: &[&[f64]], better: Better) -> Vec<bool> {
        let columns: Vec<_> = columns.iter().map(|samples| median(samples)).collect();
        best(&columns, better)
    }

    const FAST: [f64; 8] = [1.0, 1.1, 1.2, 1.0, 1.1, 1.3, 1.2, 1.1];
    const SLOW: [f64; 8] = [2.0, 2.4, 2.1, 2.2, 2.3, 2.0, 2.1, 2.5];

    #[test]
    fn the_interval_is_that_of_the_sign_test() {
        // Of 8, the smallest and the largest: 2 × 2^-8 = 0.8 %. Of 20, the 4th and the 17th: 0.26 %.
        let numbers: Vec<f64> = (1..=20).map(f64::from).collect();
        let eight = median(&numbers[..8]).unwrap();
        assert_eq!((eight.low, eight.value, eight.high), (1.0, 4.0, 8.0));
        let twenty = median(&numbers).unwrap();
        assert_eq!((twenty.low, twenty.value, twenty.high), (4.0, 10.0, 17.0));
        assert_eq!(median(&numbers[..7]), None, "seven are too few");
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn what_is_apart_is_marked_and_on_the_better_side() {
        assert_eq!(marks(&[&FAST, &SLOW], Better::Lower), [true, false]);
        assert_eq!(marks(&[&FAST, &SLOW], Better::Higher), [false, true]);
    }

    #[test]
    fn what_overlaps_is_not_marked() {
        let between = [1.2, 2.2, 1.1, 2.1, 1.3, 2.3, 1.9, 1.8];
        assert_eq!(marks(&[&FAST, &between], Better::Lower), [false, false]);
        assert_eq!(marks(&[&FAST, &SLOW, &between], Better::Lower), [false; 3]);
    }

    #[test]
    fn a_difference_that_nobody_minds_is_not_marked() {
        let hardly_slower = FAST.map(|value| value / 100.0 + 1.0);
        let constant = [1.0; 8];
        assert_eq!(
            marks(&[&constant, &hardly_slower], Better::Lower),
            [false; 2]
        );
    }

    #[test]
    fn too_few_measurements_mark_nothing() {
        assert_eq!(marks(&[&FAST[..7], &SLOW[..7]], Better::Lower), [false; 2]);
        assert_eq!(marks(&[&[0.0], &[499.0]], Better::Lower), [false; 2]);
    }

    #[test]
    fn those_that_are_always_alike_share_the_mark_unless_all_are() {
        let (none, many) = ([0.0; 8], [499.0; 8]);
        assert_eq!(
            marks(&[&many, &none, &none], Better::Lower),
            [false, true, true]
        );
        assert_eq!(marks(&[&none, &none], Better::Lower), [false; 2]);
    }

    #[test]
    fn what_has_no_figure_takes_no_part() {
        let (fast, slow) = (median(&FAST), median(&SLOW));
        assert_eq!(
            best(&[fast, None, slow], Better::Lower),
            [true, false, false]
        );
        assert_eq!(best(&[fast, None], Better::Lower), [false; 2]);
        assert_eq!(best(&[None, None], Better::Lower), [false; 2]);
    }
}
