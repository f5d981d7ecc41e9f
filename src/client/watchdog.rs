//! Watchdogs: what extends the life of a lock, and from when to when.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

use super::live::RaceContext;
use super::{Backing, Client, How, Manner, Ttl};
use crate::services::lock::Token;

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

/// The locks that watchdogs of a race extend at this moment, by what they are held with.
#[derive(Debug, Default)]
pub struct Watchdogs {
    tokens: Mutex<Vec<Token>>,
    /// Whether there was ever one.
    have_watched: AtomicBool,
}

impl Watchdogs {
    /// Whether any lock was ever extended by one of them.
    #[must_use]
    pub fn have_watched(&self) -> bool {
        self.have_watched.load(Ordering::Relaxed)
    }

    fn add(&self, token: Token) {
        self.have_watched.store(true, Ordering::Relaxed);
        self.tokens().push(token);
    }

    /// Whether one of them extends locks that are held with this.
    #[must_use]
    pub fn extend(&self, token: Token) -> bool {
        self.tokens().contains(&token)
    }

    /// Whether one of them extends locks of this user, or of this person.
    pub(super) fn extend_any_of(&self, token: Token) -> bool {
        self.tokens().iter().any(|other| other.user == token.user)
    }

    fn remove(&self, token: Token) {
        let mut tokens = self.tokens();
        if let Some(at) = tokens.iter().position(|other| *other == token) {
            tokens.swap_remove(at);
        }
    }

    fn tokens(&self) -> MutexGuard<'_, Vec<Token>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// Extends the life of the lock for as long as the user lives and keeps the watchdog. It stalls
    /// and dies with its user.
    pub fn watch(&mut self, ttl: Ttl) -> Watchdog {
        let token = self.caller().token;
        let race = match &mut self.services {
            Backing::Live(race) => Arc::clone(race),
            Backing::Scripted(script) => return Watchdog(Kind::Scripted(script.watch(token))),
        };
        race.watchdogs.add(token);
        let how = How {
            manner: Manner::default(),
            ttl,
        };
        let (caller, user, watched) = (self.caller(), self.user, Arc::clone(&race));
        let watching = tokio::spawn(async move {
            loop {
                tokio::time::sleep(ttl.as_duration() / RENEWALS).await;
                let faults = watched.faults.as_ref();
                if !faults.is_some_and(|faults| faults.is_stalled(user)) {
                    watched.world.renew(caller, how).await;
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
