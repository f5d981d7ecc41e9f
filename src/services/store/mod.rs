//! The bookings database: who holds which seat.
//!
//! A database lends its queue of users' steps, its connections for transactions and the first thing that
//! went wrong; what is done with these is the same for every database.

mod choice;
mod error;
mod late;
mod record;
mod request;
mod sqlite;
mod transactions;

use std::path::Path;

use tokio::sync::oneshot;

use crate::seat::{Booking, SeatId, UserId};
use crate::services::pace::Pace;
use crate::services::queue::{FirstError, RequestQueue, ServiceReply};
use crate::step::Reply;

pub use choice::DatabaseChoice;
pub(crate) use choice::StoreOptions;
pub use error::StoreError;
pub(crate) use late::LateStep;
pub(crate) use record::RunRecord;
pub(crate) use request::{
    Admin, BeginOptions, Claim, StoreRequest, StoreStep, StoreWork, TransactionWork,
};
pub use request::{Check, Guard, Insert};
use sqlite::Sqlite;
pub(crate) use transactions::Transactions;

/// The database that is raced on.
#[derive(Debug)]
pub(crate) enum Store {
    /// `SQLite`, in this process.
    Sqlite(Sqlite),
}

impl Store {
    /// Opens the database; a temporary one lies in the folder of the run.
    ///
    /// # Errors
    /// When it is not ours, or cannot be used.
    pub(crate) async fn open(
        choice: &DatabaseChoice,
        folder: Option<&Path>,
        options: StoreOptions,
    ) -> Result<Self, StoreError> {
        let path = match choice {
            DatabaseChoice::Temporary => {
                let folder = folder.ok_or_else(|| StoreError::Gone("it has no file".to_owned()));
                folder?.join("race.db")
            }
            DatabaseChoice::File(file) => file.clone(),
        };
        Sqlite::open(&path, options).await.map(Self::Sqlite)
    }

    /// Where users' steps wait for it.
    pub(crate) fn queue(&self) -> &RequestQueue<StoreWork> {
        match self {
            Self::Sqlite(sqlite) => sqlite.queue(),
        }
    }

    /// Its connections for transactions; `None` when it was opened without any.
    pub(crate) fn transactions(&self) -> Option<&Transactions> {
        match self {
            Self::Sqlite(sqlite) => sqlite.transactions(),
        }
    }

    /// What went wrong first outside of transactions.
    fn first_error(&self) -> &FirstError {
        match self {
            Self::Sqlite(sqlite) => sqlite.first_error(),
        }
    }

    /// Sends a user's step that is carried out later.
    ///
    /// # Errors
    /// What it was answered, when it could not be held up.
    pub(crate) async fn send_late(
        &self,
        request: StoreRequest,
        pace: Pace,
    ) -> Result<LateStep, ServiceReply> {
        match self {
            Self::Sqlite(sqlite) => sqlite.send_late(request, pace).await.map(LateStep::Sqlite),
        }
    }

    /// Its name.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SQLite",
        }
    }

    /// Its version and how it is set up, for the header.
    pub(crate) fn description(&self) -> String {
        match self {
            Self::Sqlite(sqlite) => sqlite.description(),
        }
    }

    /// Closes it, when no reply is wanted any more, and waits until it is closed, so that no log of it is
    /// left beside its file.
    pub(crate) fn end(&self) {
        match self {
            Self::Sqlite(sqlite) => sqlite.end(),
        }
    }
}

impl Store {
    /// Starts a new run; the bookings from here on belong to it.
    ///
    /// # Errors
    /// When the run cannot be written.
    pub(crate) async fn begin(&self, record: RunRecord) -> Result<(), StoreError> {
        self.ask(|reply| Admin::Begin(record, reply)).await?
    }

    /// The rows of this run in the order they arrived, as a connection of its own sees them: only
    /// what is committed counts.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(crate) async fn bookings(&self) -> Result<Vec<Booking>, StoreError> {
        self.ask(Admin::Bookings).await?
    }

    /// The claims on unsold seats of this run that are still good.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(crate) async fn claims(&self) -> Result<Vec<Claim>, StoreError> {
        self.ask(Admin::Claims).await?
    }

    /// Ends the time of the claim on a seat, this user's or anybody's: whether there was one.
    pub(crate) async fn expire(&self, seat: SeatId, user: Option<UserId>) -> bool {
        match self.ask(|reply| Admin::Expire((seat, user), reply)).await {
            Ok(Ok(is_over)) => is_over,
            Ok(Err(error)) => {
                self.first_error().note(error.to_string());
                false
            }
            // A store that is gone says so in its next answer.
            Err(_) => false,
        }
    }

    /// Carries out a user's step where nobody moves meanwhile: it does not wait for an open transaction
    /// of the same run.
    pub(crate) async fn call_forced(&self, request: StoreRequest) -> ServiceReply {
        match self.ask(|reply| Admin::Forced(request, reply)).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => {
                self.first_error().note(error.to_string());
                Reply::Failed.into()
            }
            Err(_) => Reply::Lost.into(),
        }
    }

    /// Does this in the user's own transaction.
    pub(crate) async fn transact(&self, user: UserId, work: TransactionWork) -> ServiceReply {
        match self.transactions() {
            Some(transactions) => transactions.call(user, work).await,
            None => Reply::Failed.into(),
        }
    }

    /// What went wrong first, with users' steps and then in transactions.
    pub(crate) fn first_errors(&self) -> Vec<String> {
        let in_transactions = self.transactions().and_then(Transactions::first_error);
        let first = self.first_error().first();
        first.into_iter().chain(in_transactions).collect()
    }

    /// Ends all waiting for it, because it answers nobody; `why` is kept as what went wrong.
    pub(crate) fn give_up(&self, why: &str) {
        self.first_error().note(why);
        self.queue().close();
    }

    async fn ask<T>(
        &self,
        work: impl FnOnce(oneshot::Sender<T>) -> Admin,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let work = StoreWork::Admin(Box::new(work(reply)));
        self.queue().call_aside(work, answer).await.ok_or_else(|| {
            let why = self.first_errors().into_iter().next();
            StoreError::Gone(why.unwrap_or_else(|| "it was given up".to_owned()))
        })
    }
}
