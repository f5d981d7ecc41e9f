//! Users, seats and bookings.

use std::fmt;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// A simulated user, numbered from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub u32);

impl UserId {
    /// How the user is called in a schedule: A, B, C and so on; `?` beyond Z.
    #[must_use]
    pub fn letter(self) -> char {
        let place = u8::try_from(self.0.wrapping_sub(1))
            .ok()
            .filter(|place| *place < 26);
        place.map_or('?', |place| char::from(b'A' + place))
    }

    /// The person behind the user, for strategies that cannot tell a person's requests apart: 1 and 2
    /// are two screens of person 1, 3 and 4 of person 2, and so on.
    #[must_use]
    pub const fn person(self) -> Self {
        Self(self.0.div_ceil(2))
    }

    /// The user that is called so in a schedule; `None` for anything but one capital letter.
    #[must_use]
    pub fn of_letter(text: &str) -> Option<Self> {
        match text.as_bytes() {
            [letter @ b'A'..=b'Z'] => Some(Self(u32::from(letter - b'A') + 1)),
            _ => None,
        }
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A seat, numbered from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SeatId(NonZeroU32);

impl SeatId {
    /// The seat with this number, or `None` for 0.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The seat's number, at least 1.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0.get()
    }
}

impl From<NonZeroU32> for SeatId {
    fn from(number: NonZeroU32) -> Self {
        Self(number)
    }
}

impl fmt::Display for SeatId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One row of the bookings table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Booking {
    /// The seat that was sold.
    pub seat: SeatId,
    /// The user it was sold to.
    pub user: UserId,
}
