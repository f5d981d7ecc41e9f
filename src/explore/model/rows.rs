//! The committed rows of the model's database, and what is written on its seats.

use std::hash::{Hash, Hasher};

use super::room::{SEATS_MAX, USERS_MAX, narrow};
use crate::history::Reply;

/// The bookings of all seats, and what is written on the seats themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::explore) struct ModelRows {
    /// In the order they were committed; then empty ones.
    rows: [ModelRow; USERS_MAX],
    seats: [Seat; SEATS_MAX],
}

/// Who takes a step.
#[derive(Debug, Clone, Copy)]
pub(in crate::explore) struct By {
    /// Numbered from 0.
    pub(in crate::explore) user: usize,
    /// The seat that it wants, numbered from 0.
    pub(in crate::explore) seat: usize,
    /// The token or the version that it brings along; 0 for none.
    pub(in crate::explore) stamp: u8,
    pub(in crate::explore) is_in_lease: bool,
}

impl By {
    /// The user's number in a row.
    pub(in crate::explore) fn name(self) -> u8 {
        narrow(self.user + 1)
    }
}

/// The reply to a look, and the version that comes with it.
pub(in crate::explore) type Looked = (Reply, Option<u8>);

/// A booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::explore) struct ModelRow {
    /// Numbered from 1; 0 for no row.
    pub(in crate::explore) user: u8,
    pub(in crate::explore) seat: u8,
    /// Whether it was inserted by a user whose lease was not over.
    pub(in crate::explore) is_in_lease: bool,
    /// Whether it is under the UNIQUE constraint, which knows of no others.
    pub(in crate::explore) is_guarded: bool,
}

/// What is written on a seat itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::explore) struct Seat {
    pub(in crate::explore) version: u8,
    /// The latest token that was seen.
    pub(in crate::explore) fence: u8,
    /// The user who has claimed it, numbered from 1; 0 for none.
    claimed_by: u8,
    /// Whether the time of that claim is over.
    is_claim_over: bool,
}

impl Seat {
    /// Whether this user, numbered from 1, is the last who claimed it.
    pub(in crate::explore) const fn is_claimed_by(self, user: u8) -> bool {
        self.claimed_by == user
    }

    /// Whether its claim is still good.
    pub(in crate::explore) const fn has_good_claim(self) -> bool {
        self.claimed_by != 0 && !self.is_claim_over
    }

    /// A user, numbered from 1, claims it.
    pub(in crate::explore) const fn claim(&mut self, user: u8) {
        self.claimed_by = user;
        self.is_claim_over = false;
    }
}

/// One number instead of forty fields, or six where anything is written on a seat: a search hashes every
/// state it comes to.
impl Hash for ModelRows {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { rows, seats } = self;
        let rows = rows
            .iter()
            .fold(0, |sum, row| sum << 8 | u64::from(row.packed()));
        let seats = seats.map(Seat::packed);
        let has_seats = seats != [0; SEATS_MAX];
        state.write_u64(rows << 1 | u64::from(has_seats));
        if has_seats {
            seats.hash(state);
        }
    }
}

impl ModelRow {
    /// All of it in 8 bits.
    fn packed(self) -> u8 {
        let Self {
            user,
            seat,
            is_in_lease,
            is_guarded,
        } = self;
        user << 5 | seat << 2 | u8::from(is_in_lease) << 1 | u8::from(is_guarded)
    }
}

impl Seat {
    /// All of it in 32 bits.
    fn packed(self) -> u32 {
        let Self {
            version,
            fence,
            claimed_by,
            is_claim_over,
        } = self;
        u32::from_le_bytes([version, fence, claimed_by, u8::from(is_claim_over)])
    }
}

impl ModelRows {
    pub(in crate::explore) const fn seat(&self, seat: usize) -> Seat {
        self.seats[seat]
    }

    pub(in crate::explore) const fn seat_mut(&mut self, seat: usize) -> &mut Seat {
        &mut self.seats[seat]
    }

    pub(in crate::explore) fn push(&mut self, row: ModelRow) {
        let free = self.rows.iter_mut().find(|row| row.user == 0);
        if let Some(free) = free {
            *free = row;
        }
    }

    /// The rows of this seat.
    pub(in crate::explore) fn on(&self, seat: usize) -> impl Iterator<Item = &ModelRow> {
        let rows = self.rows.iter().take_while(|row| row.user != 0);
        rows.filter(move |row| usize::from(row.seat) == seat)
    }

    pub(in crate::explore) fn is_sold(&self, seat: usize) -> bool {
        self.on(seat).next().is_some()
    }

    /// The users who have a row, numbered from 1, in the order of their rows.
    pub(in crate::explore) fn users(&self) -> impl Iterator<Item = u8> + '_ {
        let users = self.rows.iter().map(|row| row.user);
        users.take_while(|user| *user != 0)
    }

    /// Whether a seat has more than one row; with `in_lease`, of users whose leases were not over.
    pub(in crate::explore) fn is_sold_twice(&self, in_lease: bool) -> bool {
        let is_meant = |row: &ModelRow| row.user != 0 && (row.is_in_lease || !in_lease);
        let rows = self.rows.iter().enumerate();
        let mut meant = rows.filter(|(_, row)| is_meant(row));
        meant.any(|(at, row)| {
            let mut later = self.rows[at + 1..].iter();
            later.any(|other| is_meant(other) && other.seat == row.seat)
        })
    }

    /// Who has a claim on an unsold seat that is still good, numbered from 0.
    pub(in crate::explore) fn good_claims(&self) -> impl Iterator<Item = usize> + '_ {
        let seats = self.seats.iter().enumerate();
        let good = seats.filter(|(place, seat)| seat.has_good_claim() && !self.is_sold(*place));
        good.map(|(_, seat)| usize::from(seat.claimed_by - 1))
    }

    /// The claim of this user expires, or that of every user: whose. Time passes, and nothing is written.
    pub(in crate::explore) fn expire(
        &mut self,
        user: Option<usize>,
    ) -> impl Iterator<Item = usize> + '_ {
        let meant = self.seats.iter_mut().filter(move |seat| {
            let is_users = user.is_none_or(|user| seat.is_claimed_by(narrow(user + 1)));
            seat.has_good_claim() && is_users
        });
        meant.map(|seat| {
            seat.is_claim_over = true;
            usize::from(seat.claimed_by - 1)
        })
    }
}
