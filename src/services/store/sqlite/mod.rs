//! The bookings in `SQLite`, served by one thread that shares a commit among those who wait.
//!
//! Everything that waits is carried out in the order it arrived, up to [`GROUP_MAX`] statements in
//! one transaction, and answered only after the commit that holds it. A user's insert is sent only
//! after its check was answered, so the two never share a transaction: the race is all there.

mod late;
mod schema;
mod seats;
mod session;
mod thread;
mod transactions;

pub use late::{LateStatement, Obstacle};
pub use transactions::{BeginHow, Transactions, Work};

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use super::StoreError;
use super::record::RunRecord;
use super::request::StoreRequest;
use crate::seat::{Booking, SeatId};
use crate::services::queue::{
    Answer, CallError, FirstError, Progress, RequestId, RequestQueue, Response,
};
use late::LateStatements;
use session::{CurrentRun, is_busy};
use thread::StoreThread;

/// The most statements in one commit: beyond it the gain is below the noise.
const GROUP_MAX: usize = 1024;

/// How long the end of a run waits for the file to be closed.
pub(super) const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// How the database is used.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The file.
    pub path: PathBuf,
    /// The most statements that share a commit; 1 gives each its own.
    pub group_max: usize,
}

impl Settings {
    /// The file at `path`, with statements that wait together committed together.
    #[must_use]
    pub fn group_commit(path: PathBuf) -> Self {
        Self {
            path,
            group_max: GROUP_MAX,
        }
    }

    /// The file at `path`, with a commit for each statement.
    #[must_use]
    pub fn commit_each(path: PathBuf) -> Self {
        Self { path, group_max: 1 }
    }
}

/// The bookings database.
#[derive(Debug)]
pub struct Sqlite {
    queue: Arc<RequestQueue<QueuedRequest, Response>>,
    path: PathBuf,
    journal_mode: String,
    trouble: FirstError,
    place: Arc<CurrentRun>,
    late: LateStatements,
    is_closed: Mutex<std::sync::mpsc::Receiver<()>>,
    waking: AbortHandle,
}

#[derive(Debug)]
pub(super) enum QueuedRequest {
    User(StoreRequest),
    /// Boxed: a million users' requests are no larger for it.
    Admin(Box<Admin>),
}

/// What is no user's step.
#[derive(Debug)]
pub(super) enum Admin {
    Begin(RunRecord, oneshot::Sender<rusqlite::Result<()>>),
    Bookings(oneshot::Sender<rusqlite::Result<Vec<Booking>>>),
    Claims(oneshot::Sender<rusqlite::Result<Vec<Claim>>>),
    /// A user's step that an interleaving forces.
    Forced(StoreRequest, oneshot::Sender<rusqlite::Result<Response>>),
}

/// A claim on an unsold seat that is still good, and how long it will be.
pub type Claim = (SeatId, Duration);

pub(super) type Batch = Vec<(RequestId, QueuedRequest)>;
type Replies = Vec<(RequestId, Answer<Response>)>;

impl Sqlite {
    /// Opens the database and warms it: statements prepared, a first page written.
    ///
    /// # Errors
    /// [`StoreError`] when the file is not ours, or cannot be written.
    pub async fn open(settings: Settings) -> Result<Self, StoreError> {
        let queue = Arc::new(RequestQueue::default());
        let (trouble, place) = (FirstError::default(), Arc::<CurrentRun>::default());
        let (replies, outbox) = mpsc::unbounded_channel();
        let (ready, is_ready) = oneshot::channel();
        let (closed, is_closed) = std::sync::mpsc::channel::<()>();
        let path = settings.path.clone();
        let server = StoreThread {
            queue: Arc::clone(&queue),
            replies,
            trouble: trouble.clone(),
            place: Arc::clone(&place),
            group_max: settings.group_max,
        };
        std::thread::Builder::new()
            .name("racesim-sqlite".to_owned())
            .spawn(move || {
                server.run(&settings.path, ready);
                drop(closed);
            })
            .map_err(StoreError::Thread)?;
        let journal_mode = is_ready
            .await
            .map_err(|_| StoreError::Gone("it did not start".to_owned()))??;
        tokio::spawn(deliver(Arc::clone(&queue), outbox));
        let waking_queue = Arc::clone(&queue);
        let waking = tokio::spawn(async move { waking_queue.wake_thread().await }).abort_handle();
        let late = LateStatements::new(&path, &place, &trouble);
        Ok(Self {
            queue,
            path,
            journal_mode,
            trouble,
            place,
            late,
            is_closed: Mutex::new(is_closed),
            waking,
        })
    }

