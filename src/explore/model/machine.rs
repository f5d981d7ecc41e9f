//! A strategy as a machine: from what has happened to a user to its next step.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use super::past::{Listed, Pasts, UserEvent};
use super::user::{Next, PastId, User};
use crate::client::{Client, Script, outcome_of, poll_once};
use crate::history::Reply;
use crate::seat::SeatId;
use crate::strategy::Strategy;

/// An attempt of more replies is not followed.
const REPLIES_MAX: usize = 42;

/// A strategy as a machine: from what has happened to a user to its next step.
///
/// The strategy's future is polled anew from its start, with the replies as its script. What follows
/// from a script never changes and there are few scripts, so each is polled once.
#[derive(Debug)]
pub(in crate::explore) struct Machine<S> {
    strategy: S,
    seat: SeatId,
    pasts: Mutex<Pasts>,
}

impl<S: Strategy> Machine<S> {
    pub(in crate::explore) fn new(strategy: S, seat: SeatId) -> Self {
        let next = poll(&strategy, seat, Listed::default());
        Self {
            strategy,
            seat,
            pasts: Mutex::new(Pasts::new(next)),
        }
    }

    /// A user who has not done anything yet.
    pub(in crate::explore) fn fresh(&self) -> User {
        self.pasts().user(PastId::NONE)
    }

    /// The user after this reply to the step that it waits for.
    pub(in crate::explore) fn after(&self, user: User, reply: Reply) -> User {
        let mut pasts = self.pasts();
        if !user.is_running() {
            return user;
        }
        if pasts.replies(user.past) >= REPLIES_MAX {
            return User {
                next: Next::Lost,
                ..user
            };
        }
        self.user_after(&mut pasts, user, UserEvent::Replied(reply))
    }

    /// The user after it has abandoned its attempt.
    pub(in crate::explore) fn giving_up(&self, user: User) -> User {
        self.user_after(&mut self.pasts(), user, UserEvent::GaveUp)
    }

    /// What the user did next when it had had its first so many replies.
    pub(in crate::explore) fn next_after(&self, user: &User, replies: usize) -> Next {
        let pasts = self.pasts();
        pasts.user(pasts.with_replies(user.past, replies)).next
    }

    /// How many replies the user has had.
    pub(in crate::explore) fn replies(&self, user: &User) -> usize {
        self.pasts().replies(user.past)
    }

    /// Whether the user has abandoned its attempt.
    pub(in crate::explore) fn has_given_up(&self, user: &User) -> bool {
        self.pasts().has_given_up(user.past)
    }

    fn user_after(&self, pasts: &mut Pasts, user: User, event: UserEvent) -> User {
        let known = pasts.after(user.past, event);
        let past = known.unwrap_or_else(|| {
            let listed = pasts.listed(user.past, Some(event));
            let next = poll(&self.strategy, self.seat, listed);
            pasts.add(user.past, event, next)
        });
        pasts.user(past)
    }

    fn pasts(&self) -> MutexGuard<'_, Pasts> {
        self.pasts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a user does next to whom this has happened.
fn poll<S: Strategy>(strategy: &S, seat: SeatId, listed: Listed) -> Next {
    let script = Script::new(listed.replies, listed.gave_up_after);
    let mut client = Client::scripted(script, seat);
    match poll_once(strategy.attempt(&mut client)) {
        Poll::Ready(end) => Next::Ended(outcome_of(end)),
        Poll::Pending => client.pending_step().map_or(Next::Lost, Next::Asks),
    }
}
