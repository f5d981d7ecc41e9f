//! Who moves when? An interleaving as a person writes it: `A.check B.check A.insert B.insert`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::fault::Fault;
use crate::history::{Service, Step};
use crate::seat::UserId;

/// One move of an interleaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Move {
    /// A user takes its next step, which is this one.
    Step {
        /// Whose step it is.
        user: UserId,
        /// What it does.
        step: Step,
        /// On which of several lock services, from 0; 0 for a step that asks none.
        node: u8,
        /// Whether the reply arrives.
        reply: Delivery,
    },
    /// A user stops for ever.
    Crash(UserId),
    /// A user abandons its attempt.
    GiveUp(UserId),
    /// A user stands still until what it holds for a time has run out.
    Stall(UserId),
    /// The time to live of the held lock runs out; of several lock services, on this one, from 0.
    Expire(u8),
    /// A lock service, numbered from 0, forgets everything.
    Restart(u8),
    /// The lock services stand still for a while.
    PauseRedis,
}

/// Whether a reply reaches the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// It does.
    Arrives,
    /// It does, later than usual.
    Slow,
    /// It does not.
    Lost,
}

impl Delivery {
    /// The deliveries that a person can ask for.
    const FAULTY: [Self; 2] = [Self::Slow, Self::Lost];

    /// What goes wrong in it.
    const fn fault(self) -> Option<Fault> {
        match self {
            Self::Arrives => None,
            Self::Slow => Some(Fault::Slow),
            Self::Lost => Some(Fault::LostReply),
        }
    }

    /// The one in which this goes wrong.
    fn named(fault: &str) -> Option<Self> {
        let fault = Fault::named(fault)?;
        let mut all = Self::FAULTY.into_iter();
        all.find(|delivery| delivery.fault() == Some(fault))
    }
}

impl Move {
    /// Who moves; `None` when it is a service.
    #[must_use]
    pub const fn user(self) -> Option<UserId> {
        match self {
            Self::Step { user, .. }
            | Self::Crash(user)
            | Self::GiveUp(user)
            | Self::Stall(user) => Some(user),
            Self::Expire(_) | Self::Restart(_) | Self::PauseRedis => None,
        }
    }
}

impl Move {
    /// The same without what only lets time pass.
    #[must_use]
    pub const fn without_delay(self) -> Self {
        match self {
            Self::Step {
                user,
                step,
                node,
                reply: Delivery::Slow,
            } => Self::Step {
                user,
                step,
                node,
                reply: Delivery::Arrives,
            },
            other => other,
        }
    }

    /// Whether something goes wrong in it.
    #[must_use]
    pub const fn is_fault(&self) -> bool {
        !matches!(
            self,
            Self::Step {
                reply: Delivery::Arrives,
                ..
            }
        )
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step {
                user,
                step,
                node,
                reply,
            } => {
                write!(f, "{}.{}", user.letter(), step.at(*node))?;
                match reply.fault() {
                    Some(fault) => write!(f, ":{fault}"),
                    None => Ok(()),
                }
            }
            Self::PauseRedis => write!(f, "{}", Fault::PauseRedis),
            Self::Crash(user) => write!(f, "{}.{}", user.letter(), Fault::Crash),
            Self::GiveUp(user) => write!(f, "{}.{}", user.letter(), Fault::GiveUp),
            Self::Stall(user) => write!(f, "{}.{}", user.letter(), Fault::Stall),
            Self::Expire(node) => write!(f, "{}{}", Fault::Expire, At(*node)),
            Self::Restart(node) => write!(f, "{}{}", Fault::Restart, At(*node)),
        }
    }
}

/// Which of several lock services, as it is written behind a step or a fault: the first is not named.
struct At(u8);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            node => write!(f, "@{}", u32::from(node) + 1),
        }
    }
}

/// Moves one after another: each begins when the one before it is complete.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schedule(pub Vec<Move>);

impl Schedule {
    /// How many users take part: up to the last letter that is named.
    #[must_use]
    pub fn users(&self) -> u32 {
        self.0
            .iter()
            .filter_map(|step| step.user())
            .map(|user| user.0)
            .max()
            .unwrap_or(0)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write!(f, "{space}{step}")?;
        }
        Ok(())
    }
}

/// Why a text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Nothing in it.
    #[error("the schedule is empty: write moves such as 'A.check B.check A.insert B.insert'")]
    Empty,
    /// A word that is no move.
    #[error(
        "move {position} of the schedule, '{word}', is none: write USER.STEP (A.check, B.insert, A.acquire@2 on the second Redis, A.insert:lost-reply, A.check:slow), USER.crash, USER.give-up, USER.stall, expire, restart or pause-redis"
    )]
    Word {
        /// Which move, from 1.
        position: usize,
        /// The word.
        word: String,
    },
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let moves: Result<Vec<Move>, ScheduleError> = text
            .split_whitespace()
            .enumerate()
            .map(|(at, word)| {
                move_of(word).ok_or_else(|| ScheduleError::Word {
                    position: at + 1,
                    word: word.to_owned(),
                })
            })
            .collect();
        match moves? {
            moves if moves.is_empty() => Err(ScheduleError::Empty),
            moves => Ok(Self(moves)),
        }
    }
}

