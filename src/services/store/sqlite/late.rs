//! Statements that arrive late: each waits in `SQLite`'s own busy handler, on a connection of its own.
//!
//! When a statement is sent another's transaction is really open, so that `SQLite` makes it wait
//! (<https://www.sqlite.org/c3ref/busy_handler.html>). That transaction ends at once, and others go on;
//! the statement goes on waiting, as with a handler that sleeps for long, until it is its turn. Then
//! `SQLite` tries again by itself, as often as others are in the way.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::connection::{StoreConnection, prepare};
use super::current_run::CurrentRun;
use super::schema::BUSY_TIMEOUT;
use crate::services::pace::Pace;
use crate::services::queue::{FirstError, ServiceReply};
use crate::services::store::StoreError;
use crate::services::store::request::StoreRequest;
use crate::services::store::transactions::CLOSE_LIMIT;
use crate::step::Reply;

/// The most that wait at once: each has a thread and two connections.
const WAITING_MAX: usize = 32;

/// How long a statement whose turn has come waits before it is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(1);

/// A statement that was sent, and waits. Dropped, it is never carried out.
#[derive(Debug)]
pub(crate) struct LateStatement {
    go: Sender<()>,
    answer: oneshot::Receiver<ServiceReply>,
}

impl LateStatement {
    /// Lets it be carried out: what it is answered.
    pub(in crate::services::store) async fn arrive(self) -> ServiceReply {
        let Self { go, answer } = self;
        // A thread that is gone gives no answer, which is noticed.
        let _ = go.send(());
        let answer = answer.await.unwrap_or_else(|_| Reply::Lost.into());
        drop(go);
        answer
    }
}

/// Where statements that arrive late wait.
#[derive(Debug)]
pub(super) struct LateStatements {
    path: PathBuf,
    current: Arc<CurrentRun>,
    first_error: FirstError,
    room: Arc<Semaphore>,
    /// `None` once no more are taken.
    closed: Mutex<Option<Sender<()>>>,
    are_closed: Mutex<Receiver<()>>,
}

impl LateStatements {
    pub(super) fn new(path: &Path, current: &Arc<CurrentRun>, first_error: &FirstError) -> Self {
        let (closed, are_closed) = channel();
        Self {
            path: path.to_owned(),
            current: Arc::clone(current),
            first_error: first_error.clone(),
            room: Arc::new(Semaphore::new(WAITING_MAX)),
            closed: Mutex::new(Some(closed)),
            are_closed: Mutex::new(are_closed),
        }
    }

    /// Sends a statement, and waits until it waits.
    ///
    /// # Errors
    /// What it was answered, when nothing kept it from being carried out at once, or
    /// [`Reply::Failed`] when it could not be sent.
    pub(super) async fn send(
        &self,
        request: StoreRequest,
        pace: Pace,
    ) -> Result<LateStatement, ServiceReply> {
        let (Ok(permit), Some(closed)) = (
            Arc::clone(&self.room).try_acquire_owned(),
            lock(&self.closed).clone(),
        ) else {
            return Err(Reply::Failed.into());
        };
        let (go, turn) = channel();
        let (waits, is_waiting) = oneshot::channel();
        let (reply, answer) = oneshot::channel();
        let sending = Sending {
            path: self.path.clone(),
            current: Arc::clone(&self.current),
            request,
            pace,
            _permit: permit,
        };
        let first_error = self.first_error.clone();
        let thread = std::thread::Builder::new().name("racesim-late".to_owned());
        let started = thread.spawn(move || {
            let answer = sending.carry_out(waits, turn).unwrap_or_else(|error| {
                if error.sqlite_error_code() != Some(rusqlite::ErrorCode::DatabaseBusy) {
                    first_error.note(error.to_string());
                }
                Reply::Failed.into()
            });
            // The receiver may be gone.
            let _ = reply.send(answer);
            drop(closed);
        });
        match (started, is_waiting.await) {
            (Ok(_), Ok(())) => Ok(LateStatement { go, answer }),
            (Ok(_), Err(_)) => Err(answer.await.unwrap_or_else(|_| Reply::Failed.into())),
            (Err(_), _) => Err(Reply::Failed.into()),
        }
    }
}

impl LateStatements {
    /// Waits until the threads have closed the file, so that no log of it is left beside it.
    pub(super) fn close(&self) {
        lock(&self.closed).take();
        // Past the limit the disk hangs; there is nothing more to wait for.
        let _ = lock(&self.are_closed).recv_timeout(CLOSE_LIMIT);
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A statement and all that it takes to send it.
struct Sending {
    path: PathBuf,
    current: Arc<CurrentRun>,
    request: StoreRequest,
    pace: Pace,
    _permit: OwnedSemaphorePermit,
}

impl Sending {
    fn carry_out(
        self,
        waits: oneshot::Sender<()>,
        turn: Receiver<()>,
    ) -> rusqlite::Result<ServiceReply> {
        let opened = |error: StoreError| match error {
            StoreError::Failed { source, .. } => match source.downcast() {
                Ok(source) => *source,
                Err(other) => rusqlite::Error::ToSqlConversionFailure(other),
            },
            other => rusqlite::Error::ToSqlConversionFailure(Box::new(other)),
        };
        let (writer, _) = prepare(&self.path).map_err(opened)?;
        let (mut connection, _) = prepare(&self.path).map_err(opened)?;
        let obstruction = Arc::new(Mutex::new(None));
        let mut wait = Wait {
            obstruction: Arc::clone(&obstruction),
            turn,
        };
        connection.busy_handler(Some(move |_| wait.goes_on()))?;
        let mut session = StoreConnection::new(&connection, &self.path, self.current)?;
        let is_in_the_way = obstruct(&writer, self.pace)?;
        let writer = is_in_the_way.then_some(writer);
        *lock(&obstruction) = Some(Obstruction { writer, waits });
        session.alone_and_late(self.request)
    }
}

/// Begins a transaction that is in every writer's way: whether it did. Those who race are waited for;
/// where an interleaving is forced, another's may be there already, and nobody else moves meanwhile.
fn obstruct(writer: &Connection, pace: Pace) -> rusqlite::Result<bool> {
    writer.busy_timeout(match pace {
        Pace::Racing => BUSY_TIMEOUT,
        Pace::Forced => Duration::ZERO,
    })?;
    match writer.execute_batch("BEGIN IMMEDIATE") {
        Ok(()) => Ok(true),
        Err(error)
            if pace == Pace::Forced
                && error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// What is in the way of a statement until it waits.
struct Obstruction {
    /// The writer whose transaction is open; `None` when it is another's.
    writer: Option<Connection>,
    /// Where it is said that the statement waits.
    waits: oneshot::Sender<()>,
}

/// How a statement waits.
struct Wait {
    obstruction: Arc<Mutex<Option<Obstruction>>>,
    turn: Receiver<()>,
}

impl Wait {
    /// Whether the statement is to be tried again, said when it may be.
    fn goes_on(&mut self) -> bool {
        let obstruction = lock(&self.obstruction).take();
        let Some(Obstruction { writer, waits }) = obstruction else {
            let next = self.turn.recv_timeout(TRY_AGAIN);
            return next != Err(RecvTimeoutError::Disconnected);
        };
        if let Some(writer) = writer {
            // Closed, it is undone in any case.
            let _ = writer.execute_batch("ROLLBACK");
        }
        waits.send(()).is_ok() && self.turn.recv().is_ok()
    }
}
