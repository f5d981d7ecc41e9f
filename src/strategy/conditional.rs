//! Pay, then one statement that looks and inserts.
//!
//! 1. pay.
//! 2. `INSERT … SELECT … WHERE NOT EXISTS (…)`: the booking is inserted only if the seat has none.
//!    Otherwise the user is told that the seat was booked while it paid.
//!
//! No interleaving breaks it on `SQLite`, which has one writer at a time
//! (<https://www.sqlite.org/isolation.html>): nobody inserts between the look and the insert. On a
//! database with several writers, such as `PostgreSQL` below SERIALIZABLE, two such statements can
//! both see an empty seat, and both insert.

use super::{BuiltInStrategy, Strategy};
use crate::client::{Client, Guard, StepError};
use crate::history::Outcome;
use crate::step::Step;

/// One statement that looks and inserts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Conditional;

impl BuiltInStrategy for Conditional {
    const NAME: &'static str = "conditional";
    const SUMMARY: &'static str =
        "pay, then INSERT … WHERE NOT EXISTS: one statement looks and inserts";
}

impl Strategy for Conditional {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn steps(&self) -> Option<Vec<Step>> {
        Some(vec![Step::Pay, Step::Insert])
    }

    async fn attempt(&self, client: &mut Client) -> Result<Outcome, StepError> {
        client.pay().await?;
        Ok(if client.insert_guarded(Guard::NotExists).await? {
            Outcome::Confirmed
        } else {
            Outcome::Conflict
        })
    }
}
