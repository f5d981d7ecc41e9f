//! A user whose services are a script: the replies that it has had so far.
//!
//! Its strategy is polled from the start, takes the replies in order, and stops at the first step
//! that has none yet. That step is what the user does next.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use super::request::StepRequest;
use crate::services::lock::Token;
use crate::step::{Reply, Step};

/// What a user was answered so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    replies: Vec<Reply>,
    gives_up_after: Option<usize>,
    cursor: usize,
    asking: Option<PendingStep>,
    pending: Option<PendingStep>,
    /// The request whose lock the last watchdog extends, for as long as that is alive.
    watchdog: Option<(u8, Arc<AtomicBool>)>,
}

/// A step that waits for its reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PendingStep {
    /// What is asked.
    pub(crate) request: StepRequest,
    /// Which of the user's lock requests it belongs to, from 1; 0 before the first, and for a user
    /// whose requests are all alike.
    pub(crate) lock_request: u8,
    /// Of which of its lock requests a watchdog extends the lock meanwhile.
    pub(crate) watched: Option<u8>,
}

impl PendingStep {
    pub(super) fn new(request: StepRequest, lock_request: u32) -> Self {
        Self {
            request,
            lock_request: narrow(lock_request),
            watched: None,
        }
    }

    /// The step's name.
    #[must_use]
    pub(crate) const fn step(self) -> Step {
        self.request.step()
    }

    /// Which of several lock services is asked, from 0; 0 for a step that asks none.
    #[must_use]
    pub(crate) const fn node(self) -> u8 {
        self.request.node()
    }
}

impl Script {
    /// A script of these replies; with `gives_up_after`, the user abandons its attempt after so
    /// many of them.
    #[must_use]
    pub(crate) fn new(replies: Vec<Reply>, gives_up_after: Option<usize>) -> Self {
        Self {
            replies,
            gives_up_after,
            ..Self::default()
        }
    }

    /// Whether the user has given up by now.
    pub(super) fn has_given_up(&self) -> bool {
        self.gives_up_after
            .is_some_and(|after| self.cursor >= after)
    }

    /// The next step begins.
    pub(super) fn ask(&mut self, step: PendingStep) {
        self.asking = Some(step);
    }

    /// The reply to it; pending when there is none yet, and never woken.
    pub(super) fn poll_reply(&mut self) -> Poll<Reply> {
        let Some(reply) = self.replies.get(self.cursor) else {
            let watched = self.watched();
            self.pending = self.asking.map(|step| PendingStep { watched, ..step });
            return Poll::Pending;
        };
        self.cursor += 1;
        Poll::Ready(*reply)
    }

    /// A watchdog begins to extend the lock that is held with this; alive for as long as it is said so.
    pub(super) fn watch(&mut self, token: Token) -> Arc<AtomicBool> {
        let is_alive = Arc::new(AtomicBool::new(true));
        self.watchdog = Some((narrow(token.request), Arc::clone(&is_alive)));
        is_alive
    }

    fn watched(&self) -> Option<u8> {
        let (request, is_alive) = self.watchdog.as_ref()?;
        is_alive.load(Ordering::Relaxed).then_some(*request)
    }

    /// The step that the strategy stopped at; `None` when it waits for something else.
    pub(super) fn pending_step(&self) -> Option<PendingStep> {
        self.pending
    }
}

/// The number of a lock request as the model keeps it, which follows no user to its last.
fn narrow(number: u32) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

/// Polls an attempt of a scripted user once. It can only be ready or wait for a reply, so nobody needs to wake it.
pub(crate) fn poll_once<T>(future: impl Future<Output = T>) -> Poll<T> {
    let mut context = Context::from_waker(Waker::noop());
    std::pin::pin!(future).poll(&mut context)
}
