//! Who takes part: which users, of whom two may be one person at two screens.

use super::entrants::Entrants;
use super::room::{Room, USERS_MAX};
use crate::schedule::Schedule;
use crate::seat::{SeatId, UserId};
use crate::strategy::Strategy;

/// The users of a model, each at its place.
///
/// The users 1 and 2 (A and B) are one person, as are 3 and 4; so A and B meet as one person, A and C as
/// two, and a schedule says by its letters which it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::explore) struct Crowd {
    /// The first so many persons are at both of their screens, the others at one each.
    pairs: usize,
    users: usize,
    entrants: Entrants,
}

impl Crowd {
    /// So many users, each of whom is the next one.
    pub(in crate::explore) fn of(entrants: Entrants) -> Self {
        Self {
            pairs: USERS_MAX,
            users: entrants.users(),
            entrants,
        }
    }

    /// Every way in which some of so many users can be one person, that with the most first; one way
    /// where it makes no difference, or where not all want the same seat.
    pub(in crate::explore) fn all<S: Strategy>(strategy: &S, entrants: Entrants) -> Vec<Self> {
        let next = Self::of(entrants);
        if strategy.is_symmetric() || entrants.seats().len() > 1 {
            return vec![next];
        }
        let some = (0..=next.users / 2)
            .rev()
            .map(|pairs| Self { pairs, ..next });
        some.collect()
    }

    /// Those who can follow this schedule, the letters of which go up to that of so many users; `None`
    /// when a model has no room for them.
    pub(in crate::explore) fn following<S: Strategy>(
        strategy: &S,
        schedule: &Schedule,
        entrants: Entrants,
    ) -> Option<Self> {
        if usize::try_from(entrants.number()).is_ok_and(|users| users <= USERS_MAX) {
            return Some(Self::of(entrants));
        }
        let mut all = (1..=USERS_MAX).flat_map(|some| {
            let some = u32::try_from(some).unwrap_or(0);
            Self::all(strategy, entrants.with_users(some))
        });
        let named = || schedule.0.iter().filter_map(|step| step.user());
        all.find(|crowd| !strategy.is_symmetric() && named().all(|user| crowd.has(user)))
    }

    /// The seats that are wanted.
    pub(in crate::explore) fn seats(&self) -> &[SeatId] {
        self.entrants.seats()
    }

    /// The room that they take, with so many lock services.
    pub(in crate::explore) fn room(&self, nodes: usize) -> Room {
        Room {
            nodes,
            seats: self.entrants.seats().len(),
            wanted: std::array::from_fn(|place| self.entrants.wanted_by(self.id(place))),
        }
    }

    pub(in crate::explore) const fn len(self) -> usize {
        self.users
    }

    /// The user at this place, from 0.
    pub(in crate::explore) fn id(self, place: usize) -> UserId {
        // Everybody after the pairs is at the first screen of the next person.
        let alone = place.saturating_sub(2 * self.pairs);
        UserId(u32::try_from(place + alone + 1).unwrap_or(u32::MAX))
    }

    /// The place of this user, from 0; beyond all for one who takes no part.
    pub(in crate::explore) fn place(self, user: UserId) -> usize {
        let at = usize::try_from(user.0.wrapping_sub(1)).unwrap_or(usize::MAX);
        match at.checked_sub(2 * self.pairs) {
            None => at,
            Some(alone) if alone.is_multiple_of(2) => at - alone / 2,
            Some(_) => usize::MAX,
        }
    }

    /// Whether the user takes part.
    pub(in crate::explore) fn has(self, user: UserId) -> bool {
        self.place(user) < self.users
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_user_of_a_crowd_is_found_at_its_place() {
        let letters = |pairs, users| -> String {
            let crowd = Crowd {
                pairs,
                users,
                ..Crowd::of(Entrants::from(5))
            };
            let ids = (0..users).map(|place| crowd.id(place));
            assert!(
                ids.clone()
                    .enumerate()
                    .all(|(at, id)| crowd.place(id) == at)
            );
            ids.map(UserId::letter).collect()
        };
        assert_eq!(letters(USERS_MAX, 5), "ABCDE");
        assert_eq!([letters(1, 2), letters(0, 2)], ["AB", "AC"]);
        assert_eq!([letters(1, 4), letters(0, 5)], ["ABCE", "ACEGI"]);
        assert_eq!(letters(2, 5), "ABCDE");
        let strangers = Crowd {
            pairs: 0,
            users: 2,
            ..Crowd::of(Entrants::from(5))
        };
        assert!(!strangers.has(UserId(2)) && strangers.has(UserId(3)));
    }
}
