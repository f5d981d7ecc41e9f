//! A user as the model sees it: the answers it has had, and what follows from them.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{PoisonError, RwLock};

use crate::client::{Asked, Client, Script, outcome_of, poll_once};
use crate::history::Outcome;
use crate::seat::SeatId;
use crate::services::queue::{Answer, CallError, Said};
use crate::strategy::Strategy;

/// The answers to one user, three bits each, the first in the lowest bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(in crate::explore) struct Answers(u128);

/// Every answer that a script can hold; its code is its place, from 1.
const CODES: [Answer<Said>; 6] = [
    Ok(Said::Yes),
    Ok(Said::No),
    Ok(Said::Busy),
    Ok(Said::Stale),
    Err(CallError::Failed),
    Err(CallError::Lost),
];

impl Answers {
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

    fn push(&mut self, answer: Answer<Said>) {
        let place = CODES.iter().position(|other| *other == answer);
        let code = u128::try_from(place.unwrap_or(CODES.len() - 1) + 1).unwrap_or(0);
        self.0 |= code << (3 * self.len());
    }

    /// The first so many.
    const fn first(self, many: usize) -> Self {
        if many >= Self::MAX {
            return self;
        }
        Self(self.0 & ((1 << (3 * many)) - 1))
    }

    fn list(self) -> Vec<Answer<Said>> {
        let code = |at: usize| usize::try_from((self.0 >> (3 * at)) & 0b111).unwrap_or(0);
        (0..self.len())
            .filter_map(|at| CODES.get(code(at).wrapping_sub(1)).copied())
            .collect()
    }
}

/// One user of a state.
#[derive(Debug, Clone, Copy)]
pub(in crate::explore) struct User {
    pub(in crate::explore) answers: Answers,
    /// After how many answers it abandoned its attempt.
    pub(in crate::explore) gave_up_after: Option<u8>,
    /// What it does next, derived from the above.
    pub(in crate::explore) next: Next,
}

/// What a user does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::explore) enum Next {
    /// It asks for this step.
    Asks(Asked),
    /// It was told this.
    Ended(Outcome),
    /// It has crashed.
    Crashed,
    /// It is beyond what the model can follow.
    Lost,
}

/// What a user does next follows from what it was answered, but for one that has crashed. What follows
/// need not be hashed.
impl User {
    fn key(&self) -> (Answers, Option<u8>, bool) {
        (self.answers, self.gave_up_after, self.next == Next::Crashed)
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
        self.answers.0 != 0
    }

    /// What it was told; `None` when it has not come to its end.
    pub(in crate::explore) const fn outcome(&self) -> Option<Outcome> {
        match self.next {
            Next::Ended(outcome) => Some(outcome),
            _ => None,
        }
    }
}

/// A strategy as a machine: from the answers so far to the next step.
///
/// The strategy's future is polled anew from its start, with the answers as its script. What follows
/// from a script never changes and there are few scripts, so each is polled once.
#[derive(Debug)]
pub(in crate::explore) struct Machine<S> {
    strategy: S,
    seat: SeatId,
    known: RwLock<HashMap<(Answers, Option<u8>), Next>>,
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
            answers: Answers::default(),
            gave_up_after: None,
            next: Next::Lost,
        };
        user.next = self.next(user.answers, None);
        user
    }

    /// The user after this answer.
    pub(in crate::explore) fn after(&self, user: User, answer: Answer<Said>) -> User {
        if user.answers.is_full() {
            return User {
                next: Next::Lost,
                ..user
            };
        }
        let mut answers = user.answers;
        answers.push(answer);
        User {
            answers,
            next: self.next(answers, user.gave_up_after),
            ..user
        }
    }

    /// The user after it has abandoned its attempt.
    pub(in crate::explore) fn giving_up(&self, user: User) -> User {
        let gave_up_after = u8::try_from(user.answers.len()).ok();
        User {
            gave_up_after,
            next: self.next(user.answers, gave_up_after),
            ..user
        }
    }

    /// What the user did next when it had had its first so many answers.
    pub(in crate::explore) fn next_after(&self, user: &User, many: usize) -> Next {
        let gave_up_after = user
            .gave_up_after
            .filter(|after| usize::from(*after) <= many);
        self.next(user.answers.first(many), gave_up_after)
    }

    fn next(&self, answers: Answers, gave_up_after: Option<u8>) -> Next {
        let key = (answers, gave_up_after);
        let known = self
            .known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .copied();
        known.unwrap_or_else(|| {
            let next = self.poll(answers, gave_up_after);
            self.known
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(key, next);
            next
        })
    }

    fn poll(&self, answers: Answers, gave_up_after: Option<u8>) -> Next {
        let script = Script::new(answers.list(), gave_up_after.map(usize::from));
        let mut client = Client::scripted(script, self.seat);
        match poll_once(self.strategy.attempt(&mut client)) {
            std::task::Poll::Ready(end) => Next::Ended(outcome_of(end)),
            std::task::Poll::Pending => client.asked().map_or(Next::Lost, Next::Asks),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_out_as_they_went_in() {
        let mut answers = Answers::default();
        for answer in CODES {
            answers.push(answer);
        }
        assert_eq!(
            (answers.list(), answers.len()),
            (CODES.to_vec(), CODES.len())
        );
        for many in 0..=CODES.len() {
            assert_eq!(answers.first(many).list(), CODES[..many]);
        }
    }
}
