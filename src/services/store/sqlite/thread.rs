//! The store's thread: one connection, which carries out in groups what users ask for.

use std::iter::Peekable;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::batch::{Batch, CommitGroup, ReplyBatch};
use super::connection::{StoreConnection, is_busy, prepare};
use super::current_run::CurrentRun;
use super::schema;
use crate::services::queue::{FirstError, RequestId, RequestQueue};
use crate::services::store::StoreError;
use crate::services::store::request::{StoreRequest, StoreWork};
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
                let steps = std::iter::from_fn(|| next_step(&mut waiting));
                let group: CommitGroup = steps.take(self.group_max).collect();
                if !group.is_empty() {
                    replies.extend(self.commit(&mut session, group));
                } else if let Some((id, StoreWork::Admin(admin))) = waiting.next() {
                    session.administer(*admin);
                    self.queue.done_aside(id);
                }
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
    fn commit(&self, session: &mut StoreConnection<'_>, group: CommitGroup) -> ReplyBatch {
        let (ids, steps): (Vec<RequestId>, Vec<StoreRequest>) = group.into_iter().unzip();
        let refused = |id| (id, Reply::Failed.into());
        if self.queue.is_halted() {
            return ids.into_iter().map(refused).collect();
        }
        match session.commit(&steps) {
            Ok(replies) => ids.into_iter().zip(replies).collect(),
            Err(error) => {
                // What waits in vain for another user's transaction is no fault of the database.
                if !(is_busy(&error) && self.current.has_open_transactions()) {
                    self.first_error.note(error.to_string());
                }
                ids.into_iter().map(refused).collect()
            }
        }
    }
}

/// The next that waits, if it is a user's step.
fn next_step(
    waiting: &mut Peekable<impl Iterator<Item = (RequestId, StoreWork)>>,
) -> Option<(RequestId, StoreRequest)> {
    let (id, StoreWork::User(request)) = waiting.peek()? else {
        return None;
    };
    let step = (*id, *request);
    waiting.next();
    Some(step)
}
