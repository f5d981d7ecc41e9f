//! Check, pay, insert, and a UNIQUE constraint that has the last word.
//!
//! 1. check: is the seat free? If not, the user is told that it is taken.
//! 2. pay.
//! 3. insert the booking under UNIQUE(seat). The database refuses the second row for a seat: that
//!    user is told that the seat was booked while it paid.
//!
//! No interleaving breaks it, whatever is lost or crashes: the constraint is looked at by the insert
//! itself (<https://www.sqlite.org/lang_createtable.html#unique_constraints>). What it does not do is
//! to spare the losers their payment.

use super::{BuiltInStrategy, Strategy};
use crate::client::{Client, Guard, StepError};
use crate::history::Outcome;
use crate::step::Step;

/// A UNIQUE constraint on the seat.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unique;

impl BuiltInStrategy for Unique {
    const NAME: &'static str = "unique";
    const SUMMARY: &'static str =
        "check, pay, insert under UNIQUE(seat): the database refuses the second, who has paid";
}

impl Strategy for Unique {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn steps(&self) -> Option<Vec<Step>> {
        Some(vec![Step::Check, Step::Pay, Step::Insert])
    }

    async fn attempt(&self, client: &mut Client) -> Result<Outcome, StepError> {
        if !client.check().await? {
            return Ok(Outcome::Taken);
        }
        client.pay().await?;
        Ok(if client.insert_guarded(Guard::Unique).await? {
            Outcome::Confirmed
        } else {
            Outcome::Conflict
        })
    }
}
