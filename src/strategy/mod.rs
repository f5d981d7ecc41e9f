//! The protocols, a file each: plain async functions over the steps of a [`Client`].

mod conditional;
mod locked;
mod naive;
mod unique;

use tokio_util::either::Either;

use crate::client::{Client, StepError, Ttl};
use crate::history::Outcome;

pub use conditional::Conditional;
pub use locked::Locked;
pub use naive::Naive;
pub use unique::Unique;

/// How one user tries to book one seat.
///
/// A strategy sees only its [`Client`] and is deterministic given the replies it gets, so that
/// every interleaving of it can be searched. It takes no time of its own: in a race, a step begins
/// when the one before it was complete.
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
    /// See [`Unique`].
    Unique(Unique),
    /// See [`Conditional`].
    Conditional(Conditional),
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
pub const CATALOGUE: [Entry; 4] = [
    Entry {
        name: Naive::NAME,
        summary: "check, pay, insert: nothing stands between two users who check at once",
    },
    Entry {
        name: Locked::NAME,
        summary: "a lock in Redis (SET NX EX) around check, pay, insert: losers are refused at once",
    },
    Entry {
        name: Unique::NAME,
        summary: "check, pay, insert under UNIQUE(seat): the database refuses the second, who has paid",
    },
    Entry {
        name: Conditional::NAME,
        summary: "pay, then INSERT … WHERE NOT EXISTS: one statement looks and inserts",
    },
];

impl BuiltIn {
    /// The strategy of this name, with this time to live where it takes a lock.
    #[must_use]
    pub fn named(name: &str, ttl: Ttl) -> Option<Self> {
        match name {
            Naive::NAME => Some(Self::Naive(Naive)),
            Locked::NAME => Some(Self::Locked(Locked { ttl })),
            Unique::NAME => Some(Self::Unique(Unique)),
            Conditional::NAME => Some(Self::Conditional(Conditional)),
            _ => None,
        }
    }

    /// The attempts of those that a race gives no room to in every user.
    async fn attempt_of_others(&self, client: &mut Client) -> Result<Outcome, StepError> {
        match self {
            Self::Naive(naive) => naive.attempt(client).await,
            Self::Locked(locked) => locked.attempt(client).await,
            Self::Unique(unique) => unique.attempt(client).await,
            Self::Conditional(conditional) => conditional.attempt(client).await,
        }
    }
}

impl Strategy for BuiltIn {
    fn name(&self) -> &str {
        match self {
            Self::Naive(naive) => naive.name(),
            Self::Locked(locked) => locked.name(),
            Self::Unique(unique) => unique.name(),
            Self::Conditional(conditional) => conditional.name(),
        }
    }

    fn ttl(&self) -> Option<Ttl> {
        match self {
            Self::Naive(naive) => naive.ttl(),
            Self::Locked(locked) => locked.ttl(),
            Self::Unique(unique) => unique.ttl(),
            Self::Conditional(conditional) => conditional.ttl(),
        }
    }

    fn promises_one_booking(&self) -> bool {
        match self {
            Self::Naive(naive) => naive.promises_one_booking(),
            Self::Locked(locked) => locked.promises_one_booking(),
            Self::Unique(unique) => unique.promises_one_booking(),
            Self::Conditional(conditional) => conditional.promises_one_booking(),
        }
    }

    // No async function: what it gives holds the strategy's own future and nothing else.
    fn attempt(
        &self,
        client: &mut Client,
    ) -> impl Future<Output = Result<Outcome, StepError>> + Send {
        match self {
            Self::Naive(naive) => Either::Left(naive.attempt(client)),
            Self::Locked(locked) => Either::Right(Either::Left(locked.attempt(client))),
            // Boxed: a race of a million users is no larger for those that follow.
            other => Either::Right(Either::Right(Box::pin(other.attempt_of_others(client)))),
        }
    }
}
