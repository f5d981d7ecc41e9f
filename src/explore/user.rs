//! A user as the model sees it: the replies it has had, and what follows from them.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use crate::client::{Asked, Client, Script, poll_once, told};
use crate::history::{Outcome, Reply};
use crate::seat::SeatId;
use crate::strategy::Strategy;

/// The replies of one user, four bits each, the first in the lowest bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Replies(u128);

/// Every reply that a script can hold; its code is its place, from 1.
const CODES: [Reply; 11] = [
    Reply::Granted,
    Reply::Held,
    Reply::Available,
    Reply::Taken,
    Reply::Paid,
    Reply::Inserted,
    Reply::Conflict,
    Reply::Released,
    Reply::NotHeld,
    Reply::Failed,
    Reply::Lost,
];

impl Replies {
    /// So many fit into the bits.
    const MAX: usize = 32;

    pub(super) fn len(self) -> usize {
        let bits = u128::BITS - self.0.leading_zeros();
        usize::try_from(bits.div_ceil(4)).unwrap_or(Self::MAX)
    }

    fn is_full(self) -> bool {
        self.len() >= Self::MAX
    }

    fn push(&mut self, reply: Reply) {
        let code = CODES
            .iter()
            .position(|other| *other == reply)
            .unwrap_or(CODES.len() - 1)
            + 1;
        let code = u128::try_from(code).unwrap_or(0);
        self.0 |= code << (4 * self.len());
    }

    fn list(self) -> Vec<Reply> {
        let code = |at: usize| usize::try_from((self.0 >> (4 * at)) & 0xf).unwrap_or(0);
        (0..self.len())
            .filter_map(|at| CODES.get(code(at).wrapping_sub(1)).copied())
            .collect()
    }
}

/// One user of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct User {
    pub(super) replies: Replies,
    /// After how many replies it abandoned its attempt.
    pub(super) gave_up_after: Option<u8>,
    /// What it does next, derived from the above.
    pub(super) next: Next,
}

/// What a user does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Next {
    /// It asks for this step.
    Asks(Asked),
    /// It was told this.
    Ended(Outcome),
    /// It has crashed.
    Crashed,
    /// It is beyond what the model can follow.
    Lost,
}

impl User {
    /// Whether it may still do something.
    pub(super) const fn is_running(&self) -> bool {
        matches!(self.next, Next::Asks(_))
    }

    /// Whether it has taken a step.
    pub(super) const fn has_started(&self) -> bool {
        self.replies.0 != 0
    }

    /// What it was told; `None` when it has not come to its end.
    pub(super) const fn outcome(&self) -> Option<Outcome> {
        match self.next {
            Next::Ended(outcome) => Some(outcome),
            _ => None,
        }
    }
}

/// A strategy as a machine: from the replies so far to the next step.
///
/// The strategy's future is polled anew from its start, with the replies as its script. What follows
/// from a script never changes and there are few scripts, so each is polled once.
#[derive(Debug)]
pub(super) struct Machine<S> {
    strategy: S,
    seat: SeatId,
    known: RwLock<HashMap<(Replies, Option<u8>), Next>>,
}

impl<S: Strategy> Machine<S> {
    pub(super) fn new(strategy: S, seat: SeatId) -> Self {
        Self {
            strategy,
            seat,
            known: RwLock::default(),
        }
    }

    /// A user who has not done anything yet.
    pub(super) fn fresh(&self) -> User {
        let mut user = User {
            replies: Replies::default(),
            gave_up_after: None,
            next: Next::Lost,
        };
        user.next = self.next(user.replies, None);
        user
    }

    /// The user after this reply.
    pub(super) fn after(&self, user: User, reply: Reply) -> User {
        if user.replies.is_full() {
            return User {
                next: Next::Lost,
                ..user
            };
        }
        let mut replies = user.replies;
        replies.push(reply);
        User {
            replies,
            next: self.next(replies, user.gave_up_after),
            ..user
        }
    }

    /// The user after it has abandoned its attempt.
    pub(super) fn giving_up(&self, user: User) -> User {
        let gave_up_after = u8::try_from(user.replies.len()).ok();
        User {
            gave_up_after,
            next: self.next(user.replies, gave_up_after),
            ..user
        }
    }

    fn next(&self, replies: Replies, gave_up_after: Option<u8>) -> Next {
        let key = (replies, gave_up_after);
        let known = self
            .known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .copied();
        known.unwrap_or_else(|| {
            let next = self.poll(replies, gave_up_after);
            self.known
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(key, next);
            next
        })
    }

    fn poll(&self, replies: Replies, gave_up_after: Option<u8>) -> Next {
        let script = Script::new(replies.list(), gave_up_after.map(usize::from));
        let mut client = Client::scripted(script, self.seat);
        match poll_once(self.strategy.attempt(&mut client)) {
            std::task::Poll::Ready(end) => Next::Ended(told(end)),
            std::task::Poll::Pending => client.asked().map_or(Next::Lost, Next::Asks),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_come_out_as_they_went_in() {
        let mut replies = Replies::default();
        for reply in CODES {
            replies.push(reply);
        }
        assert_eq!(
            (replies.list(), replies.len()),
            (CODES.to_vec(), CODES.len())
        );
    }
}
