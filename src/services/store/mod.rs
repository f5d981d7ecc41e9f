//! The bookings database: who holds which seat.

mod error;
mod record;
mod request;
mod sqlite;

use tokio::sync::oneshot;

use crate::seat::{Booking, SeatId, UserId};
use crate::services::queue::{Progress, RequestQueue, ServiceReply};
use crate::step::Reply;

pub use error::StoreError;
pub(crate) use record::RunRecord;
pub(crate) use request::{
    Admin, BeginOptions, Claim, StoreRequest, StoreStep, StoreWork, TransactionWork,
};
pub use request::{Check, Guard, Insert};
pub(crate) use sqlite::{LateStatement, Obstacle, Settings, Sqlite};

/// The database that is raced on.
#[derive(Debug)]
pub(crate) enum Store {
    /// `SQLite`, in this process.
    Sqlite(Sqlite),
}

impl Store {
    /// Where users' steps wait for it.
    #[must_use]
    pub(crate) fn queue(&self) -> &RequestQueue<StoreWork> {
        match self {
            Self::Sqlite(sqlite) => sqlite.queue(),
        }
    }

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
    ///
    /// # Errors
    /// When nobody can say.
    pub(crate) async fn expire(
        &self,
        seat: SeatId,
        user: Option<UserId>,
    ) -> Result<bool, StoreError> {
        self.ask(|reply| Admin::Expire((seat, user), reply)).await?
    }

    /// Carries out a user's step where nobody moves meanwhile: it does not wait for an open transaction
    /// of the same run.
    pub(crate) async fn call_forced(&self, request: StoreRequest) -> ServiceReply {
        match self.ask(|reply| Admin::Forced(request, reply)).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => {
                self.note(&error.to_string());
                Reply::Failed.into()
            }
            Err(_) => Reply::Lost.into(),
        }
    }

    /// Sends a user's step that is carried out later.
    ///
    /// # Errors
    /// What it was answered, when it could not be held up.
    pub(crate) async fn send_late(
        &self,
        request: StoreRequest,
        obstacle: Obstacle,
    ) -> Result<LateStatement, ServiceReply> {
        match self {
            Self::Sqlite(sqlite) => sqlite.send_late(request, obstacle).await,
        }
    }

    /// Does this in the user's own transaction.
    pub(crate) async fn transact(&self, user: UserId, work: TransactionWork) -> ServiceReply {
        match self {
            Self::Sqlite(sqlite) => sqlite.transact(user, work).await,
        }
    }

    /// The user's attempt has ended: its connection goes back, and what it has not committed is undone.
    pub(crate) fn disconnect(&self, user: UserId) {
        match self {
            Self::Sqlite(sqlite) => sqlite.disconnect(user),
        }
    }

    /// The same for everybody.
    pub(crate) fn disconnect_all(&self) {
        match self {
            Self::Sqlite(sqlite) => sqlite.disconnect_all(),
        }
    }

    /// How many connections for transactions there are; `None` when it was opened without any.
    #[must_use]
    pub(crate) fn connections(&self) -> Option<usize> {
        match self {
            Self::Sqlite(sqlite) => sqlite.connections(),
        }
    }

    /// How much the transactions were answered and are owed. A user that thinks is owed nothing.
    #[must_use]
    pub(crate) fn transactions_progress(&self) -> Option<Progress> {
        match self {
            Self::Sqlite(sqlite) => sqlite.transactions_progress(),
        }
    }

    /// Ends all waiting in transactions, because nobody is answered.
    pub(crate) fn give_up_transactions(&self, why: &str) {
        match self {
            Self::Sqlite(sqlite) => sqlite.give_up_transactions(why),
        }
    }

    /// Its name.
    #[must_use]
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SQLite",
        }
    }

    /// Its version and how it is set up, for the header.
    #[must_use]
    pub(crate) fn description(&self) -> String {
        match self {
            Self::Sqlite(sqlite) => sqlite.description(),
        }
    }

    /// What went wrong first, with users' steps and then in transactions.
    #[must_use]
    pub(crate) fn first_errors(&self) -> Vec<String> {
        match self {
            Self::Sqlite(sqlite) => sqlite.first_errors(),
        }
    }

    fn note(&self, error: &str) {
        match self {
            Self::Sqlite(sqlite) => sqlite.note(error),
        }
    }

    /// Ends all waiting for it, because it answers nobody; `why` is kept as what went wrong.
    pub(crate) fn give_up(&self, why: &str) {
        match self {
            Self::Sqlite(sqlite) => sqlite.give_up(why),
        }
    }

    /// Closes the file, when no reply is wanted any more, and waits until it is closed, so that no log
    /// of it is left beside it.
    pub(crate) fn end(&self) {
        match self {
            Self::Sqlite(sqlite) => sqlite.end(),
        }
    }

    async fn ask<T>(
        &self,
        work: impl FnOnce(oneshot::Sender<T>) -> Admin,
    ) -> Result<T, StoreError> {
        let gone = || {
            let why = self.first_errors().into_iter().next();
            StoreError::Gone(why.unwrap_or_else(|| "it was given up".to_owned()))
        };
        let (reply, answer) = oneshot::channel();
        let work = StoreWork::Admin(Box::new(work(reply)));
        if !self.queue().call(work).await.reply.is_done() {
            return Err(gone());
        }
        answer.await.map_err(|_| gone())
    }
}
