//! Who moves when? An interleaving as a person writes it: `A.check B.check A.insert B.insert`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::fault::Fault;
use crate::history::Step;
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
                reply: Delivery::Slow,
            } => Self::Step {
                user,
                step,
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
                reply: Delivery::Arrives,
            } => write!(f, "{}.{step}", user.letter()),
            Self::Step {
                user,
                step,
                reply: Delivery::Lost,
            } => {
                write!(f, "{}.{step}:{}", user.letter(), Fault::LostReply)
            }
            Self::Step {
                user,
                step,
                reply: Delivery::Slow,
            } => {
                write!(f, "{}.{step}:{}", user.letter(), Fault::Slow)
            }
            Self::PauseRedis => write!(f, "{}", Fault::PauseRedis),
            Self::Crash(user) => write!(f, "{}.{}", user.letter(), Fault::Crash),
            Self::GiveUp(user) => write!(f, "{}.{}", user.letter(), Fault::GiveUp),
            Self::Stall(user) => write!(f, "{}.{}", user.letter(), Fault::Stall),
            Self::Expire(0) => write!(f, "{}", Fault::Expire),
            Self::Restart(0) => write!(f, "{}", Fault::Restart),
            Self::Expire(node) => write!(f, "{}@{}", Fault::Expire, node + 1),
            Self::Restart(node) => write!(f, "{}@{}", Fault::Restart, node + 1),
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
        "move {position} of the schedule, '{word}', is none: write USER.STEP (A.check, B.insert, A.insert:lost-reply, A.check:slow), USER.crash, USER.give-up, USER.stall, expire, restart or pause-redis"
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
    let (service, node) = match word.split_once('@') {
        Some((service, node)) => (service, node.parse::<u8>().ok()?.checked_sub(1)?),
        None => (word, 0),
    };
    match Fault::named(service) {
        Some(Fault::Expire) => return Some(Move::Expire(node)),
        Some(Fault::Restart) => return Some(Move::Restart(node)),
        Some(Fault::PauseRedis) if service == word => return Some(Move::PauseRedis),
        _ => {}
    }
    let (user, what) = word.split_once('.')?;
    let user = UserId::of_letter(user)?;
    match Fault::named(what) {
        Some(Fault::Crash) => return Some(Move::Crash(user)),
        Some(Fault::GiveUp) => return Some(Move::GiveUp(user)),
        Some(Fault::Stall) => return Some(Move::Stall(user)),
        _ => {}
    }
    let (name, reply) = match what.split_once(':') {
        Some((name, fault)) if fault == Fault::LostReply.name() => (name, Delivery::Lost),
        Some((name, fault)) if fault == Fault::Slow.name() => (name, Delivery::Slow),
        Some(_) => return None,
        None => (what, Delivery::Arrives),
    };
    let step = Step::named(name).filter(|step| *step != Step::Pay)?;
    Some(Move::Step { user, step, reply })
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
    use super::*;

    #[test]
    fn a_schedule_is_written_as_it_is_read() {
        let text = "A.acquire A.check expire B.acquire:lost-reply B.crash restart A.give-up A.release A.stall expire@2 pause-redis A.check:slow";
        let schedule: Schedule = text.parse().unwrap();
        assert_eq!((schedule.to_string().as_str(), schedule.users()), (text, 2));
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