    /// Starts a new run; the bookings from here on belong to it.
    ///
    /// # Errors
    /// When the run cannot be written.
    pub async fn begin(&self, record: RunRecord) -> Result<(), StoreError> {
        self.control(|reply| Admin::Begin(record, reply)).await
    }

    /// Hands a user's step in.
    pub fn submit(&self, request: StoreRequest) -> RequestId {
        self.queue.submit(QueuedRequest::User(request))
    }

    /// Hands a user's step in and waits for its answer.
    ///
    /// # Errors
    /// [`CallError`] when the store has failed.
    pub async fn call(&self, request: StoreRequest) -> Answer<Response> {
        self.queue.call(QueuedRequest::User(request)).await
    }

    /// Sends a user's step that is carried out later.
    ///
    /// # Errors
    /// What it was answered, when it could not be held up.
    pub async fn send_late(
        &self,
        request: StoreRequest,
        obstacle: Obstacle,
    ) -> Result<LateStatement, Answer<Response>> {
        self.late.send(request, obstacle).await
    }

    /// Carries out a user's step where nobody moves meanwhile: it does not wait for an open transaction
    /// of the same run.
    ///
    /// # Errors
    /// [`CallError`] when a transaction stands against it, or the store has failed.
    pub async fn call_forced(&self, request: StoreRequest) -> Answer<Response> {
        let answer = self.control(|reply| Admin::Forced(request, reply)).await;
        answer.map_err(|error| match error {
            StoreError::Sqlite { source, .. } if is_busy(&source) => CallError::Failed,
            StoreError::Gone(_) => CallError::Lost,
            error => {
                self.trouble.note(error.to_string());
                CallError::Failed
            }
        })
    }

    /// Connections of their own for so many transactions at once.
    ///
    /// # Errors
    /// When they cannot be opened.
    pub fn transactions(&self, connections: usize) -> Result<Transactions, StoreError> {
        Transactions::open(&self.path, &self.place, connections)
    }

    /// The reply to a request, once it is there.
    pub fn poll(&self, id: RequestId, cx: &mut Context<'_>) -> Poll<Answer<Response>> {
        self.queue.poll(id, cx)
    }

    /// Nobody waits for this reply any more.
    pub fn abandon(&self, id: RequestId) {
        self.queue.abandon(id);
    }

    /// Makes room for so many users who wait at once.
    pub fn make_room_for(&self, users: usize) {
        self.queue.make_room_for(users);
    }

    /// The rows of this run in the order they arrived, as a connection of its own sees them: only
    /// what is committed counts.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn bookings(&self) -> Result<Vec<Booking>, StoreError> {
        self.control(Admin::Bookings).await
    }

    /// The claims on unsold seats of this run that are still good.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn claims(&self) -> Result<Vec<Claim>, StoreError> {
        self.control(Admin::Claims).await
    }

    /// The version of `SQLite` and how it is set up, for the header.
    #[must_use]
    pub fn description(&self) -> String {
        let journal_mode = self.journal_mode.to_uppercase();
        format!("SQLite {} ({journal_mode})", rusqlite::version())
    }

    /// What went wrong first; `None` when nothing did.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.trouble.first()
    }

    /// How much it has answered and owes.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.queue.progress()
    }

    /// Carries out nothing more of what users wait for.
    pub fn halt(&self) {
        self.queue.halt();
    }

    /// Closes the file, when no reply is wanted any more, and waits until it is closed, so that no log
    /// of it is left beside it.
    pub fn end(&self) {
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

    /// Ends all waiting for it, because it answers nobody; `why` is kept as its trouble.
    pub fn give_up(&self, why: &str) {
        self.trouble.note(why.to_owned());
        self.queue.close();
    }

    async fn control<T>(
        &self,
        control: impl FnOnce(oneshot::Sender<rusqlite::Result<T>>) -> Admin,
    ) -> Result<T, StoreError> {
        let gone = || {
            StoreError::Gone(
                self.trouble()
                    .unwrap_or_else(|| "it was given up".to_owned()),
            )
        };
        let (reply, answer) = oneshot::channel();
        let request = QueuedRequest::Admin(Box::new(control(reply)));
        let acknowledged = self.queue.call(request).await;
        acknowledged.map_err(|_| gone())?;
        let result = answer.await.map_err(|_| gone())?;
        result.map_err(|source| schema::failure(&self.path, source))
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.queue.close();
        self.waking.abort();
        self.wait_until_closed();
    }
}

/// Hands the replies on from a task of the runtime, where waking a user is cheap.
async fn deliver(
    queue: Arc<RequestQueue<QueuedRequest, Response>>,
    mut outbox: mpsc::UnboundedReceiver<Replies>,
) {
    while let Some(replies) = outbox.recv().await {
        queue.deliver(replies);
    }
}
