//! Whose turn is it? Where steps wait when an interleaving is forced.

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
    /// Give the attempt up.
    Stop,
}

/// Where steps wait for their turn.
#[derive(Debug, Clone)]
pub struct Turnstile(mpsc::UnboundedSender<Word>);

impl Turnstile {
    /// A turnstile, and the other end where its words are heard.
    #[must_use]
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Word>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Says something to whoever is still listening.
    pub fn say(&self, word: Word) {
        // Nobody listens when the schedule is over; the users go on by themselves then.
        let _ = self.0.send(word);
    }

    /// The user's turn. A user whose turn never comes waits for ever, as one that has crashed.
    pub(super) async fn turn(&self, user: UserId, step: Step) -> Turn {
        let (go, turn) = oneshot::channel();
        self.say(Word::Asks { user, step, go });
        match turn.await {
            Ok(turn) => turn,
            Err(_) => std::future::pending().await,
        }
    }
}
