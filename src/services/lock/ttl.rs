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
    /// [`TtlError::Range`] below a millisecond, which Redis cannot express, or above 49 days.
    pub fn new(time: Duration) -> Result<Self, TtlError> {
        if time < Duration::from_millis(1) || time > Self::MAX {
            return Err(TtlError::Range);
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_lives_at_least_a_millisecond() {
        assert_eq!("0s".parse::<Ttl>(), Err(TtlError::Range));
        assert_eq!("0.5ms".parse::<Ttl>(), Err(TtlError::Range));
        assert_eq!("50d".parse::<Ttl>(), Err(TtlError::Range));
        assert_eq!("49d".parse::<Ttl>().map(Ttl::as_millis), Ok(4_233_600_000));
        assert_eq!("600s".parse::<Ttl>().unwrap(), Ttl::default());
    }
}
