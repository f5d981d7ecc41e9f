//! Durations as people write and read them.

use std::fmt;
use std::time::Duration;

/// Not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a duration: write 20ms, 1.5s or 2m")]
pub struct DurationError(String);

/// A duration as people write them: `0ms`, `1.5ms`, `600s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Millis(pub Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.0;
        if time >= Duration::from_secs(1) && time.subsec_nanos() == 0 {
            return write!(f, "{}s", time.as_secs());
        }
        write!(f, "{}ms", as_millis(time))
    }
}

/// A duration as people write them: `20ms`, `1.5s`, `2m`.
///
/// # Errors
/// [`DurationError`] when it is none.
pub fn duration(text: &str) -> Result<Duration, DurationError> {
    let text = text.trim();
    humantime::parse_duration(text)
        .or_else(|_| fraction(text))
        .map_err(|()| DurationError(text.to_owned()))
}

/// Durations in JSON, as people write them.
pub mod in_words {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::{Millis, duration};

    /// Writes `1.5ms`.
    ///
    /// # Errors
    /// When the serializer fails.
    pub fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Millis(*time))
    }

    /// Reads `1.5ms`.
    ///
    /// # Errors
    /// When it is no duration.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        duration(&text).map_err(de::Error::custom)
    }
}

/// The time in milliseconds, to the nanosecond.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "exact for the first hundred days"
)]
pub fn as_millis(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e6
}

/// A fraction of one unit, such as `1.5s`, which humantime does not read.
fn fraction(text: &str) -> Result<Duration, ()> {
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).ok_or(())?;
    let (number, unit) = text.split_at(unit_at);
    let number: f64 = number.trim().parse().map_err(drop)?;
    let unit = humantime::parse_duration(&format!("1{unit}")).map_err(drop)?;
    Duration::try_from_secs_f64(unit.as_secs_f64() * number).map_err(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, time) in [
            ("600s", 600_000_000),
            ("1.5ms", 1_500),
            ("2m", 120_000_000),
            ("0ms", 0),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_micros(time)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_named() {
        for text in ["", "soon", "-1s", "5", "1.5.2s", "1e400s"] {
            assert_eq!(duration(text), Err(DurationError(text.to_owned())));
        }
    }

    #[test]
    fn durations_are_written_in_whole_seconds_or_in_milliseconds() {
        let shown = |micros| Millis(Duration::from_micros(micros)).to_string();
        assert_eq!(
            [shown(0), shown(1_500), shown(600_000_000)],
            ["0ms", "1.5ms", "600s"]
        );
    }
}
