//! The words of a schedule, written and read.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Delivery, Move, Schedule, forms};
use crate::fault::Fault;
use crate::seat::UserId;
use crate::step::{Service, Step};

/// What is said of a request that was late: `A.insert arrives`.
const ARRIVES: &str = "arrives";

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
            Self::Arrival { user, step, node } => {
                write!(f, "{}.{} {ARRIVES}", user.letter(), step.at(*node))
            }
            Self::PauseRedis => write!(f, "{}", Fault::PauseRedis),
            Self::Crash(user) => write!(f, "{}.{}", user.letter(), Fault::Crash),
            Self::GiveUp(user) => write!(f, "{}.{}", user.letter(), Fault::GiveUp),
            Self::Stall(user) => write!(f, "{}.{}", user.letter(), Fault::Stall),
            Self::Expire(node) => write!(f, "{}{}", Fault::Expire, NodeSuffix(*node)),
            Self::Restart(node) => write!(f, "{}{}", Fault::Restart, NodeSuffix(*node)),
        }
    }
}

/// Which of several lock services, as it is written behind a step or a fault: the first is not named.
struct NodeSuffix(u8);

impl fmt::Display for NodeSuffix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            node => write!(f, "@{}", u32::from(node) + 1),
        }
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
        "move {position} of the schedule, '{word}', is not a move{near}: write USER.STEP (A.check, B.insert, A.acquire@2 on the second Redis, A.insert:lost-reply, A.insert:lost-request, A.insert:late … A.insert arrives, A.check:slow), USER.crash, USER.give-up, USER.stall, expire, restart or pause-redis",
        near = forms::near(.word)
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
        let mut moves = Vec::new();
        let mut words = text.split_whitespace().peekable();
        while let Some(word) = words.next() {
            let arrives = words.next_if_eq(&ARRIVES);
            let found = match arrives {
                Some(_) => move_of(word).and_then(arrival_of),
                None => move_of(word),
            };
            moves.push(found.ok_or_else(|| {
                ScheduleError::Word {
                    position: moves.len() + 1,
                    word: [word]
                        .into_iter()
                        .chain(arrives)
                        .collect::<Vec<_>>()
                        .join(" "),
                }
            })?);
        }
        if moves.is_empty() {
            return Err(ScheduleError::Empty);
        }
        Ok(Self(moves))
    }
}

/// The arrival of what this step sent late.
fn arrival_of(sent: Move) -> Option<Move> {
    let Move::Step {
        user,
        step,
        node,
        reply: Delivery::Arrives,
    } = sent
    else {
        return None;
    };
    Some(Move::Arrival { user, step, node })
}

fn move_of(word: &str) -> Option<Move> {
    if let Some((sent, ARRIVES)) = word.rsplit_once(':') {
        return move_of(sent).and_then(arrival_of);
    }
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
    match Fault::named(fault)? {
        Fault::Expire => Some(Move::Expire(node.unwrap_or(0))),
        Fault::Restart => Some(Move::Restart(node.unwrap_or(0))),
        Fault::PauseRedis => node.is_none().then_some(Move::PauseRedis),
        Fault::Crash
        | Fault::LostReply
        | Fault::LostRequest
        | Fault::Late
        | Fault::GiveUp
        | Fault::Stall
        | Fault::Slow => None,
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
    let (None, Delivery::Arrives) = (node, reply) else {
        return None;
    };
    match Fault::named(what)? {
        Fault::Crash => Some(Move::Crash(user)),
        Fault::GiveUp => Some(Move::GiveUp(user)),
        Fault::Stall => Some(Move::Stall(user)),
        Fault::Expire
        | Fault::LostReply
        | Fault::LostRequest
        | Fault::Late
        | Fault::Restart
        | Fault::PauseRedis
        | Fault::Slow => None,
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
        let text = "A.acquire A.check expire B.acquire:lost-reply B.crash restart A.give-up A.release A.stall expire@2 pause-redis A.check:slow A.acquire@2 B.release@5:lost-reply restart@3 A.insert:late B.insert:lost-request A.insert arrives A.release@2 arrives";
        let schedule: Schedule = text.parse().unwrap();
        assert_eq!((schedule.to_string().as_str(), schedule.users()), (text, 2));
    }

    #[test]
    fn an_arrival_may_be_one_word_too() {
        let schedule: Schedule = "A.insert:late A.release@2:arrives A.insert:arrives"
            .parse()
            .unwrap();
        assert_eq!(
            schedule.to_string(),
            "A.insert:late A.release@2 arrives A.insert arrives"
        );
    }

    /// Any move that a person can write.
    fn any_move() -> impl Generator<Value = Move> {
        let user = (1..=5_u32).prop_map(UserId);
        let step = select(Step::ALL.to_vec()).prop_filter("no round trip", |it| *it != Step::Pay);
        let mut replies = Delivery::FAULTY.to_vec();
        replies.push(Delivery::Arrives);
        (user, step, any::<u8>(), select(replies), 0..14_u8).prop_map(
            |(user, step, node, reply, kind)| {
                // Nodes are counted from 1, up to what a byte holds.
                let node = node.min(u8::MAX - 1);
                match kind {
                    0 => Move::Crash(user),
                    1 => Move::GiveUp(user),
                    2 => Move::Stall(user),
                    3 => Move::Expire(node),
                    4 => Move::Restart(node),
                    5 => Move::PauseRedis,
                    6 | 7 => Move::Arrival {
                        user,
                        step,
                        node: step.node(node),
                    },
                    _ => Move::Step {
                        user,
                        step,
                        node: step.node(node),
                        reply,
                    },
                }
            },
        )
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
            "A.insert:late arrives",
            "A.insert:arrives arrives",
            "A.insert:late:arrives",
            "A.crash arrives",
            "expire arrives",
            "A.pay arrives",
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
        assert!("arrives".parse::<Schedule>().is_err());
        assert!("A.check arrives arrives".parse::<Schedule>().is_err());
    }
}
