//! Check, then insert: two steps with a gap between them.
//!
//! 1. check: is the seat free? If not, the user is told that it is taken.
//! 2. pay.
//! 3. insert the booking; the user is confirmed.
//!
//! Broken by the shortest interleaving there is: A checks, B checks, A inserts, B inserts. Both were
//! told "available", and the table has no constraint that could refuse the second row.

use super::{BuiltInStrategy, Strategy};
use crate::client::{Client, StepError};
use crate::history::Outcome;
use crate::step::Step;

/// Check, then insert.
#[derive(Debug, Clone, Copy, Default)]
pub struct Naive;

impl BuiltInStrategy for Naive {
    const NAME: &'static str = "naive";
    const SUMMARY: &'static str =
        "check, pay, insert: nothing stands between two users who check at once";
}

impl Strategy for Naive {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn steps(&self) -> Option<Vec<Step>> {
        Some(vec![Step::Check, Step::Pay, Step::Insert])
    }

    fn takes_over(&self) -> Option<bool> {
        Some(false)
    }

    fn frees_others(&self) -> Option<bool> {
        Some(false)
    }

    fn promises_one_booking(&self) -> bool {
        false
    }

    fn attempt(
        &self,
        client: &mut Client,
    ) -> impl Future<Output = Result<Outcome, StepError>> + Send {
        async move {
            let is_available = client.check().await?;
            if !is_available {
                return Ok(Outcome::Taken);
            }
            client.pay().await?;
            let is_inserted = client.insert().await?;
            Ok(if is_inserted {
                Outcome::Confirmed
            } else {
                Outcome::Conflict
            })
        }
    }
}
