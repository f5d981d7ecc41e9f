//! Transactions that stay open while their user does something else: each on a connection of its own.
//!
//! There are so many connections, as in the pool of a server; a user that begins while all are taken waits
//! for one. A connection belongs to its user for as long as a transaction is open on it, and goes back
//! to the pool at the latest when its user's attempt has ended; what is not committed then is undone.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::ffi::SQLITE_BUSY_SNAPSHOT;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::batch::CLOSE_LIMIT;
use super::connection::{StoreConnection, is_busy, prepare};
use super::current_run::CurrentRun;
use super::schema;
use crate::seat::UserId;
use crate::services::queue::{FirstError, Progress, ServiceReply};
use crate::services::store::{StoreError, TransactionWork};
use crate::step::Reply;

/// Connections, each with a thread, for transactions.
#[derive(Debug)]
pub(super) struct Transactions {
    /// Where users wait for a connection; `None` when the end has come.
    waiting: Mutex<Option<Sender<Receiver<TransactionRequest>>>>,
    open: Mutex<HashMap<UserId, Sender<TransactionRequest>>>,
    vitals: Arc<Vitals>,
    given_up: CancellationToken,
    connections: usize,
    are_closed: Mutex<Receiver<()>>,
}

/// How much was answered, and how many statements are under way.
#[derive(Debug, Default)]
struct Vitals {
    begun: AtomicU64,
    answered: AtomicU64,
    first_error: FirstError,
}

struct TransactionRequest {
    work: TransactionWork,
    reply: oneshot::Sender<TransactionReply>,
}

/// What an order is answered.
struct TransactionReply {
    answer: ServiceReply,
    /// Whether a transaction is open after it.
    is_open: bool,
}

impl Transactions {
    /// So many connections to the database.
    pub(super) fn open(
        path: &Path,
        current: &Arc<CurrentRun>,
        connections: usize,
    ) -> Result<Self, StoreError> {
        let (waiting, queue) = channel::<Receiver<TransactionRequest>>();
        let queue = Arc::new(Mutex::new(queue));
        let vitals = Arc::<Vitals>::default();
        let (closed, are_closed) = channel();
        let transactions = Self {
            waiting: Mutex::new(Some(waiting)),
            open: Mutex::default(),
            vitals: Arc::clone(&vitals),
            given_up: CancellationToken::new(),
            connections,
            are_closed: Mutex::new(are_closed),
        };
        let serving = Serving {
            path: path.to_owned(),
            current: Arc::clone(current),
            queue,
            vitals,
            closed,
        };
        // When one of them cannot be opened, those before it are closed again as these are dropped.
        let opened = (0..connections).try_for_each(|_| serving.clone().start());
        drop(serving);
        opened.map(|()| transactions)
    }

    /// Does this in the user's transaction.
    pub(super) async fn call(&self, user: UserId, work: TransactionWork) -> ServiceReply {
        let (reply, answer) = oneshot::channel();
        if !self.submit(user, TransactionRequest { work, reply }) {
            return Reply::Failed.into();
        }
        let done = self.given_up.run_until_cancelled(answer).await;
        let Some(Ok(done)) = done else {
            return Reply::Lost.into();
        };
        if !done.is_open {
            self.disconnect(user);
        }
        done.answer
    }

    /// How many connections there are.
    pub(super) const fn connections(&self) -> usize {
        self.connections
    }

    /// The user's attempt has ended: its connection goes back, and what it has not committed is undone.
    pub(super) fn disconnect(&self, user: UserId) {
        lock(&self.open).remove(&user);
    }

    /// Everybody is gone.
    pub(super) fn disconnect_all(&self) {
        lock(&self.open).clear();
    }

    /// How much was answered and is under way. A user that thinks owes nothing.
    pub(super) fn progress(&self) -> Progress {
        let answered = self.vitals.answered.load(Ordering::Relaxed);
        Progress {
            answered,
            is_owing: self.vitals.begun.load(Ordering::Relaxed) > answered,
        }
    }

    /// Ends all waiting, because nobody is answered.
    pub(super) fn give_up(&self, why: &str) {
        self.vitals.first_error.note(why);
        self.given_up.cancel();
    }

    /// Closes the connections, and waits until they are closed.
    pub(super) fn end(&self) {
        lock(&self.waiting).take();
        self.disconnect_all();
        // Past the limit the disk hangs; there is nothing more to wait for.
        let _ = lock(&self.are_closed).recv_timeout(CLOSE_LIMIT);
    }

