//! The seat is claimed in the database for a while, paid, and confirmed: what ticket shops do.
//!
//! 1. hold: claim the seat until a time to live is over, unless it is sold (the user is told that it
//!    is taken) or somebody else's claim is still good (that it is currently being booked by someone
//!    else). A claim that has run out is taken over.
//! 2. pay.
//! 3. confirm: insert the booking if nobody else has claimed the seat since. Otherwise look once more:
//!    the user is told that the seat was booked while it paid, or, where it is not sold yet, that it is
//!    currently being booked by someone else.
//!
//! No interleaving breaks it: the database keeps one claim for a seat, and only the last who made it
//! confirms (<https://www.sqlite.org/isolation.html>). A holder that stalls past its time has paid in
//! vain if the seat was claimed meanwhile. One that crashes keeps the seat until its time is over.

use super::options::{self, OptionOf};
use super::{BuiltInStrategy, Strategy};
use crate::client::{Client, StepError, Ttl};
use crate::history::{Outcome, StrategySettings};
use crate::step::{Reply, Step};

/// A claim with an end, in the database.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hold {
    /// How long a claim is good.
    pub ttl: Ttl,
}

impl BuiltInStrategy for Hold {
    const NAME: &'static str = "hold";
    const SUMMARY: &'static str =
        "claim the seat in the database for a while, pay, confirm: what ticket shops do";

    fn options() -> Vec<OptionOf<Self>> {
        vec![options::ttl(|it| &mut it.ttl)]
    }
}

impl Strategy for Hold {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn settings(&self) -> StrategySettings {
        self.chosen_options()
    }

    fn ttl(&self) -> Option<Ttl> {
        Some(self.ttl)
    }

    fn steps(&self) -> Option<Vec<Step>> {
        Some(vec![Step::Hold, Step::Check, Step::Pay, Step::Confirm])
    }

    async fn attempt(&self, client: &mut Client) -> Result<Outcome, StepError> {
        let claimed = client.hold(self.ttl).await?;
        if claimed == Reply::Taken {
            return Ok(Outcome::Taken);
        }
        if !claimed.is_done() {
            return Ok(Outcome::Locked);
        }
        client.pay().await?;
        if client.confirm().await? {
            return Ok(Outcome::Confirmed);
        }
        // Whoever has claimed the seat since may not have booked it, and perhaps never will.
        Ok(if client.check().await? {
            Outcome::Locked
        } else {
            Outcome::Conflict
        })
    }
}
