//! Indexes: what belongs to each seat, or to each user and its seat.
//!
//! Ids are mostly small and without gaps, so a place in a list finds what a million users each look
//! for; the ids of a history of unknown origin may be any, and those beyond the list are hashed.

use ahash::AHashMap as HashMap;

use crate::seat::{SeatId, UserId};

/// So many ids beyond twice the expected number still have a place in the list.
const SLACK: usize = 1024;

/// Something for each seat.
#[derive(Debug, Clone)]
pub struct BySeat<T> {
    places: usize,
    near: Vec<Option<T>>,
    far: HashMap<SeatId, T>,
}

impl<T> BySeat<T> {
    /// A map for about so many seats.
    #[must_use]
    pub fn for_about(many: usize) -> Self {
        Self {
            places: places(many),
            near: Vec::new(),
            far: HashMap::default(),
        }
    }

    /// What belongs to this seat.
    #[must_use]
    pub fn get(&self, seat: SeatId) -> Option<&T> {
        let place = place(seat.number());
        if place < self.places {
            self.near.get(place)?.as_ref()
        } else {
            self.far.get(&seat)
        }
    }

    /// What belongs to this seat, made first where there is nothing yet.
    pub fn entry(&mut self, seat: SeatId, make: impl FnOnce() -> T) -> &mut T {
        let place = place(seat.number());
        if place >= self.places {
            return self.far.entry(seat).or_insert_with(make);
        }
        if place >= self.near.len() {
            self.near.resize_with(place + 1, || None);
        }
        self.near[place].get_or_insert_with(make)
    }

    /// Every seat that something belongs to; those with a place in the list by their numbers first.
    pub fn iter(&self) -> impl Iterator<Item = (SeatId, &T)> {
        let near = self
            .near
            .iter()
            .zip(0u32..)
            .filter_map(|(value, number)| SeatId::new(number).zip(value.as_ref()));
        near.chain(self.far.iter().map(|(seat, value)| (*seat, value)))
    }
}

/// Something for each user and the seat that it is after.
#[derive(Debug, Clone)]
pub struct ByUser<T> {
    places: usize,
    near: Vec<Option<(SeatId, T)>>,
    /// Also the second seat of a user.
    far: HashMap<(SeatId, UserId), T>,
}

impl<T> ByUser<T> {
    /// A map for about so many users.
    #[must_use]
    pub fn for_about(many: usize) -> Self {
        Self {
            places: places(many),
            near: Vec::new(),
            far: HashMap::default(),
        }
    }

    /// What belongs to this user and this seat.
    #[must_use]
    pub fn get(&self, seat: SeatId, user: UserId) -> Option<&T> {
        match self.near.get(place(user.0)) {
            Some(Some((own, value))) if *own == seat => Some(value),
            _ => self.far.get(&(seat, user)),
        }
    }

    /// Changes what belongs to this user and this seat.
    pub fn get_mut(&mut self, seat: SeatId, user: UserId) -> Option<&mut T> {
        match self.near.get_mut(place(user.0)) {
            Some(Some((own, value))) if *own == seat => Some(value),
            _ => self.far.get_mut(&(seat, user)),
        }
    }

    /// Gives this user and this seat something, in place of what it had.
    pub fn insert(&mut self, seat: SeatId, user: UserId, value: T) {
        let place = place(user.0);
        if place < self.places && place >= self.near.len() {
            self.near.resize_with(place + 1, || None);
        }
        match self.near.get_mut(place) {
            Some(slot) if slot.as_ref().is_none_or(|(own, _)| *own == seat) => {
                *slot = Some((seat, value));
            }
            _ => drop(self.far.insert((seat, user), value)),
        }
    }

    /// Takes away what belongs to this user and this seat.
    pub fn remove(&mut self, seat: SeatId, user: UserId) -> Option<T> {
        match self.near.get_mut(place(user.0)) {
            Some(slot) if slot.as_ref().is_some_and(|(own, _)| *own == seat) => {
                slot.take().map(|(_, value)| value)
            }
            _ => self.far.remove(&(seat, user)),
        }
    }

    /// Everything, with whom it belongs to.
    pub fn iter(&self) -> impl Iterator<Item = (SeatId, UserId, &T)> {
        let near = self.near.iter().zip(0u32..).filter_map(|(slot, user)| {
            let (seat, value) = slot.as_ref()?;
            Some((*seat, UserId(user), value))
        });
        let far = self.far.iter();
        near.chain(far.map(|((seat, user), value)| (*seat, *user, value)))
    }
}

fn places(many: usize) -> usize {
    many.saturating_mul(2).saturating_add(SLACK)
}

fn place(id: u32) -> usize {
    usize::try_from(id).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat(number: u32) -> SeatId {
        SeatId::new(number).unwrap()
    }

    #[test]
    fn near_and_far_seats_are_told_apart() {
        let mut map = BySeat::for_about(1);
        for number in [1, 1024, 1025, 1026, u32::MAX] {
            *map.entry(seat(number), || 0) += u64::from(number);
            *map.entry(seat(number), || 0) += 1;
        }
        assert_eq!(map.get(seat(1026)), Some(&1027));
        assert_eq!(map.get(seat(2)), None);
        let mut all: Vec<u32> = map.iter().map(|(seat, _)| seat.number()).collect();
        all.sort_unstable();
        assert_eq!(all, [1, 1024, 1025, 1026, u32::MAX]);
    }

    #[test]
    fn a_user_may_have_more_than_one_seat_and_any_id() {
        let mut map = ByUser::for_about(1);
        for (number, user) in [(1, 7), (2, 7), (1, u32::MAX), (3, 0)] {
            map.insert(seat(number), UserId(user), number * 10);
        }
        map.insert(seat(2), UserId(7), 21);
        assert_eq!(map.get(seat(1), UserId(7)), Some(&10));
        assert_eq!(map.get(seat(2), UserId(7)), Some(&21));
        assert_eq!(map.remove(seat(1), UserId(7)), Some(10));
        assert_eq!(map.get(seat(1), UserId(7)), None);
        assert_eq!(map.get(seat(2), UserId(7)), Some(&21));
        assert_eq!(map.remove(seat(1), UserId(u32::MAX)), Some(10));
        assert_eq!(map.iter().count(), 2);
    }
}
