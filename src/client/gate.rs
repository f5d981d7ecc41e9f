//! The gate: where steps wait for their turn when an interleaving is forced.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use crate::history::Outcome;
use crate::seat::UserId;
use crate::step::{Reply, Step};

/// What users say to whoever forces an interleaving on them.
#[derive(Debug)]
pub(crate) enum GateEvent {
    /// A user is about to take a step, and waits.
    Waits {
        /// Who.
        user: UserId,
        /// Which step.
        step: Step,
        /// On which of several lock services, from 0; 0 for a step that asks none.
        node: u8,
        /// Where its turn is given; dropped, the user waits for ever.
        go: oneshot::Sender<Permit>,
    },
    /// A user's step was answered.
    Answered {
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
pub(crate) enum Permit {
    /// Take the step.
    Act,
    /// Take the step, and do not learn what it was answered.
    ActUnanswered,
    /// The request of the step is lost.
    LoseRequest,
    /// The request of the step is late: it is kept until its turn comes.
    SendLate,
    /// Stay where you are while what you hold for a time expires; ask for a turn again after that.
    Stall,
    /// Give the attempt up.
    Stop,
}

/// Where steps wait for their turn.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    events: mpsc::UnboundedSender<GateEvent>,
    /// Those who have stalled since they last began to take locks.
    stalled: Arc<Mutex<HashSet<UserId>>>,
}

impl Gate {
    /// A gate, and the other end where its events are heard.
    #[must_use]
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<GateEvent>) {
        let (events, receiver) = mpsc::unbounded_channel();
        let stalled = Arc::default();
        (Self { events, stalled }, receiver)
    }

    /// Says something to whoever is still listening.
    pub(crate) fn report(&self, event: GateEvent) {
        // Nobody listens when the schedule is over; the users go on by themselves then.
        let _ = self.events.send(event);
    }

    /// The user's turn. A user whose turn never comes waits for ever, as one that has crashed.
    pub(super) async fn pass(&self, user: UserId, step: Step, node: u8) -> Permit {
        let (go, permit) = oneshot::channel();
        self.report(GateEvent::Waits {
            user,
            step,
            node,
            go,
        });
        match permit.await {
            Ok(permit) => permit,
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
