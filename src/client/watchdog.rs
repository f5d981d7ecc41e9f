//! Watchdog: what extends the life of a user's lock, and from when to when.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::AbortHandle;

use super::context::RaceContext;
use super::recorder::{Backing, Client};
use crate::services::lock::{Token, Ttl};

/// How often a watchdog extends a lock within its life, as Redisson does
/// (<https://redisson.pro/docs/data-and-services/locks-and-synchronizers/>).
const RENEWALS: u32 = 3;

/// Extends the life of a lock from [`Client::watch`] until it is dropped, also when its user crashes.
///
/// The strategy's own code says when that is, for users who race and for those of the model alike.
#[derive(Debug)]
#[must_use = "a watchdog stops when it is dropped"]
pub struct Watchdog(Kind);

#[derive(Debug)]
enum Kind {
    /// Of a user who races.
    Live {
        task: AbortHandle,
        race: Arc<RaceContext>,
        token: Token,
    },
    /// Of a user whose services are a script: whether it is alive.
    Scripted(Arc<AtomicBool>),
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        match &self.0 {
            Kind::Live { task, race, token } => {
                task.abort();
                race.watchdogs.remove(*token);
            }
            Kind::Scripted(is_alive) => is_alive.store(false, Ordering::Relaxed),
        }
    }
}

impl Client {
    /// Extends the life of the lock for as long as the user lives and keeps the watchdog. It stalls
    /// and dies with its user.
    pub fn watch(&mut self, ttl: Ttl) -> Watchdog {
        let token = self.caller().token;
        let race = match &mut self.backing {
            Backing::Live(race) => Arc::clone(race),
            Backing::Scripted(script) => return Watchdog(Kind::Scripted(script.watch(token))),
        };
        race.watchdogs.add(token);
        let (caller, user, watched) = (self.caller(), self.user, Arc::clone(&race));
        let watching = tokio::spawn(async move {
            loop {
                tokio::time::sleep(ttl.as_duration() / RENEWALS).await;
                let faults = watched.faults.as_ref();
                if !faults.is_some_and(|faults| faults.is_stalled(user)) {
                    watched.services.renew(caller, ttl).await;
                }
            }
        });
        Watchdog(Kind::Live {
            task: watching.abort_handle(),
            race,
            token,
        })
    }
}
