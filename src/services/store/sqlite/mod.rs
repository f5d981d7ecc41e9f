//! The bookings in `SQLite`, served by one thread that shares a commit among those who wait.
//!
//! Everything that waits is carried out in the order it arrived, up to [`GROUP_MAX`] statements in
//! one transaction, and answered only after the commit that holds it. A user's insert is sent only
//! after its check was answered, so the two never share a transaction: the race is all there.

mod admin;
mod batch;
mod connection;
mod current_run;
mod late;
mod schema;
mod seats;
mod thread;
mod transactions;

pub(crate) use late::{LateStatement, Obstacle};

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use super::StoreError;
use super::{StoreRequest, StoreWork, TransactionWork};
use crate::seat::UserId;
use crate::services::queue::{FirstError, Progress, RequestQueue, ServiceReply};
use crate::step::Reply;
use batch::{CLOSE_LIMIT, ReplyBatch};
use current_run::CurrentRun;
use late::LateStatements;
use thread::StoreThread;
use transactions::Transactions;

/// The most statements in one commit: beyond it the gain is below the noise.
const GROUP_MAX: usize = 1024;

/// How the database is used.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The file.
    pub(crate) path: PathBuf,
    /// The most statements that share a commit; 1 gives each its own.
    pub(crate) group_max: usize,
    /// How many transactions can be open at once.
    pub(crate) transactions: usize,
}

impl Settings {
    /// The file at `path`, with statements that wait together committed together.
    #[must_use]
    pub(crate) fn group_commit(path: PathBuf) -> Self {
        Self {
            path,
            group_max: GROUP_MAX,
            transactions: 0,
        }
    }

    /// The file at `path`, with a commit for each statement.
    #[must_use]
    pub(crate) fn commit_each(path: PathBuf) -> Self {
        Self {
            path,
            group_max: 1,
            transactions: 0,
        }
    }
}

/// The bookings database.
#[derive(Debug)]
pub(crate) struct Sqlite {
    queue: Arc<RequestQueue<StoreWork>>,
    journal_mode: String,
    first_error: FirstError,
    late: LateStatements,
    /// Connections for transactions; `None` when no strategy of the run opens one.
    transactions: Option<Transactions>,
    is_closed: Mutex<std::sync::mpsc::Receiver<()>>,
    waking: AbortHandle,
}

impl Sqlite {
    /// Opens the database and warms it: statements prepared, a first page written.
    ///
    /// # Errors
    /// [`StoreError`] when the file is not ours, or cannot be written.
    pub(crate) async fn open(settings: Settings) -> Result<Self, StoreError> {
        let queue = Arc::new(RequestQueue::default());
        let (first_error, current) = (FirstError::default(), Arc::<CurrentRun>::default());
        let (replies, outbox) = mpsc::unbounded_channel();
        let (ready, is_ready) = oneshot::channel();
        let (closed, is_closed) = std::sync::mpsc::channel::<()>();
        let (path, file) = (settings.path.clone(), settings.path.clone());
        let server = StoreThread {
            queue: Arc::clone(&queue),
            replies,
            first_error: first_error.clone(),
            current: Arc::clone(&current),
            group_max: settings.group_max,
        };
        std::thread::Builder::new()
            .name("racesim-sqlite".to_owned())
            .spawn(move || {
                server.run(&file, ready);
                drop(closed);
            })
            .map_err(StoreError::Thread)?;
        let journal_mode = is_ready
            .await
            .map_err(|_| StoreError::Gone("it did not start".to_owned()))??;
        tokio::spawn(deliver(Arc::clone(&queue), outbox));
        let waking_queue = Arc::clone(&queue);
        let waking = tokio::spawn(async move { waking_queue.wake_thread().await }).abort_handle();
        let late = LateStatements::new(&path, &current, &first_error);
        let connections = settings.transactions;
        let mut sqlite = Self {
            queue,
            journal_mode,
            first_error,
            late,
            transactions: None,
            is_closed: Mutex::new(is_closed),
            waking,
        };
        // Opened last: when that fails, what was started before is closed as the store is dropped.
        if connections > 0 {
            sqlite.transactions = Some(Transactions::open(&path, &current, connections)?);
        }
        Ok(sqlite)
    }

    pub(super) fn queue(&self) -> &RequestQueue<StoreWork> {
        &self.queue
    }

    pub(super) async fn send_late(
        &self,
        request: StoreRequest,
        obstacle: Obstacle,
    ) -> Result<LateStatement, ServiceReply> {
        self.late.send(request, obstacle).await
    }

    pub(super) async fn transact(&self, user: UserId, work: TransactionWork) -> ServiceReply {
        match &self.transactions {
            Some(transactions) => transactions.call(user, work).await,
            None => Reply::Failed.into(),
        }
    }

    pub(super) fn disconnect(&self, user: UserId) {
        if let Some(transactions) = &self.transactions {
            transactions.disconnect(user);
        }
    }

    pub(super) fn disconnect_all(&self) {
        if let Some(transactions) = &self.transactions {
            transactions.disconnect_all();
        }
    }

    pub(super) fn connections(&self) -> Option<usize> {
        self.transactions.as_ref().map(Transactions::connections)
    }

    pub(super) fn transactions_progress(&self) -> Option<Progress> {
        self.transactions.as_ref().map(Transactions::progress)
    }

    pub(super) fn give_up_transactions(&self, why: &str) {
        if let Some(transactions) = &self.transactions {
            transactions.give_up(why);
        }
    }

    pub(super) fn description(&self) -> String {
        let journal_mode = self.journal_mode.to_uppercase();
        format!("SQLite {} ({journal_mode})", rusqlite::version())
    }

    pub(super) fn first_errors(&self) -> Vec<String> {
        let transactions = self.transactions.as_ref();
        let in_transactions = transactions.and_then(Transactions::first_error);
        self.first_error
            .first()
            .into_iter()
            .chain(in_transactions)
            .collect()
    }

    pub(super) fn end(&self) {
        if let Some(transactions) = &self.transactions {
            transactions.end();
        }
        self.queue.end();
        self.wait_until_closed();
    }

    fn wait_until_closed(&self) {
        self.late.close();
        let is_closed = self
            .is_closed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Past the limit the disk hangs; there is nothing more to wait for.
        let _ = is_closed.recv_timeout(CLOSE_LIMIT);
    }

    pub(super) fn note(&self, error: &str) {
        self.first_error.note(error);
    }

    pub(super) fn give_up(&self, why: &str) {
        self.note(why);
        self.queue.close();
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        // Their connections are closed before the store's, which is then the last to leave the file.
        drop(self.transactions.take());
        self.queue.close();
        self.waking.abort();
        self.wait_until_closed();
    }
}

/// Hands the replies on from a task of the runtime, where waking a user is cheap.
async fn deliver(
    queue: Arc<RequestQueue<StoreWork>>,
    mut outbox: mpsc::UnboundedReceiver<ReplyBatch>,
) {
    while let Some(replies) = outbox.recv().await {
        queue.deliver(replies);
    }
}
