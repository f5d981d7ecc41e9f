//! Transactions that stay open while their user does something else: each on a connection of its own.
//!
//! There are so many connections, as in the pool of a server; a user that begins while all are taken waits
//! for one. A connection belongs to its user for as long as a transaction is open on it, and goes back
//! to the pool at the latest when its user's attempt has ended; what is not committed then is undone.
//! What a connection is, and who serves it, is the database's affair: it takes one user after another
//! from its [`TransactionLine`].

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::request::TransactionWork;
use crate::seat::UserId;
use crate::services::queue::{FirstError, Progress, ServiceReply};
use crate::step::Reply;

/// How long the end of a run waits for the database to be closed.
pub(super) const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// Connections for transactions, lent to users.
#[derive(Debug)]
pub(crate) struct Transactions {
    /// Where users wait for a connection; `None` when the end has come.
    waiting: Mutex<Option<Sender<UserTransactions>>>,
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

/// What a user asks of its connection, one after another.
type UserTransactions = Receiver<TransactionRequest>;

struct TransactionRequest {
    work: TransactionWork,
    reply: oneshot::Sender<TransactionReply>,
}

/// What a request is answered.
pub(super) struct TransactionReply {
    pub(super) answer: ServiceReply,
    /// Whether a transaction is open after it.
    pub(super) is_open: bool,
}

impl Transactions {
    /// So many connections, and the line from which each is to take its users.
    pub(super) fn new(connections: usize) -> (Self, TransactionLine) {
        let (waiting, users) = channel();
        let vitals = Arc::<Vitals>::default();
        let (closed, are_closed) = channel();
        let line = TransactionLine {
            users: Arc::new(Mutex::new(users)),
            vitals: Arc::clone(&vitals),
            _closed: closed,
        };
        let transactions = Self {
            waiting: Mutex::new(Some(waiting)),
            open: Mutex::default(),
            vitals,
            given_up: CancellationToken::new(),
            connections,
            are_closed: Mutex::new(are_closed),
        };
        (transactions, line)
    }

    /// Does this in the user's transaction.
    pub(crate) async fn call(&self, user: UserId, work: TransactionWork) -> ServiceReply {
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
    pub(crate) const fn connections(&self) -> usize {
        self.connections
    }

    /// The user's attempt has ended: its connection goes back, and what it has not committed is undone.
    pub(crate) fn disconnect(&self, user: UserId) {
        lock(&self.open).remove(&user);
    }

    /// The same for everybody.
    pub(crate) fn disconnect_all(&self) {
        lock(&self.open).clear();
    }

    /// How much was answered and is under way. A user that thinks is owed nothing.
    pub(crate) fn progress(&self) -> Progress {
        let answered = self.vitals.answered.load(Ordering::Relaxed);
        Progress {
            answered,
            is_owing: self.vitals.begun.load(Ordering::Relaxed) > answered,
        }
    }

    /// Ends all waiting, because nobody is answered.
    pub(crate) fn give_up(&self, why: &str) {
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
    pub(crate) fn first_error(&self) -> Option<String> {
        self.vitals.first_error.first()
    }

    /// Hands a request to the user's connection, or to the first that is free when it begins; whether
    /// there is anybody to carry it out.
    fn submit(&self, user: UserId, request: TransactionRequest) -> bool {
        let mut open = lock(&self.open);
        if let Some(connection) = open.get(&user) {
            return connection.send(request).is_ok();
        }
        match request.work {
            TransactionWork::Commit | TransactionWork::Rollback => return false,
            TransactionWork::Begin(_) | TransactionWork::Step(..) => {}
        }
        let (sender, requests) = channel();
        let is_sent = sender.send(request).is_ok();
        open.insert(user, sender);
        let waiting = lock(&self.waiting);
        let is_taken = waiting
            .as_ref()
            .is_some_and(|line| line.send(requests).is_ok());
        is_sent && is_taken
    }
}

impl Drop for Transactions {
    /// Lets the connections be closed, so that no log of the database is left beside it.
    fn drop(&mut self) {
        self.end();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Users who wait for a connection, as each connection sees them. It is closed once it has dropped this.
#[derive(Clone)]
pub(super) struct TransactionLine {
    users: Arc<Mutex<Receiver<UserTransactions>>>,
    vitals: Arc<Vitals>,
    _closed: Sender<()>,
}

impl TransactionLine {
    /// Serves the next user until it is gone; `false` when there will be no more. Each of its requests
    /// goes to `act`.
    pub(super) fn serve_next(
        &self,
        mut act: impl FnMut(TransactionWork) -> TransactionReply,
    ) -> bool {
        let next = lock(&self.users).recv();
        let Ok(requests) = next else { return false };
        for request in requests {
            self.vitals.begun.fetch_add(1, Ordering::Relaxed);
            let done = act(request.work);
            self.vitals.answered.fetch_add(1, Ordering::Relaxed);
            // The receiver may be gone.
            let _ = request.reply.send(done);
        }
        true
    }

    /// Keeps what went wrong, if nothing did before.
    pub(super) fn note(&self, error: &impl ToString) {
        self.vitals.first_error.note(error.to_string());
    }
}
