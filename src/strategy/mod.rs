//! The protocols, a file each: plain async functions over the steps of a [`Client`].

mod locked;
mod naive;

use tokio_util::either::Either;

use crate::client::{Client, StepError, Ttl};
use crate::history::Outcome;

pub use locked::Locked;
pub use naive::Naive;

/// How one user tries to book one seat.
///
/// A strategy sees only its [`Client`] and is deterministic given the replies it gets, so that
/// every interleaving of it can be searched.
pub trait Strategy: Clone + Send + Sync + 'static {
    /// The name that a person types.
    fn name(&self) -> &str;

    /// How long its lock lives; `None` when it takes none.
    fn ttl(&self) -> Option<Ttl> {
        None
    }

    /// Whether it promises that no seat is sold twice.
    fn promises_one_booking(&self) -> bool {
        true
    }

    /// One user's attempt, from its first step to what it is told.
    fn attempt(
        &self,
        client: &mut Client,
    ) -> impl Future<Output = Result<Outcome, StepError>> + Send;
}

/// The strategies that racesim brings.
#[derive(Debug, Clone)]
pub enum BuiltIn {
    /// See [`Naive`].
    Naive(Naive),
    /// See [`Locked`].
    Locked(Locked),
}

/// A strategy's name and what it does, in a line.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The name that a person types.
    pub name: &'static str,
    /// What it does.
    pub summary: &'static str,
}

/// Every strategy that racesim brings.
pub const CATALOGUE: [Entry; 2] = [
    Entry {
        name: Naive::NAME,
        summary: "check, pay, insert: nothing stands between two users who check at once",
    },
    Entry {
        name: Locked::NAME,
        summary: "a lock in Redis (SET NX EX) around check, pay, insert: losers are refused at once",
    },
];

impl BuiltIn {
    /// The strategy of this name, with this time to live where it takes a lock.
    #[must_use]
    pub fn named(name: &str, ttl: Ttl) -> Option<Self> {
        match name {
            Naive::NAME => Some(Self::Naive(Naive)),
            Locked::NAME => Some(Self::Locked(Locked { ttl })),
            _ => None,
        }
    }
}

impl Strategy for BuiltIn {
    fn name(&self) -> &str {
        match self {
            Self::Naive(naive) => naive.name(),
            Self::Locked(locked) => locked.name(),
        }
    }

    fn ttl(&self) -> Option<Ttl> {
        match self {
            Self::Naive(naive) => naive.ttl(),
            Self::Locked(locked) => locked.ttl(),
        }
    }

    fn promises_one_booking(&self) -> bool {
        match self {
            Self::Naive(naive) => naive.promises_one_booking(),
            Self::Locked(locked) => locked.promises_one_booking(),
        }
    }

    // No async function: what it gives holds the strategy's own future and nothing else.
    fn attempt(
        &self,
        client: &mut Client,
    ) -> impl Future<Output = Result<Outcome, StepError>> + Send {
        match self {
            Self::Naive(naive) => Either::Left(naive.attempt(client)),
            Self::Locked(locked) => Either::Right(locked.attempt(client)),
        }
    }
}
