//! The strategies that racesim brings, by name.

use std::time::Duration;

use tokio_util::either::Either;

use super::{
    Conditional, Hold, Locked, Naive, Needs, Optimistic, Options, Redlock, Strategy, Transaction,
    Unique,
};
use crate::client::{Client, Isolation, StepError, Ttl};
use crate::history::{Outcome, Step};

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
    /// See [`Optimistic`].
    Optimistic(Optimistic),
    /// See [`Hold`].
    Hold(Hold),
    /// See [`Transaction`].
    Transaction(Transaction),
    /// See [`Redlock`].
    Redlock(Redlock),
}

/// A strategy's name, what it does, in a line, and how it is made.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The name that a person types.
    pub name: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// The strategy with what was chosen.
    make: fn(&StrategyOptions) -> BuiltIn,
}

/// Every strategy that racesim brings: the one list of them.
pub static CATALOGUE: [Entry; 8] = [
    Entry {
        name: Naive::NAME,
        summary: "check, pay, insert: nothing stands between two users who check at once",
        make: |_| BuiltIn::Naive(Naive),
    },
    Entry {
        name: Locked::NAME,
        summary: "a lock in Redis (SET NX EX) around check, pay, insert: losers are refused at once",
        make: |tuning| {
            BuiltIn::Locked(Locked {
                ttl: tuning.ttl,
                options: tuning.options,
            })
        },
    },
    Entry {
        name: Unique::NAME,
        summary: "check, pay, insert under UNIQUE(seat): the database refuses the second, who has paid",
        make: |_| BuiltIn::Unique(Unique),
    },
    Entry {
        name: Conditional::NAME,
        summary: "pay, then INSERT … WHERE NOT EXISTS: one statement looks and inserts",
        make: |_| BuiltIn::Conditional(Conditional),
    },
    Entry {
        name: Optimistic::NAME,
        summary: "read the seat's version, pay, insert if it is still the same: the others have paid",
        make: |tuning| {
            BuiltIn::Optimistic(Optimistic {
                retries: tuning.retries.unwrap_or(0),
            })
        },
    },
    Entry {
        name: Hold::NAME,
        summary: "claim the seat in the database for a while, pay, confirm: what ticket shops do",
        make: |tuning| BuiltIn::Hold(Hold { ttl: tuning.ttl }),
    },
    Entry {
        name: Transaction::NAME,
        summary: "check, pay, insert in one transaction: the others wait, or are refused by error",
        make: |tuning| {
            BuiltIn::Transaction(Transaction {
                isolation: tuning.begin,
                busy_timeout: tuning.busy_timeout.unwrap_or(Transaction::BUSY_TIMEOUT),
                retries: tuning.retries.unwrap_or(0),
            })
        },
    },
    Entry {
        name: Redlock::NAME,
        summary: "a lock on most of several independent Redis around check, pay, insert",
        make: |tuning| {
            BuiltIn::Redlock(Redlock {
                ttl: tuning.ttl,
                nodes: tuning.nodes.unwrap_or(Redlock::NODES),
                retries: tuning.retries.unwrap_or(Redlock::RETRIES),
            })
        },
    },
];

/// What can be chosen of strategies; each takes what concerns it.
#[derive(Debug, Clone, Copy, Default)]
pub struct StrategyOptions {
    /// How long a lock or a claim lives.
    pub ttl: Ttl,
    /// How `locked` does its parts.
    pub options: Options,
    /// How a transaction begins.
    pub begin: Isolation,
    /// How long it waits for another's; `None` for the usual time.
    pub busy_timeout: Option<Duration>,
    /// How often a user that was overtaken or refused tries again; `None` for the usual number.
    pub retries: Option<u32>,
    /// On how many nodes `redlock` locks; `None` for the usual number.
    pub nodes: Option<u8>,
}

/// What the chosen strategy says.
macro_rules! delegate {
    ($self:ident, $strategy:ident => $said:expr) => {
        match $self {
            Self::Naive($strategy) => $said,
            Self::Locked($strategy) => $said,
            Self::Unique($strategy) => $said,
            Self::Conditional($strategy) => $said,
            Self::Optimistic($strategy) => $said,
            Self::Hold($strategy) => $said,
            Self::Transaction($strategy) => $said,
            Self::Redlock($strategy) => $said,
        }
    };
}

impl BuiltIn {
    /// The strategy of this name.
    #[must_use]
    pub fn named(name: &str, tuning: &StrategyOptions) -> Option<Self> {
        let entry = CATALOGUE.iter().find(|entry| entry.name == name);
        entry.map(|entry| (entry.make)(tuning))
    }

    /// The attempts of those that a race gives no room to in every user.
    async fn attempt_of_others(&self, client: &mut Client) -> Result<Outcome, StepError> {
        delegate!(self, strategy => strategy.attempt(client).await)
    }
}

impl Strategy for BuiltIn {
    fn name(&self) -> &str {
        delegate!(self, strategy => strategy.name())
    }

    fn settings(&self) -> String {
        delegate!(self, strategy => strategy.settings())
    }

    fn ttl(&self) -> Option<Ttl> {
        delegate!(self, strategy => strategy.ttl())
    }

    fn needs(&self) -> Needs {
        delegate!(self, strategy => strategy.needs())
    }

    fn steps(&self) -> Option<Vec<Step>> {
        delegate!(self, strategy => strategy.steps())
    }

    fn takes_over(&self) -> Option<bool> {
        delegate!(self, strategy => strategy.takes_over()).or(Some(false))
    }

    fn frees_others(&self) -> Option<bool> {
        delegate!(self, strategy => strategy.frees_others()).or(Some(false))
    }

    fn is_symmetric(&self) -> bool {
        delegate!(self, strategy => strategy.is_symmetric())
    }

    fn promises_one_booking(&self) -> bool {
        delegate!(self, strategy => strategy.promises_one_booking())
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A strategy that was in the catalogue and not in a second list was dropped from a comparison
    /// in silence. There is one list now, and each entry makes what it names.
    #[test]
    fn every_strategy_of_the_catalogue_is_made_under_its_own_name() {
        for entry in &CATALOGUE {
            let made = BuiltIn::named(entry.name, &StrategyOptions::default());
            assert_eq!(
                made.map(|it| it.name().to_owned()).as_deref(),
                Some(entry.name)
            );
        }
        assert!(BuiltIn::named("nothing", &StrategyOptions::default()).is_none());
    }
}
