//! Watchdogs of a race: the locks that are extended at this moment.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::services::lock::Token;

/// The locks that watchdogs of a race extend at this moment, by what they are held with.
#[derive(Debug, Default)]
pub(crate) struct Watchdogs {
    tokens: Mutex<Vec<Token>>,
    /// Whether there was ever one.
    have_watched: AtomicBool,
}

impl Watchdogs {
    /// Whether any lock was ever extended by one of them.
    #[must_use]
    pub(crate) fn have_watched(&self) -> bool {
        self.have_watched.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, token: Token) {
        self.have_watched.store(true, Ordering::Relaxed);
        self.tokens().push(token);
    }

    /// Whether one of them extends locks that are held with this.
    #[must_use]
    pub(crate) fn extend(&self, token: Token) -> bool {
        self.tokens().contains(&token)
    }

    /// Whether one of them extends locks of this user, or of this person.
    pub(super) fn extend_any_of(&self, token: Token) -> bool {
        self.tokens().iter().any(|other| other.user == token.user)
    }

    pub(super) fn remove(&self, token: Token) {
        let mut tokens = self.tokens();
        if let Some(at) = tokens.iter().position(|other| *other == token) {
            tokens.swap_remove(at);
        }
    }

    fn tokens(&self) -> MutexGuard<'_, Vec<Token>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
