//! A user whose services are a script: the replies that it has had so far.
//!
//! Its strategy is polled from the start, takes the replies in order, and stops at the first step
//! that has none yet. That step is what the user does next.

use std::task::{Context, Poll, Waker};

use crate::history::{Reply, Step};
use crate::store::Guard;

/// What a user was answered so far.
#[derive(Debug, Clone, Default)]
pub struct Script {
    replies: Vec<Reply>,
    gives_up_after: Option<usize>,
    cursor: usize,
    asked: Option<Asked>,
}

/// A step that waits for its reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Asked {
    /// What is asked.
    pub step: Step,
    /// Which of the user's lock requests it belongs to, from 1; 0 before the first.
    pub request: u32,
    /// What the database is to hold against a second booking.
    pub guard: Guard,
}

impl Script {
    /// A script of these replies; with `gives_up_after`, the user abandons its attempt after so
    /// many of them.
    #[must_use]
    pub fn new(replies: Vec<Reply>, gives_up_after: Option<usize>) -> Self {
        Self {
            replies,
            gives_up_after,
            cursor: 0,
            asked: None,
        }
    }

    /// Whether the user has given up by now.
    pub(super) fn has_given_up(&self) -> bool {
        self.gives_up_after
            .is_some_and(|after| self.cursor >= after)
    }

    /// The next reply, or for ever pending when there is none yet.
    pub(super) fn poll_reply(&mut self, asked: Asked) -> Poll<Reply> {
        let Some(reply) = self.replies.get(self.cursor) else {
            self.asked = Some(asked);
            return Poll::Pending;
        };
        self.cursor += 1;
        Poll::Ready(*reply)
    }

    /// The step that the strategy stopped at; `None` when it waits for something else.
    pub(super) fn asked(&self) -> Option<Asked> {
        self.asked
    }
}

/// Polls an attempt of a scripted user once. It can only be ready or wait for a reply, so nobody needs to wake it.
pub fn poll_once<T>(future: impl Future<Output = T>) -> Poll<T> {
    let mut context = Context::from_waker(Waker::noop());
    std::pin::pin!(future).poll(&mut context)
}
