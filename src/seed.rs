//! The seed: a stream of its own for every use of chance.
//!
//! A seed fixes the *inputs* of a race (who wants which seat, how long each pays, when each
//! arrives). It does not fix the scheduler: two races with one seed interleave differently.

use std::fmt;

use rand::SeedableRng;
use rand::TryRng;
use rand::rngs::{SysRng, Xoshiro256PlusPlus};
use serde::{Deserialize, Serialize};

/// The number every draw of a run is derived from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(pub u64);

/// What a stream is drawn for; two purposes never share a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Which seat a user wants.
    Seat = 1,
    /// How long a user pays.
    Payment = 2,
    /// When a user arrives.
    Arrival = 3,
    /// What befalls a user.
    Fault = 4,
}

impl Seed {
    /// A seed from the operating system's randomness, short enough to type again.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn random() -> Result<Self, rand::rngs::SysError> {
        SysRng.try_next_u32().map(|number| Self(u64::from(number)))
    }

    /// The seed of one round of a run.
    #[must_use]
    pub fn round(self, round: u32) -> Self {
        Self(mix(self.0, u64::from(round)))
    }

    /// The stream of draws that belongs to one user for one purpose.
    #[must_use]
    pub fn stream(self, purpose: Purpose, user: u32) -> Xoshiro256PlusPlus {
        let key = (purpose as u64) << 32 | u64::from(user);
        Xoshiro256PlusPlus::seed_from_u64(mix(self.0, key))
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `SplitMix64`'s finaliser over both numbers, so that neighbouring keys give unrelated streams
/// (<https://prng.di.unimi.it/splitmix64.c>).
const fn mix(seed: u64, key: u64) -> u64 {
    let mut z = seed ^ key.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    #[test]
    fn one_seed_gives_the_same_draws_for_ever() {
        let draw = Seed(7).round(0).stream(Purpose::Seat, 3).next_u64();
        assert_eq!(draw, Seed(7).round(0).stream(Purpose::Seat, 3).next_u64());
    }

    #[test]
    fn users_rounds_and_purposes_draw_apart() {
        let of = |round, purpose, user| Seed(7).round(round).stream(purpose, user).next_u64();
        let first = of(0, Purpose::Seat, 3);
        assert_ne!(first, of(0, Purpose::Seat, 4));
        assert_ne!(first, of(1, Purpose::Seat, 3));
        assert_ne!(first, of(0, Purpose::Payment, 3));
    }
}
