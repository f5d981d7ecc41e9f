//! Requests that arrive late: their users were told that there is no reply, and went on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;

use super::{How, World};
use crate::history::Step;
use crate::seat::UserId;
use crate::services::lock::{LateRequest, LockService};
use crate::services::queue::{Answer, CallError, Response};
use crate::services::store::{LateStatement, Obstacle};

use super::world::{Caller, lock_request, store_request};

/// A request on its way. Dropped, it never arrives.
#[derive(Debug)]
pub struct OnItsWay(To);

#[derive(Debug)]
enum To {
    Store(LateStatement),
    /// The lock service of this number, from 0.
    Lock(u8, LateRequest),
}

impl World {
    /// Sends a step that is carried out later. While users wait for their turns, nobody else moves.
    ///
    /// # Errors
    /// What it was answered, when it could not be held up; [`CallError::Failed`] when it was not sent.
    pub(super) async fn send_late(
        &self,
        step: Step,
        caller: Caller,
        how: How,
        is_forced: bool,
    ) -> Result<OnItsWay, Answer<Response>> {
        let unsent = Err(Err(CallError::Failed));
        if how.manner.open || !step.can_be_late() {
            return unsent;
        }
        if let Some(request) = store_request(step, caller, how) {
            let obstacle = if is_forced {
                Obstacle::OwnOrAny
            } else {
                Obstacle::Own
            };
            let sent = self.store.send_late(request, obstacle).await?;
            return Ok(OnItsWay(To::Store(sent)));
        }
        match (lock_request(step, how), self.node(how)) {
            (Some(request), Some(lock)) => {
                let sent = lock.send_late(caller.seat, caller.token, request).await;
                sent.map(|sent| OnItsWay(To::Lock(how.manner.node, sent)))
                    .or(unsent)
            }
            _ => unsent,
        }
    }
}

impl OnItsWay {
    /// Lets it arrive: what it is answered.
    ///
    /// # Errors
    /// [`CallError`] when it did not, or nobody knows.
    pub async fn arrive(self, world: &World) -> Answer<Response> {
        match self.0 {
            To::Store(statement) => statement.arrive().await,
            To::Lock(node, request) => match world.locks.get(usize::from(node)) {
                Some(lock) => LockService::arrive(lock, request).await,
                None => Err(CallError::Failed),
            },
        }
    }
}

/// What is on its way in a race, or in an interleaving.
#[derive(Debug, Default)]
pub struct Late {
    /// What arrives when it is its turn.
    held: Mutex<HashMap<UserId, OnItsWay>>,
    /// What arrives by itself.
    coming: Mutex<JoinSet<()>>,
}

impl Late {
    /// Keeps a request until it is its turn.
    pub(super) fn hold(&self, user: UserId, request: OnItsWay) {
        lock(&self.held).insert(user, request);
    }

    /// The user's request that was kept.
    pub fn take(&self, user: UserId) -> Option<OnItsWay> {
        lock(&self.held).remove(&user)
    }

    /// The connections to this lock service have ended.
    pub fn cut(&self, node: u8) {
        let is_kept = |request: &OnItsWay| !matches!(request.0, To::Lock(to, _) if to == node);
        lock(&self.held).retain(|_, request| is_kept(request));
    }

    /// Lets a request arrive after this time.
    pub(super) fn arrive_after(&self, time: Duration, request: OnItsWay, world: Arc<World>) {
        lock(&self.coming).spawn(async move {
            tokio::time::sleep(time).await;
            // Refused, or cut off by a restart of its service: it is on its way no more, and its user
            // was told that nobody knows.
            let _ = request.arrive(&world).await;
        });
    }

    /// How much of what arrives by itself is still on its way when the limit is reached.
    pub async fn all_arrived(&self, limit: impl Future<Output = ()>) -> usize {
        let mut coming = std::mem::take(&mut *lock(&self.coming));
        let arriving = async { while coming.join_next().await.is_some() {} };
        tokio::select! {
            () = arriving => 0,
            () = limit => coming.len(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
