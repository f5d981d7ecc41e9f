//! Check, pay and insert inside one transaction.
//!
//! 1. begin. Who finds the database busy for longer than the busy timeout begins again, as often as
//!    there are retries.
//! 2. check: is the seat free? If not, the user is told that it is taken.
//! 3. pay, once.
//! 4. insert, commit. A database that is busy, or a look that is out of date, undoes it all: begin
//!    again, as often as there are retries.
//! 5. at last look once more: the user is told that the seat was booked while it paid, or, where it is
//!    still free, that its attempt failed. `SQLite` has one lock for all seats: whoever was in the way
//!    may have booked another.
//!
//! A begin whose reply was lost is undone too, as by closing the connection.
//!
//! No interleaving breaks it on `SQLite` under WAL. IMMEDIATE and EXCLUSIVE have one writer from their
//! beginning: the losers wait, for as long as the winner pays. DEFERRED is safe only by error: both see
//! a free seat, and the insert of the second is refused because what it saw is out of date
//! (<https://www.sqlite.org/isolation.html>, <https://www.sqlite.org/rescode.html#busy_snapshot>).

use std::time::Duration;

use super::options::{self, NamedValues, OptionOf, OptionRole};
use super::{BuiltInStrategy, Strategy};
use crate::client::{Check, Client, Insert, Isolation, StepError};
use crate::history::{Outcome, StrategySettings};
use crate::step::{Reply, Step};

/// Ways to begin a transaction by name.
const BEGINS: &NamedValues<Isolation> = &[
    (
        "immediate",
        Isolation::SingleWriter,
        "one writer from the beginning: the others wait",
    ),
    (
        "deferred",
        Isolation::Snapshot,
        "a reader until it writes: refused if what it read is out of date by then",
    ),
    (
        "exclusive",
        Isolation::Exclusive,
        "as immediate; without WAL, nobody else reads either",
    ),
];

/// Check, pay and insert inside one transaction.
#[derive(Debug, Clone, Copy)]
pub struct Transaction {
    /// How it begins.
    pub isolation: Isolation,
    /// How long it may wait for another's.
    pub busy_timeout: Duration,
    /// How often a user that found the database busy begins again.
    pub retries: u32,
}

impl Transaction {
    /// The usual busy timeout.
    pub const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

    /// Checks, pays, inserts and commits; `None` when the database was busy.
    async fn book(
        self,
        client: &mut Client,
        has_paid: &mut bool,
    ) -> Result<Option<Outcome>, StepError> {
        let inside = Check {
            transaction: Some(self.isolation),
            ..Check::default()
        };
        let looked = client.check_with(inside).await?;
        if looked == Reply::Taken {
            return Ok(Some(Outcome::refused(*has_paid)));
        }
        if !looked.is_done() {
            return Ok(None);
        }
        if !*has_paid {
            client.pay().await?;
            *has_paid = true;
        }
        let inside = Insert {
            transaction: Some(self.isolation),
            ..Insert::default()
        };
        let inserted = client.insert_with(inside).await?;
        if inserted == Reply::Conflict {
            return Ok(Some(Outcome::Conflict));
        }
        let is_booked = inserted.is_done() && client.commit().await?;
        Ok(is_booked.then_some(Outcome::Confirmed))
    }
}

impl Default for Transaction {
    fn default() -> Self {
        Self {
            isolation: Isolation::default(),
            busy_timeout: Self::BUSY_TIMEOUT,
            retries: 0,
        }
    }
}

impl BuiltInStrategy for Transaction {
    const NAME: &'static str = "transaction";
    const SUMMARY: &'static str =
        "check, pay, insert in one transaction: the others wait, or get an error";

    fn options() -> Vec<OptionOf<Self>> {
        let begin = OptionOf::one_of(
            ("begin", "HOW"),
            "How the transaction begins",
            BEGINS,
            |it: &mut Self| &mut it.isolation,
        );
        let busy_timeout = OptionOf::time(
            "busy-timeout",
            "How long to wait for another transaction",
            |it: &mut Self| &mut it.busy_timeout,
        );
        vec![
            begin.common(),
            busy_timeout.with_role(OptionRole::WithinTimeout),
            options::retries(|it| &mut it.retries),
        ]
    }
}

impl Strategy for Transaction {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn settings(&self) -> StrategySettings {
        self.chosen_options()
    }

    fn needs(&self) -> super::Needs {
        super::Needs {
            transactions: true,
            ..super::Needs::default()
        }
    }

    fn steps(&self) -> Option<Vec<Step>> {
        Some(vec![
            Step::Begin,
            Step::Check,
            Step::Pay,
            Step::Insert,
            Step::Commit,
            Step::Rollback,
        ])
    }

    async fn attempt(&self, client: &mut Client) -> Result<Outcome, StepError> {
        let mut has_paid = false;
        for attempt in 0..=self.retries {
            if attempt > 0 {
                client.try_again();
            }
            match client
                .begin_transaction(self.isolation, self.busy_timeout)
                .await
            {
                Ok(true) => {}
                Ok(false) => continue,
                Err(StepError::Lost) => {
                    // It may have begun.
                    let _ = client.rollback().await;
                    return Err(StepError::Lost);
                }
                Err(error) => return Err(error),
            }
            let booked = self.book(client, &mut has_paid).await;
            if booked != Ok(Some(Outcome::Confirmed)) {
                // What was not committed must not stay open, whatever went wrong.
                let _ = client.rollback().await;
            }
            if let Some(outcome) = booked? {
                return Ok(outcome);
            }
        }
        if !has_paid {
            return Ok(Outcome::Failed);
        }
        // Whoever was in the way may have written on another seat.
        Ok(if client.check().await? {
            Outcome::Failed
        } else {
            Outcome::Conflict
        })
    }
}
