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
mod statements;
mod thread;
mod transactions;

pub(super) use late::LateStatement;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use super::request::{StoreRequest, StoreWork};
use super::transactions::{CLOSE_LIMIT, Transactions};
use super::{StoreError, StoreOptions};
use crate::plan::Commit;
use crate::services::pace::Pace;
use crate::services::queue::{FirstError, RequestQueue, ServiceReply};
use batch::ReplyBatch;
use current_run::CurrentRun;
use late::LateStatements;
use thread::StoreThread;

/// The most statements in one commit: beyond it the gain is below the noise.
const GROUP_MAX: usize = 1024;

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
    pub(super) async fn open(path: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        let queue = Arc::new(RequestQueue::default());
        let (first_error, current) = (FirstError::default(), Arc::<CurrentRun>::default());
        let (replies, outbox) = mpsc::unbounded_channel();
        let (ready, is_ready) = oneshot::channel();
        let (closed, is_closed) = std::sync::mpsc::channel::<()>();
        let file = path.to_owned();
        let server = StoreThread {
            queue: Arc::clone(&queue),
            replies,
            first_error: first_error.clone(),
            current: Arc::clone(&current),
            group_max: match options.commit {
                Commit::Group => GROUP_MAX,
                Commit::Each => 1,
            },
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
        let late = LateStatements::new(path, &current, &first_error);
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
        if options.transactions > 0 {
            let opened = transactions::open(path, &current, options.transactions);
            sqlite.transactions = Some(opened?);
        }
        Ok(sqlite)
    }

    pub(super) fn queue(&self) -> &RequestQueue<StoreWork> {
        &self.queue
    }

    pub(super) async fn send_late(
        &self,
        request: StoreRequest,
        pace: Pace,
    ) -> Result<LateStatement, ServiceReply> {
        self.late.send(request, pace).await
    }

    pub(super) fn transactions(&self) -> Option<&Transactions> {
        self.transactions.as_ref()
    }

    pub(super) fn first_error(&self) -> &FirstError {
        &self.first_error
    }

    pub(super) fn description(&self) -> String {
        let journal_mode = self.journal_mode.to_uppercase();
        format!("SQLite {} ({journal_mode})", rusqlite::version())
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
