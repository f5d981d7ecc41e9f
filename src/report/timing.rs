//! How often something happened, and how long it took.

use serde::{Deserialize, Serialize};

use crate::stats::Timing;

/// How often something happened, and how long it took, in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimingReport<K> {
    /// What happened.
    pub kind: K,
    /// How often in all rounds.
    pub total_count: u64,
    /// Half of them took no longer.
    pub p50_ms: f64,
    /// Nine in ten took no longer.
    pub p90_ms: f64,
    /// 99 in 100 took no longer.
    pub p99_ms: f64,
    /// None took longer.
    pub max_ms: f64,
}

impl<K> TimingReport<K> {
    pub(super) fn of(kind: K, timing: &Timing) -> Self {
        let ms = |time: Option<std::time::Duration>| {
            crate::duration::as_millis(time.unwrap_or_default())
        };
        let quantile = |quantile| ms(timing.quantile(quantile));
        Self {
            kind,
            total_count: timing.count(),
            p50_ms: quantile(0.50),
            p90_ms: quantile(0.90),
            p99_ms: quantile(0.99),
            max_ms: ms(timing.max()),
        }
    }
}