    /// What went wrong first; `None` when nothing did.
    pub(super) fn first_error(&self) -> Option<String> {
        self.vitals.first_error.first()
    }

    /// Hands an order to the user's connection, or to the first that is free when it begins; whether
    /// there is anybody to carry it out.
    fn submit(&self, user: UserId, order: TransactionRequest) -> bool {
        let mut open = lock(&self.open);
        if let Some(connection) = open.get(&user) {
            return connection.send(order).is_ok();
        }
        if matches!(
            order.work,
            TransactionWork::Commit | TransactionWork::Rollback
        ) {
            return false;
        }
        let (sender, orders) = channel();
        let is_sent = sender.send(order).is_ok();
        open.insert(user, sender);
        let waiting = lock(&self.waiting);
        let is_taken = waiting
            .as_ref()
            .is_some_and(|line| line.send(orders).is_ok());
        is_sent && is_taken
    }
}

impl Drop for Transactions {
    /// Lets the threads close the file, so that no log of it is left beside it.
    fn drop(&mut self) {
        self.end();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What each connection needs.
#[derive(Clone)]
struct Serving {
    path: PathBuf,
    current: Arc<CurrentRun>,
    queue: Arc<Mutex<Receiver<Receiver<TransactionRequest>>>>,
    vitals: Arc<Vitals>,
    /// Dropped when the connection is closed.
    closed: Sender<()>,
}

impl Serving {
    /// Opens a connection, with a thread that serves it.
    fn start(self) -> Result<(), StoreError> {
        let (connection, _) = prepare(&self.path)?;
        let thread = std::thread::Builder::new().name("racesim-transaction".to_owned());
        let started = thread.spawn(move || {
            let Self {
                path,
                current,
                queue,
                vitals,
                closed,
            } = self;
            match StoreConnection::new(&connection, &path, current) {
                Ok(session) => serve(session, &queue, &vitals),
                Err(source) => {
                    let error = schema::failure(&path, source);
                    vitals.first_error.note(error.to_string());
                }
            }
            drop(connection);
            drop(closed);
        });
        started.map(drop).map_err(StoreError::Thread)
    }
}

/// Serves one user after another, each until it is gone.
fn serve(
    mut session: StoreConnection<'_>,
    queue: &Mutex<Receiver<Receiver<TransactionRequest>>>,
    vitals: &Vitals,
) {
    loop {
        let next = lock(queue).recv();
        let Ok(orders) = next else { return };
        for order in orders {
            vitals.begun.fetch_add(1, Ordering::Relaxed);
            let answer = understand(carry_out(&mut session, &order), vitals);
            vitals.answered.fetch_add(1, Ordering::Relaxed);
            let is_open = session.note_whether_open();
            // The receiver may be gone.
            let _ = order.reply.send(TransactionReply { answer, is_open });
        }
        if let Err(error) = session.roll_back() {
            vitals.first_error.note(error.to_string());
        }
        session.note_whether_open();
    }
}

fn carry_out(
    session: &mut StoreConnection<'_>,
    order: &TransactionRequest,
) -> rusqlite::Result<ServiceReply> {
    match order.work {
        TransactionWork::Begin(begin) => {
            session.open(begin)?;
            Ok(Reply::Begun.into())
        }
        TransactionWork::Step(request, begin) => {
            if !session.is_open() {
                session.open(begin)?;
            }
            session.answer(request)
        }
        TransactionWork::Commit => session.close().map(|()| Reply::Committed.into()),
        TransactionWork::Rollback => session.roll_back().map(|()| Reply::RolledBack.into()),
    }
}

/// A busy database is an answer (<https://www.sqlite.org/rescode.html#busy_snapshot>).
fn understand(result: rusqlite::Result<ServiceReply>, vitals: &Vitals) -> ServiceReply {
    let error = match result {
        Ok(reply) => return reply,
        Err(error) => error,
    };
    let code = error.sqlite_error().map(|error| error.extended_code);
    if code == Some(SQLITE_BUSY_SNAPSHOT) {
        return Reply::Stale.into();
    }
    if is_busy(&error) {
        return Reply::Busy.into();
    }
    vitals.first_error.note(error.to_string());
    Reply::Failed.into()
}
