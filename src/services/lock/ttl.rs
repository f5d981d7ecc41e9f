//! How long a lock lives when nobody frees it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::duration::{DurationError, Millis, duration};

/// How long a lock lives when nobody frees it, in milliseconds: a million requests that wait are a fifth
/// smaller than with a [`Duration`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ttl(u32);

impl Ttl {
    /// The longest time a lock may live: 49 days, far inside what Redis can count.
    const MAX: Duration = Duration::from_hours(49 * 24);

    /// Ten minutes to pay.
    pub const TEN_MINUTES: Self = Self(600_000);

    /// A lock that lives this long, in whole milliseconds.
    ///
    /// # Errors
    /// [`TtlError::Range`] below a millisecond, which Redis cannot express, or above 49 days;
    /// [`TtlError::Fraction`] between two milliseconds.
    pub fn new(time: Duration) -> Result<Self, TtlError> {
        if time < Duration::from_millis(1) || time > Self::MAX {
            return Err(TtlError::Range);
        }
        if !time.subsec_nanos().is_multiple_of(1_000_000) {
            let less = Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
            return Err(TtlError::Fraction {
                time: Millis(time),
                less: Millis(less),
                more: Millis(less + Duration::from_millis(1)),
            });
        }
        u32::try_from(time.as_millis())
            .map(Self)
            .map_err(|_| TtlError::Range)
    }

    /// The time to live.
    #[must_use]
    pub const fn as_duration(self) -> Duration {
        Duration::from_millis(self.as_millis())
    }

    /// The time to live in milliseconds, at least 1.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 as u64
    }
}

impl Default for Ttl {
    fn default() -> Self {
        Self::TEN_MINUTES
    }
}

impl FromStr for Ttl {
    type Err = TtlError;

    fn from_str(text: &str) -> Result<Self, TtlError> {
        Self::new(duration(text)?)
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Millis(self.as_duration()).fmt(f)
    }
}

/// Why a lock cannot live that long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TtlError {
    /// Not a duration.
    #[error(transparent)]
    Duration(#[from] DurationError),
    /// Outside what a lock can live.
    #[error("a lock lives at least 1ms and at most 49 days: write 600s, or leave it out")]
    Range,
    /// Between two milliseconds.
    #[error(
        "{time} is no whole number of milliseconds, in which Redis counts: write {less} or {more}"
    )]
    Fraction {
        /// The time that was asked for.
        time: Millis,
        /// The next shorter one.
        less: Millis,
        /// The next longer one.
        more: Millis,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_lives_at_least_a_millisecond() {
        assert_eq!("0s".parse::<Ttl>(), Err(TtlError::Range));
        assert_eq!("0.5ms".parse::<Ttl>(), Err(TtlError::Range));
        assert_eq!("50d".parse::<Ttl>(), Err(TtlError::Range));
        assert_eq!("1.0ms".parse::<Ttl>().map(Ttl::as_millis), Ok(1));
        assert_eq!("49d".parse::<Ttl>().map(Ttl::as_millis), Ok(4_233_600_000));
        assert_eq!("600s".parse::<Ttl>().unwrap(), Ttl::default());
    }

    // It was cut to a millisecond, and nothing was said.
    #[test]
    fn a_part_of_a_millisecond_is_refused_with_what_is_beside_it() {
        let error = "1.5ms".parse::<Ttl>().unwrap_err().to_string();
        assert!(error.ends_with("write 1ms or 2ms"), "{error}");
        assert!("1s1us".parse::<Ttl>().is_err());
    }
}
