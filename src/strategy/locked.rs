//! A lock in Redis around check and insert.
//!
//! 1. acquire: `SET lock:seat:{id} {value} NX EX {ttl}`. Not granted: the user is told that the
//!    seat is currently being booked by someone else, before it looks at the database or pays.
//! 2. check, pay, insert, exactly as [`Naive`] does.
//! 3. release: one script deletes the lock if the value is still this request's own.
//!
//! No interleaving of users breaks it: whoever checks holds the lock, and keeps it until its insert
//! is answered. What breaks it is time. A user that stalls past the TTL between its check and its
//! insert goes on without the lock: A acquires, A checks, the lock expires, B acquires, B checks,
//! B inserts, A inserts
//! (<https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html>).
//!
//! The lock is also freed after an error, once: a lost reply to SET may have left a lock behind
//! (<https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/>).
//!
//! Every part of it can be exchanged for what people do instead: see [`LockOptions`].

use tokio_util::either::Either;

use super::options::{self, OptionOf};
use super::{BuiltInStrategy, LockOptions, Naive, Needs, ReleaseMode, Strategy, lock_options};
use crate::client::{Client, StepError, Ttl};
use crate::history::{Outcome, StrategySettings};
use crate::step::Step;

/// A lock in Redis around check and insert.
#[derive(Debug, Clone, Copy, Default)]
pub struct Locked {
    /// How long the lock lives when nobody frees it.
    pub ttl: Ttl,
    /// What is done in another way.
    pub options: LockOptions,
}

impl Locked {
    /// The lock as it is described above.
    #[must_use]
    pub fn new(ttl: Ttl) -> Self {
        Self {
            ttl,
            options: LockOptions::default(),
        }
    }

    fn attempt_plain(
        &self,
        client: &mut Client,
    ) -> impl Future<Output = Result<Outcome, StepError>> + Send {
        async move {
            let outcome = match client.acquire(self.ttl).await {
                Ok(true) => Naive.attempt(client).await,
                Ok(false) => return Ok(Outcome::Locked),
                Err(StepError::Lost) => Err(StepError::Lost),
                Err(error) => return Err(error),
            };
            // What the user is told was decided above: a lock that cannot be freed ends by itself.
            let _ = client.release().await;
            outcome
        }
    }
}

impl BuiltInStrategy for Locked {
    const NAME: &'static str = "locked";
    const SUMMARY: &'static str =
        "a lock in Redis (SET NX EX) around check, pay, insert: losers are refused at once";

    fn options() -> Vec<OptionOf<Self>> {
        let acquire = OptionOf::one_of(
            ("acquire", "HOW"),
            "How the lock is acquired",
            lock_options::ACQUIRES,
            |it: &mut Self| &mut it.options.acquire,
        );
        let lock_value = OptionOf::one_of(
            ("lock-value", "WHAT"),
            "Value stored in the lock",
            lock_options::LOCK_VALUES,
            |it: &mut Self| &mut it.options.value,
        );
        let on_busy = OptionOf::parsed(
            ("on-busy", "WHAT"),
            "What a user does when the seat is locked",
            |it: &mut Self| &mut it.options.on_busy,
        );
        let renew = OptionOf::switch(
            "renew",
            "A watchdog extends the lock while its holder lives",
            |it: &mut Self| &mut it.options.renew,
        );
        let fence = OptionOf::one_of(
            ("fence", "WHERE"),
            "Where the database compares the lock's token",
            lock_options::FENCES,
            |it: &mut Self| &mut it.options.fence,
        );
        let unique = OptionOf::switch(
            "unique",
            "UNIQUE(seat) beneath the lock: belt and braces",
            |it: &mut Self| &mut it.options.unique,
        );
        let release = OptionOf::one_of(
            ("release", "HOW"),
            "How the lock is released",
            lock_options::RELEASES,
            |it: &mut Self| &mut it.options.release,
        );
        let release_order = OptionOf::one_of(
            ("release-order", "WHEN"),
            "Leave the insert in an open transaction, and release the lock before or after its commit",
            lock_options::RELEASE_ORDERS,
            |it: &mut Self| &mut it.options.release_order,
        );
        vec![
            acquire,
            lock_value,
            on_busy.with_values(lock_options::ON_BUSY),
            renew,
            fence,
            unique,
            release.common(),
            release_order,
            options::ttl(|it| &mut it.ttl),
        ]
    }

    fn contradiction(&self) -> Option<&'static str> {
        self.options.contradiction()
    }
}

impl Strategy for Locked {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn settings(&self) -> StrategySettings {
        self.chosen_options()
    }

    fn ttl(&self) -> Option<Ttl> {
        Some(self.ttl)
    }

    fn needs(&self) -> Needs {
        Needs {
            locks: 1,
            counts_grants: self.options.fence != super::Fence::None,
            transactions: self.options.release_order.is_some(),
            conditional_delete: self.options.release == ReleaseMode::IfEqual,
        }
    }

    fn steps(&self) -> Option<Vec<Step>> {
        Some(self.options.steps())
    }

    fn takes_over(&self) -> Option<bool> {
        Some(self.options.acquire == crate::client::AcquireMode::SetEx)
    }

    fn frees_others(&self) -> Option<bool> {
        let is_own = match self.options.release {
            ReleaseMode::CompareAndDelete | ReleaseMode::IfEqual => {
                self.options.value == super::LockValue::Request
            }
            ReleaseMode::None => true,
            ReleaseMode::Del | ReleaseMode::GetThenDel => false,
        };
        Some(!is_own)
    }

    fn is_symmetric(&self) -> bool {
        self.options.value == super::LockValue::Request
    }

    fn attempt(
        &self,
        client: &mut Client,
    ) -> impl Future<Output = Result<Outcome, StepError>> + Send {
        if self.options == LockOptions::default() {
            Either::Left(self.attempt_plain(client))
        } else {
            // Boxed: the users of the lock as it is described above are no larger for it.
            Either::Right(Box::pin(self.options.attempt(self.ttl, client)))
        }
    }
}
