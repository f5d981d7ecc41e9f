//! A user as the model sees it: the replies it has had, and what follows from them.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{PoisonError, RwLock};

use super::room::narrow;
use crate::client::{Client, PendingStep, Script, outcome_of, poll_once};
use crate::history::{Outcome, Reply, ReplyKind, Step};
use crate::seat::SeatId;
use crate::strategy::Strategy;

/// The replies to one user, three bits each, the first in the lowest bits. A reply stands by its place
/// among those that its step can have, so that three bits are enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(in crate::explore) struct Replies(u128);

/// The codes of the replies that any step can have; those of its own follow.
const FAILED: u8 = 1;
const LOST: u8 = 2;

/// The code of this reply to this step.
fn code_of(step: Step, reply: Reply) -> u8 {
    match reply.kind() {
        ReplyKind::Failed => FAILED,
        ReplyKind::Lost => LOST,
        ReplyKind::Done | ReplyKind::Refused => {
            let place = step.replies().iter().position(|own| *own == reply);
            place.map_or(LOST, |place| LOST + 1 + narrow(place))
        }
    }
}

/// The reply to this step with this code.
fn reply_of(step: Step, code: u8) -> Reply {
    match code {
        FAILED => Reply::Failed,
        code => {
            let place = code.checked_sub(LOST + 1).map(usize::from);
            let own = place.and_then(|place| step.replies().get(place));
            own.copied().unwrap_or(Reply::Lost)
        }
    }
}

impl Replies {
    /// So many bits has each.
    const BITS: u32 = 3;

    /// So many fit.
    const MAX: usize = 42;

    pub(in crate::explore) fn len(self) -> usize {
        let bits = u128::BITS - self.0.leading_zeros();
        usize::try_from(bits.div_ceil(Self::BITS)).unwrap_or(Self::MAX)
    }

    fn is_full(self) -> bool {
        self.len() >= Self::MAX
    }

    fn push(&mut self, step: Step, reply: Reply) {
        self.0 |= u128::from(code_of(step, reply)) << (3 * self.len());
    }

    /// The first so many.
    const fn first(self, many: usize) -> Self {
        if many >= Self::MAX {
            return self;
        }
        Self(self.0 & ((1 << (3 * many)) - 1))
    }

    /// The code of the reply at this place.
    fn code(self, at: usize) -> u8 {
        u8::try_from((self.0 >> (3 * at)) & 0b111).unwrap_or(LOST)
    }
}

/// One user of a state.
#[derive(Debug, Clone, Copy)]
pub(in crate::explore) struct User {
    pub(in crate::explore) replies: Replies,
    /// After how many replies it abandoned its attempt.
    pub(in crate::explore) gave_up_after: Option<u8>,
    /// What it does next, derived from the above.
    pub(in crate::explore) next: Next,
}

/// What a user does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::explore) enum Next {
    /// It asks for this step.
    Asks(PendingStep),
    /// It was told this.
    Ended(Outcome),
    /// It has crashed.
    Crashed,
    /// It is beyond what the model can follow.
    Lost,
}

/// What a user does next follows from its replies, but for one that has crashed. What follows
/// need not be hashed.
impl User {
    fn key(&self) -> (Replies, Option<u8>, bool) {
        (self.replies, self.gave_up_after, self.next == Next::Crashed)
    }
}

impl PartialEq for User {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for User {}

impl Hash for User {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl User {
    /// Whether it may still do something.
    pub(in crate::explore) const fn is_running(&self) -> bool {
        matches!(self.next, Next::Asks(_))
    }

    /// Whether it has taken a step.
    pub(in crate::explore) const fn has_started(&self) -> bool {
        self.replies.0 != 0
    }

    /// What it was told; `None` when it has not come to its end.
    pub(in crate::explore) const fn outcome(&self) -> Option<Outcome> {
        match self.next {
            Next::Ended(outcome) => Some(outcome),
            Next::Asks(_) | Next::Crashed | Next::Lost => None,
        }
    }
}

/// A strategy as a machine: from the replies so far to the next step.
///
/// The strategy's future is polled anew from its start, with the replies as its script. What follows
/// from a script never changes and there are few scripts, so each is polled once.
#[derive(Debug)]
pub(in crate::explore) struct Machine<S> {
    strategy: S,
    seat: SeatId,
    known: RwLock<HashMap<(Replies, Option<u8>), Next>>,
}

impl<S: Strategy> Machine<S> {
    pub(in crate::explore) fn new(strategy: S, seat: SeatId) -> Self {
        Self {
            strategy,
            seat,
            known: RwLock::default(),
        }
    }

    /// A user who has not done anything yet.
    pub(in crate::explore) fn fresh(&self) -> User {
        let mut user = User {
            replies: Replies::default(),
            gave_up_after: None,
            next: Next::Lost,
        };
        user.next = self.next(user.replies, None);
        user
    }

    /// The user after this reply to the step that it waits for.
    pub(in crate::explore) fn after(&self, user: User, reply: Reply) -> User {
        let Next::Asks(pending) = user.next else {
            return user;
        };
        if user.replies.is_full() {
            return User {
                next: Next::Lost,
                ..user
            };
        }
        let mut replies = user.replies;
        replies.push(pending.step(), reply);
        User {
            replies,
            next: self.next(replies, user.gave_up_after),
            ..user
        }
    }

    /// The user after it has abandoned its attempt.
    pub(in crate::explore) fn giving_up(&self, user: User) -> User {
        let gave_up_after = u8::try_from(user.replies.len()).ok();
        User {
            gave_up_after,
            next: self.next(user.replies, gave_up_after),
            ..user
        }
    }

    /// What the user did next when it had had its first so many replies.
    pub(in crate::explore) fn next_after(&self, user: &User, many: usize) -> Next {
        self.next_at(user.replies, user.gave_up_after, many)
    }

    fn next_at(&self, replies: Replies, gave_up_after: Option<u8>, many: usize) -> Next {
        let gave_up_after = gave_up_after.filter(|after| usize::from(*after) <= many);
        self.next(replies.first(many), gave_up_after)
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
        let script = Script::new(
            self.listed(replies, gave_up_after),
            gave_up_after.map(usize::from),
        );
        let mut client = Client::scripted(script, self.seat);
        match poll_once(self.strategy.attempt(&mut client)) {
            std::task::Poll::Ready(end) => Next::Ended(outcome_of(end)),
            std::task::Poll::Pending => client.pending_step().map_or(Next::Lost, Next::Asks),
        }
    }

    /// The replies one by one. Which step each was the reply to follows from those before it.
    fn listed(&self, replies: Replies, gave_up_after: Option<u8>) -> Vec<Reply> {
        let reply = |at| match self.next_at(replies, gave_up_after, at) {
            Next::Asks(pending) => Some(reply_of(pending.step(), replies.code(at))),
            Next::Ended(_) | Next::Crashed | Next::Lost => None,
        };
        (0..replies.len()).map_while(reply).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reply_to_every_step_comes_out_as_it_went_in() {
        for step in Step::ALL {
            let mut replies = Replies::default();
            let all = [&[Reply::Failed, Reply::Lost], step.replies()].concat();
            for reply in &all {
                replies.push(step, *reply);
            }
            assert_eq!(replies.len(), all.len());
            let listed = (0..all.len()).map(|at| reply_of(step, replies.code(at)));
            assert!(listed.eq(all.iter().copied()), "{step}");
            for many in 0..=all.len() {
                assert_eq!(replies.first(many).len(), many);
            }
        }
    }
}
