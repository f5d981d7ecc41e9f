//! Whose turn is it? Where steps wait when an interleaving is forced.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use crate::history::{Outcome, Reply, Step};
use crate::seat::UserId;

/// What users say to whoever forces an interleaving on them.
#[derive(Debug)]
pub enum Word {
    /// A user is about to take a step, and waits.
    Asks {
        /// Who.
        user: UserId,
        /// Which step.
        step: Step,
        /// On which of several lock services, from 0; 0 for a step that asks none.
        node: u8,
        /// Where its turn is given; dropped, the user waits for ever.
        go: oneshot::Sender<Turn>,
    },
    /// A user's step was answered.
    Did {
        /// Who.
        user: UserId,
        /// What the service said, also when the user is not to know.
        reply: Reply,
    },
    /// A user was told its outcome.
    Ended {
        /// Who.
        user: UserId,
        /// What it was told.
        outcome: Outcome,
    },
}

/// How a user may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Take the step.
    Act,
    /// Take the step, and do not learn what it was answered.
    ActUnanswered,
    /// The request of the step is lost.
    LoseRequest,
    /// The request of the step is late: it is kept until its turn comes.
    SendLate,
    /// Stay where you are while what you hold for a time runs out; ask for a turn again after that.
    Stall,
    /// Give the attempt up.
    Stop,
}

/// Where steps wait for their turn.
#[derive(Debug, Clone)]
pub struct Turnstile {
    words: mpsc::UnboundedSender<Word>,
    /// Those who have stalled since they last began to take locks.
    stalled: Arc<Mutex<HashSet<UserId>>>,
}

impl Turnstile {
    /// A turnstile, and the other end where its words are heard.
    #[must_use]
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Word>) {
        let (words, receiver) = mpsc::unbounded_channel();
        let stalled = Arc::default();
        (Self { words, stalled }, receiver)
    }

    /// Says something to whoever is still listening.
    pub fn say(&self, word: Word) {
        // Nobody listens when the schedule is over; the users go on by themselves then.
        let _ = self.words.send(word);
    }

    /// The user's turn. A user whose turn never comes waits for ever, as one that has crashed.
    pub(super) async fn turn(&self, user: UserId, step: Step, node: u8) -> Turn {
        let (go, turn) = oneshot::channel();
        self.say(Word::Asks {
            user,
            step,
            node,
            go,
        });
        match turn.await {
            Ok(turn) => turn,
            Err(_) => std::future::pending().await,
        }
    }

    /// Whatever the user had for a time is over, or it begins anew.
    pub(super) fn set_stalled(&self, user: UserId, is_stalled: bool) {
        let mut stalled = self.stalled.lock().unwrap_or_else(PoisonError::into_inner);
        if is_stalled {
            stalled.insert(user);
        } else {
            stalled.remove(&user);
        }
    }

    /// Whether whatever the user had for a time is over.
    pub(super) fn has_stalled(&self, user: UserId) -> bool {
        let stalled = self.stalled.lock().unwrap_or_else(PoisonError::into_inner);
        stalled.contains(&user)
    }
}
