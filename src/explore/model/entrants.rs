//! The users of a model, and the seat that each of them wants.

use super::room::{SEATS_MAX, USERS_MAX, narrow};
use crate::seat::{SeatId, UserId};

/// So many users have letters in a model: one at each of the screens of every person.
const LETTERS_MAX: usize = 2 * USERS_MAX;

/// The users of a model, and the seat that each of them wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entrants {
    users: u32,
    /// Every seat that is wanted, once; so many of them.
    seats: ([SeatId; SEATS_MAX], usize),
    /// The place in it of the seat that each user wants, A first.
    wanted: [u8; LETTERS_MAX],
}

impl Entrants {
    /// The seat that all want when nothing is said.
    const SEAT: SeatId = SeatId::new(10).expect("ten is not zero");

    /// A user for each of these seats, which it wants.
    #[must_use]
    pub fn after(wishes: &[SeatId]) -> Self {
        let mut sorted: Vec<SeatId> = wishes.iter().copied().take(USERS_MAX).collect();
        sorted.sort_unstable();
        sorted.dedup();
        let mut wanted = [0; LETTERS_MAX];
        for (place, wish) in wanted.iter_mut().zip(wishes) {
            *place = narrow(sorted.iter().position(|seat| seat == wish).unwrap_or(0));
        }
        let mut seats = [Self::SEAT; SEATS_MAX];
        for (place, seat) in seats.iter_mut().zip(&sorted) {
            *place = *seat;
        }
        Self {
            users: u32::try_from(wishes.len()).unwrap_or(u32::MAX),
            seats: (seats, sorted.len().max(1)),
            wanted,
        }
    }

    /// The same seats for so many users.
    pub(in crate::explore) const fn with_users(self, users: u32) -> Self {
        Self { users, ..self }
    }

    /// How many users there are to be, also if a model does not have so many.
    pub(in crate::explore) const fn number(&self) -> u32 {
        self.users
    }

    /// How many users a model has of them.
    pub(in crate::explore) fn users(&self) -> usize {
        usize::try_from(self.users).map_or(USERS_MAX, |users| users.min(USERS_MAX))
    }

    pub(in crate::explore) fn seats(&self) -> &[SeatId] {
        &self.seats.0[..self.seats.1]
    }

    /// The place of the seat that this user wants.
    pub(in crate::explore) fn wanted_by(&self, user: UserId) -> u8 {
        let at = usize::try_from(user.0.wrapping_sub(1)).unwrap_or(usize::MAX);
        self.wanted.get(at).copied().unwrap_or(0)
    }
}

/// So many users who want one seat.
impl From<u32> for Entrants {
    fn from(users: u32) -> Self {
        Self::after(&[]).with_users(users)
    }
}
