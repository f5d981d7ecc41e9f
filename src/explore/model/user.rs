//! A user as the model sees it: where in its attempt it is, and what it does next.

use std::hash::{Hash, Hasher};

use crate::client::PendingStep;
use crate::history::Outcome;

/// All that has happened to a user so far, as its number in the [`Machine`](super::machine::Machine):
/// its replies, and when it gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::explore) struct PastId(pub(in crate::explore) u32);

impl PastId {
    /// Nothing has happened yet.
    pub(in crate::explore) const NONE: Self = Self(0);
}

/// One user of a state.
#[derive(Debug, Clone, Copy)]
pub(in crate::explore) struct User {
    /// What has happened to it.
    pub(in crate::explore) past: PastId,
    /// What it does next, which follows from that, but for one that has crashed.
    pub(in crate::explore) next: Next,
}

/// What a user does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::explore) enum Next {
    /// It asks for this step.
    Asks(PendingStep),
    /// It was told this.
    Ended(Outcome),
    /// It has crashed.
    Crashed,
    /// It is beyond what the model can follow.
    Lost,
}

/// What follows need not be hashed.
impl User {
    fn key(&self) -> u64 {
        u64::from(self.past.0) << 1 | u64::from(self.next == Next::Crashed)
    }
}

impl PartialEq for User {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for User {}

impl Hash for User {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl User {
    /// Whether it may still do something.
    pub(in crate::explore) const fn is_running(&self) -> bool {
        matches!(self.next, Next::Asks(_))
    }

    /// Whether it has taken a step.
    pub(in crate::explore) const fn has_started(&self) -> bool {
        self.past.0 != PastId::NONE.0
    }

    /// What it was told; `None` when it has not come to its end.
    pub(in crate::explore) const fn outcome(&self) -> Option<Outcome> {
        match self.next {
            Next::Ended(outcome) => Some(outcome),
            Next::Asks(_) | Next::Crashed | Next::Lost => None,
        }
    }
}
