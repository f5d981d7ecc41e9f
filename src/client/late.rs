//! Requests that arrive late: their users were told that there is no reply, and went on.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::seat::UserId;
use crate::services::OnItsWay;

/// What is on its way in a race, or in an interleaving.
#[derive(Debug, Default)]
pub(crate) struct Late {
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
    pub(crate) fn take(&self, user: UserId) -> Option<OnItsWay> {
        lock(&self.held).remove(&user)
    }

    /// The connections to this lock service have ended.
    pub(crate) fn cut(&self, node: u8) {
        lock(&self.held).retain(|_, request| !request.goes_to(node));
    }

    /// Lets a request arrive after this time.
    pub(super) fn arrive_after(&self, time: Duration, request: OnItsWay) {
        lock(&self.coming).spawn(async move {
            tokio::time::sleep(time).await;
            // Refused, or cut off by a restart of its service: it is on its way no more, and its user
            // was told that nobody knows.
            let _ = request.arrive().await;
        });
    }

    /// How much of what arrives by itself is still on its way when the limit is reached.
    pub(crate) async fn all_arrived(&self, limit: impl Future<Output = ()>) -> usize {
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
