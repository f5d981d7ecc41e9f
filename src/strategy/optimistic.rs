//! The seat's version is read, and must still be the same when the booking is inserted.
//!
//! 1. check: is the seat free, and which version does it have? If not free, the user is told that it
//!    is taken.
//! 2. pay, once.
//! 3. insert the booking and make the version a new one, in one transaction, if the version is still
//!    the one that was read. If it is not, begin again, as often as there are retries; at last the
//!    user is told that the seat was booked while it paid.
//!
//! No interleaving breaks it: of all users who have read one version, one writes the next; the others
//! change 0 rows (<https://martinfowler.com/eaaCatalog/optimisticOfflineLock.html>). What it does not
//! do is to spare the losers their payment.

use super::options::{self, OptionOf};
use super::{BuiltInStrategy, Strategy};
use crate::client::{Check, Client, Guard, StepError};
use crate::history::{Outcome, StrategySettings};
use crate::step::Step;

/// A compare-and-set on the seat's version.
#[derive(Debug, Clone, Copy, Default)]
pub struct Optimistic {
    /// How often a user that was overtaken begins again.
    pub retries: u32,
}

impl BuiltInStrategy for Optimistic {
    const NAME: &'static str = "optimistic";
    const SUMMARY: &'static str =
        "read the seat's version, pay, insert if it is still the same: the others have paid";

    fn options() -> Vec<OptionOf<Self>> {
        vec![options::retries(|it| &mut it.retries)]
    }
}

impl Strategy for Optimistic {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn settings(&self) -> StrategySettings {
        self.chosen_options()
    }

    fn steps(&self) -> Option<Vec<Step>> {
        Some(vec![Step::Check, Step::Pay, Step::Insert])
    }

    async fn attempt(&self, client: &mut Client) -> Result<Outcome, StepError> {
        let with_version = Check {
            reads_version: true,
            ..Check::default()
        };
        let mut has_paid = false;
        for attempt in 0..=self.retries {
            if attempt > 0 {
                client.try_again();
            }
            if !client.check_with(with_version).await?.is_done() {
                break;
            }
            if !has_paid {
                client.pay().await?;
                has_paid = true;
            }
            if client.insert_guarded(Guard::Version).await? {
                return Ok(Outcome::Confirmed);
            }
        }
        Ok(Outcome::refused(has_paid))
    }
}
