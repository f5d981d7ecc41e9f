//! The store's thread: one connection, which carries out in groups what users ask for.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::batch::{Batch, ReplyBatch};
use super::connection::{StoreConnection, is_busy, prepare};
use super::current_run::CurrentRun;
use super::schema;
use crate::services::queue::{FirstError, RequestId, RequestQueue};
use crate::services::store::{StoreError, StoreWork};
use crate::step::Reply;

/// So long the replies to one group may wait for those to the next while more requests wait: waking
/// the runtime for each costs a tenth of what a small commit does. A slow disk holds nobody up.
const REPLY_DELAY: Duration = Duration::from_micros(300);

/// The store's thread.
pub(super) struct StoreThread {
    pub(super) queue: Arc<RequestQueue<StoreWork>>,
    pub(super) replies: mpsc::UnboundedSender<ReplyBatch>,
    pub(super) first_error: FirstError,
    pub(super) current: Arc<CurrentRun>,
    pub(super) group_max: usize,
}

impl StoreThread {
    pub(super) fn run(self, path: &Path, ready: oneshot::Sender<Result<String, StoreError>>) {
        let (connection, journal_mode) = match prepare(path) {
            Ok(opened) => opened,
            Err(error) => return drop(ready.send(Err(error))),
        };
        match StoreConnection::new(&connection, path, Arc::clone(&self.current)) {
            Ok(session) => {
                if ready.send(Ok(journal_mode)).is_ok() {
                    self.serve(session);
                }
            }
            Err(source) => drop(ready.send(Err(schema::failure(path, source)))),
        }
    }

    fn serve(&self, mut session: StoreConnection<'_>) {
        let mut batch = Batch::new();
        while self.queue.take_blocking(&mut batch) {
            let mut waiting = batch.drain(..).peekable();
            let mut replies = ReplyBatch::new();
            let mut sent = Instant::now();
            while waiting.peek().is_some() {
                if self.queue.is_halted() && self.queue.is_closed() {
                    return;
                }
                let group: Batch = waiting.by_ref().take(self.group_max).collect();
                replies.extend(self.commit(&mut session, group));
                if sent.elapsed() < REPLY_DELAY && waiting.peek().is_some() {
                    continue;
                }
                if self.replies.send(std::mem::take(&mut replies)).is_err() {
                    return;
                }
                sent = Instant::now();
            }
        }
    }

    /// Carries out one group; when any part of it fails, all of it is rolled back and has failed.
    fn commit(&self, session: &mut StoreConnection<'_>, mut group: Batch) -> ReplyBatch {
        if self.queue.is_halted() {
            let is_admin = |work: &(RequestId, StoreWork)| matches!(work.1, StoreWork::Admin(_));
            let users;
            (group, users) = group.into_iter().partition(is_admin);
            let refused = users.into_iter().map(|(id, _)| (id, Reply::Failed.into()));
            let refused: ReplyBatch = refused.collect();
            if group.is_empty() {
                return refused;
            }
            self.queue.deliver(refused);
        }
        let ids: Vec<RequestId> = group.iter().map(|(id, _)| *id).collect();
        match session.commit(group) {
            Ok(replies) => ids.into_iter().zip(replies).collect(),
            Err(error) => {
                // What waits in vain for another user's transaction is no fault of the database.
                if !(is_busy(&error) && self.current.has_open_transactions()) {
                    self.first_error.note(error.to_string());
                }
                ids.into_iter()
                    .map(|id| (id, Reply::Failed.into()))
                    .collect()
            }
        }
    }
}
