//! The room of a model: how many users, seats and locks there are, and who takes which step.

use crate::client::PendingStep;
use crate::seat::UserId;

/// The most users of a model.
pub const USERS_MAX: usize = 5;

/// The most seats of a model: each user may want one of its own.
pub(in crate::explore) const SEATS_MAX: usize = USERS_MAX;

/// The most locks of a model: one for each seat, on each lock service.
pub(in crate::explore) const LOCKS_MAX: usize = 6;

/// A step of a user.
pub(in crate::explore) struct Act {
    /// Numbered from 0.
    pub(in crate::explore) user: usize,
    /// Who that is.
    pub(in crate::explore) id: UserId,
    pub(in crate::explore) pending: PendingStep,
    /// Whether the user learns the answer.
    pub(in crate::explore) is_heard: bool,
    pub(in crate::explore) room: Room,
}

/// How much of a model there is.
#[derive(Debug, Clone, Copy)]
pub(in crate::explore) struct Room {
    /// How many lock services.
    pub(in crate::explore) nodes: usize,
    /// How many seats.
    pub(in crate::explore) seats: usize,
    /// The seat that each user wants, numbered from 0.
    pub(in crate::explore) wanted: [u8; USERS_MAX],
}

impl Room {
    pub(in crate::explore) fn seat_of(self, user: usize) -> usize {
        usize::from(self.wanted[user])
    }

    /// The places of the locks of one lock service.
    pub(in crate::explore) fn locks_on(self, node: usize) -> std::ops::Range<usize> {
        let first = node * self.seats;
        first..first + self.seats
    }
}

impl Act {
    /// The place of the lock that the step is about.
    pub(in crate::explore) fn lock(&self) -> usize {
        let node = usize::from(self.pending.node());
        node * self.room.seats + self.room.seat_of(self.user)
    }
}

pub(in crate::explore) fn narrow(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}
