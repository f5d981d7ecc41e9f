//! A lock on a majority of independent Redis servers around check, pay, insert.
//!
//! 1. acquire on every node, one after another, with one value: `SET lock:seat:{id} {value} NX PX
//!    {ttl}`. A node that does not answer counts as one that refused.
//! 2. validate: most nodes have granted it, and of the time to live, less an allowance for clocks that
//!    drift apart, some is left. Otherwise release on all nodes and begin again after a random delay,
//!    as often as there are retries; at last the user is told that the seat is currently being booked
//!    by someone else.
//! 3. check, pay, insert, exactly as [`Naive`] does.
//! 4. release on all nodes.
//!
//! As <https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/> describes it. No
//! interleaving of users breaks it, and one node may forget everything only where another majority
//! cannot be had. What breaks it is what breaks one lock: a user that stalls past the time to live
//! after it has validated
//! (<https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html>), and a node that
//! restarts without its locks and gives the majority away a second time.

use std::time::Duration;

use super::options::{self, OptionOf, OptionRole};
use super::{BuiltInStrategy, Naive, Needs, Strategy};
use crate::client::{Acquire, AcquireMode, Client, Patience, ReleaseCommand, StepError, Ttl};
use crate::history::{Outcome, StrategySettings};
use crate::step::Step;

/// A lock on a majority of independent Redis servers.
#[derive(Debug, Clone, Copy)]
pub struct Redlock {
    /// How long a lock lives on a node when nobody frees it.
    pub ttl: Ttl,
    /// How many nodes there are, 1 to 5.
    pub nodes: u8,
    /// How often a user that was refused tries again.
    pub retries: u32,
}

impl Redlock {
    /// How many nodes there are when nothing is said.
    pub const NODES: u8 = 5;

    /// How often a user tries again when nothing is said.
    pub const RETRIES: u32 = 3;

    /// A hundredth of the time to live and two milliseconds, as in the algorithm's own libraries.
    fn drift(self) -> Duration {
        self.ttl.as_duration() / 100 + Duration::from_millis(2)
    }

    /// Asks every node: whether most of them have granted the lock.
    async fn acquire(self, client: &mut Client) -> Result<bool, StepError> {
        client.new_request();
        let mut granted = 0;
        for node in 0..self.nodes {
            let how = Acquire {
                ttl: self.ttl,
                mode: AcquireMode::SetNxPx,
                is_fenced: false,
            };
            match client.acquire_on(node, how).await {
                Ok(is_granted) => granted += u8::from(is_granted),
                Err(StepError::Stopped) => return Err(StepError::Stopped),
                Err(StepError::Failed | StepError::Lost) => {}
            }
        }
        Ok(granted > self.nodes / 2)
    }

    /// Frees the lock on every node, also on those that seemed to refuse it.
    async fn release(self, client: &mut Client) {
        for node in 0..self.nodes {
            // A lock that cannot be freed ends by itself.
            let _ = client.release_on(node, ReleaseCommand::default()).await;
        }
    }

    /// One try; `None` when it was refused.
    async fn once(self, client: &mut Client) -> Result<Option<Outcome>, StepError> {
        let since = client.now();
        if !self.acquire(client).await? {
            return Ok(None);
        }
        let valid = self.ttl.as_duration().saturating_sub(self.drift());
        if !client.validate(since, valid).await? {
            return Ok(None);
        }
        Naive.attempt(client).await.map(Some)
    }
}

impl Default for Redlock {
    fn default() -> Self {
        Self {
            ttl: Ttl::default(),
            nodes: Self::NODES,
            retries: Self::RETRIES,
        }
    }
}

impl BuiltInStrategy for Redlock {
    const NAME: &'static str = "redlock";
    const SUMMARY: &'static str =
        "a lock on a majority of independent Redis servers around check, pay, insert";

    fn options() -> Vec<OptionOf<Self>> {
        let nodes = OptionOf::number(
            "nodes",
            "Number of Redis nodes",
            ("a number of servers", 1..=5),
            |it: &mut Self| &mut it.nodes,
        );
        vec![
            nodes.common().with_role(OptionRole::CountsServers),
            options::retries(|it: &mut Self| &mut it.retries)
                .always_shown()
                .in_search("0"),
            options::ttl(|it| &mut it.ttl),
        ]
    }
}

impl Strategy for Redlock {
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
            locks: self.nodes,
            ..Needs::default()
        }
    }

    fn steps(&self) -> Option<Vec<Step>> {
        let may_wait = (self.retries > 0).then_some(Step::Wait);
        let tried = [Step::Acquire, Step::Validate].into_iter().chain(may_wait);
        let booked = [Step::Check, Step::Pay, Step::Insert, Step::Release];
        Some(tried.chain(booked).collect())
    }

    async fn attempt(&self, client: &mut Client) -> Result<Outcome, StepError> {
        // As often as there are retries, however long that takes.
        let mut patience = Patience::new(Duration::MAX);
        for attempt in 0..=self.retries {
            let tried = self.once(client).await;
            self.release(client).await;
            if let Some(outcome) = tried? {
                return Ok(outcome);
            }
            if attempt == self.retries || !client.wait(&mut patience).await? {
                break;
            }
            client.try_again();
        }
        Ok(Outcome::Locked)
    }
}
