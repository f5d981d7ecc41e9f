//! Late requests of a model's users: when each was sent, and what went along.

use std::hash::{Hash, Hasher};

use super::room::USERS_MAX;
use super::state::Sent;

/// The late requests of all users, two bytes each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::explore) struct LateRequests {
    /// After how many answers each was sent, counted from 1, which says what was pending; 0 for none.
    pub(in crate::explore) after: [u8; USERS_MAX],
    /// The token or the version that each was sent with; in the highest bit, whether the lease of its
    /// user was over.
    pub(in crate::explore) with: [u8; USERS_MAX],
}

/// Most searches have nothing on its way, and each of their states is hashed.
impl Hash for LateRequests {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if self.are_pending() {
            self.after.hash(state);
            self.with.hash(state);
        }
    }
}

/// The bit of a lease that was over.
const IS_OVER: u8 = 1 << 7;

impl LateRequests {
    /// Whether a request of this user is on its way.
    pub(in crate::explore) const fn is_pending(&self, user: usize) -> bool {
        self.after[user] != 0
    }

    /// Whether any request is on its way.
    pub(in crate::explore) fn are_pending(&self) -> bool {
        self.after != [0; USERS_MAX]
    }

    /// The user sends a request after so many answers.
    pub(in crate::explore) fn send(&mut self, user: usize, after: usize, sent: Sent) {
        self.after[user] = u8::try_from(after + 1).unwrap_or(u8::MAX);
        let over = if sent.is_lease_over { IS_OVER } else { 0 };
        self.with[user] = sent.stamp.min(IS_OVER - 1) | over;
    }

    /// It arrives, or never will.
    pub(in crate::explore) fn forget(&mut self, user: usize) {
        self.after[user] = 0;
        self.with[user] = 0;
    }

    pub(in crate::explore) const fn sent(&self, user: usize) -> Sent {
        Sent {
            stamp: self.with[user] & !IS_OVER,
            is_lease_over: self.with[user] & IS_OVER != 0,
        }
    }
}
