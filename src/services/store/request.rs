//! What a user asks of the database.

use super::Guard;
use crate::seat::{SeatId, UserId};

/// A user's step on the database. Small: a million may wait.
#[derive(Debug, Clone, Copy)]
pub enum StoreRequest {
    /// Is the seat free? With a fence, only for a token that none later has come after.
    Check {
        /// Which seat.
        seat: SeatId,
        /// Whether its version is asked for too.
        guard: Guard,
        /// Whether the number is to be the latest token.
        fence: bool,
        /// The token of the lock that the user goes by; 0 for none.
        number: u32,
    },
    /// Book the seat.
    Insert {
        /// Which seat.
        seat: SeatId,
        /// For whom.
        user: UserId,
        /// What is held against it.
        guard: Guard,
        /// Whether the number is to be the latest token.
        fence: bool,
        /// The version that the user has read, or the token of the lock that it goes by.
        number: u32,
    },
    /// Claim the seat for so many milliseconds.
    Hold {
        /// Which seat.
        seat: SeatId,
        /// For whom.
        user: UserId,
        /// For how long.
        ms: u32,
    },
    /// Book the seat that the user has claimed, if nobody else has claimed it since.
    Confirm {
        /// Which seat.
        seat: SeatId,
        /// For whom.
        user: UserId,
    },
    /// Let the claim on a seat run out: this user's, or anybody's.
    RunOut {
        /// Which seat.
        seat: SeatId,
        /// Whose claim.
        user: Option<UserId>,
    },
}

impl StoreRequest {
    /// Whether it only looks.
    pub(super) const fn only_reads(self) -> bool {
        matches!(self, Self::Check { fence: false, .. })
    }

    /// Whose booking of which seat it makes, if it does.
    pub(super) const fn books(self) -> Option<(SeatId, UserId)> {
        match self {
            Self::Insert { seat, user, .. } | Self::Confirm { seat, user } => Some((seat, user)),
            Self::Check { .. } | Self::Hold { .. } | Self::RunOut { .. } => None,
        }
    }

    /// Whether it takes more than one statement.
    pub(super) const fn is_compound(self) -> bool {
        match self {
            Self::Check { fence, .. } => fence,
            Self::Insert { guard, fence, .. } => fence || matches!(guard, Guard::Version),
            Self::Hold { .. } => true,
            Self::Confirm { .. } | Self::RunOut { .. } => false,
        }
    }
}