fn move_of(word: &str) -> Option<Move> {
    let (word, delivery) = match word.split_once(':') {
        Some((word, fault)) => (word, Delivery::named(fault)?),
        None => (word, Delivery::Arrives),
    };
    let (word, node) = match word.split_once('@') {
        Some((word, node)) => (word, Some(node.parse::<u8>().ok()?.checked_sub(1)?)),
        None => (word, None),
    };
    match word.split_once('.') {
        Some((user, what)) => move_of_user(UserId::of_letter(user)?, what, node, delivery),
        None if delivery == Delivery::Arrives => move_of_service(word, node),
        None => None,
    }
}

fn move_of_service(fault: &str, node: Option<u8>) -> Option<Move> {
    match (Fault::named(fault)?, node) {
        (Fault::Expire, node) => Some(Move::Expire(node.unwrap_or(0))),
        (Fault::Restart, node) => Some(Move::Restart(node.unwrap_or(0))),
        (Fault::PauseRedis, None) => Some(Move::PauseRedis),
        _ => None,
    }
}

fn move_of_user(user: UserId, what: &str, node: Option<u8>, reply: Delivery) -> Option<Move> {
    if let Some(step) = Step::named(what) {
        // Only what asks a lock service can be at one of several.
        let is_possible = step != Step::Pay && (node.is_none() || step.service() == Service::Lock);
        let node = node.unwrap_or(0);
        return is_possible.then_some(Move::Step {
            user,
            step,
            node,
            reply,
        });
    }
    match (Fault::named(what)?, node, reply) {
        (Fault::Crash, None, Delivery::Arrives) => Some(Move::Crash(user)),
        (Fault::GiveUp, None, Delivery::Arrives) => Some(Move::GiveUp(user)),
        (Fault::Stall, None, Delivery::Arrives) => Some(Move::Stall(user)),
        _ => None,
    }
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{Strategy as Generator, any, prop_assert_eq, proptest};
    use proptest::sample::select;

    use super::*;

    #[test]
    fn a_schedule_is_written_as_it_is_read() {
        let text = "A.acquire A.check expire B.acquire:lost-reply B.crash restart A.give-up A.release A.stall expire@2 pause-redis A.check:slow A.acquire@2 B.release@5:lost-reply restart@3";
        let schedule: Schedule = text.parse().unwrap();
        assert_eq!((schedule.to_string().as_str(), schedule.users()), (text, 2));
    }

    /// Any move that a person can write.
    fn any_move() -> impl Generator<Value = Move> {
        let user = (1..=5_u32).prop_map(UserId);
        let step = select(Step::ALL.to_vec()).prop_filter("no round trip", |it| *it != Step::Pay);
        let reply = select(vec![Delivery::Arrives, Delivery::Slow, Delivery::Lost]);
        (user, step, any::<u8>(), reply, 0..12_u8).prop_map(|(user, step, node, reply, kind)| {
            // Nodes are counted from 1, up to what a byte holds.
            let node = node.min(u8::MAX - 1);
            match kind {
                0 => Move::Crash(user),
                1 => Move::GiveUp(user),
                2 => Move::Stall(user),
                3 => Move::Expire(node),
                4 => Move::Restart(node),
                5 => Move::PauseRedis,
                _ => Move::Step {
                    user,
                    step,
                    node: step.node(node),
                    reply,
                },
            }
        })
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_as_it_was_meant(moves in vec(any_move(), 1..20)) {
            let schedule = Schedule(moves);
            prop_assert_eq!(schedule.to_string().parse(), Ok(schedule));
        }
    }

    #[test]
    fn a_word_that_is_no_move_is_named_with_its_place() {
        for word in [
            "check",
            "A.chek",
            "a.check",
            "AA.check",
            "A.insert:late",
            "A.pay",
            "1.check",
            "A.check@2",
            "A.acquire@0",
            "A.acquire@",
            "A.acquire@257",
            "A.acquire:lost-reply@2",
            "A.acquire@2@3",
            "A.crash@2",
            "A.crash:slow",
            "expire@0",
            "expire:slow",
            "pause-redis@2",
        ] {
            let error = format!("A.check {word}").parse::<Schedule>().unwrap_err();
            assert_eq!(
                error,
                ScheduleError::Word {
                    position: 2,
                    word: word.to_owned()
                }
            );
        }
        assert_eq!("  ".parse::<Schedule>(), Err(ScheduleError::Empty));
    }
}
