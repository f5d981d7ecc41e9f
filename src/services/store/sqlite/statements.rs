//! Statements of a user's step: whether it needs several, and whether they only read.

use crate::seat::{SeatId, UserId};
use crate::services::store::Guard;
use crate::services::store::request::StoreRequest;

impl StoreRequest {
    /// Whether it only looks.
    pub(super) const fn only_reads(self) -> bool {
        match self {
            Self::Check { how, .. } => !how.is_fenced,
            Self::Insert { .. } | Self::Hold { .. } | Self::Confirm { .. } => false,
        }
    }

    /// Whose booking of which seat it makes, if it does.
    pub(super) const fn books(self) -> Option<(SeatId, UserId)> {
        match self {
            Self::Insert { seat, user, .. } | Self::Confirm { seat, user } => Some((seat, user)),
            Self::Check { .. } | Self::Hold { .. } => None,
        }
    }

    /// Whether it takes more than one statement.
    pub(super) const fn is_compound(self) -> bool {
        match self {
            Self::Check { how, .. } => how.is_fenced,
            Self::Insert { how, .. } => how.is_fenced || matches!(how.guard, Guard::Version),
            Self::Hold { .. } => true,
            Self::Confirm { .. } => false,
        }
    }
}
