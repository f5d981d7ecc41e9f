//! Faults: what goes wrong, for whom, and when.

#![warn(clippy::wildcard_enum_match_arm)]

mod injector;
mod race_fault;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use strum::{EnumCount, EnumString, IntoStaticStr, VariantArray};

use crate::duration::duration;
use crate::nearest::perhaps;

pub(crate) use injector::{Effect, FaultContext, FaultRequest, Injector, ServiceFault};
pub use race_fault::{BadRaceFault, RaceFault};

/// Something that goes wrong.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::Display,
    EnumCount,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Fault {
    /// The time to live of a held lock ends.
    Expire,
    /// A user stops for good after a step.
    Crash,
    /// A step happens, and its reply does not arrive.
    LostReply,
    /// A request does not arrive, and so no reply either.
    LostRequest,
    /// A request arrives later; its user has been told that there is no reply.
    Late,
    /// The lock service forgets everything.
    Restart,
    /// A user abandons its attempt after a step and only frees its lock.
    GiveUp,
    /// A user, and whatever extends its lock, stands still for longer than the time to live.
    Stall,
    /// The lock service stands still for a while.
    PauseRedis,
    /// Every round trip takes longer.
    Slow,
}

all_by_name!(Fault, "Every fault there is.", "The fault of this name.");

impl Fault {
    /// What goes wrong, in a line.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Expire => "the lock or the hold of a user ends while it is at work",
            Self::Crash => "a user stops for good after a step, and frees nothing",
            Self::LostReply => "a step is done, and its reply is lost",
            Self::LostRequest => "a request never arrives, and there is no reply",
            Self::Late => "a request arrives after its user was told that there is no reply",
            Self::Restart => "a Redis restarts and forgets its locks",
            Self::GiveUp => "a user abandons its attempt after a step, and frees its lock",
            Self::Stall => "a user stands still for longer than the time to live",
            Self::PauseRedis => "Redis answers nothing for a while",
            Self::Slow => "every round trip takes longer",
        }
    }

    /// Whether it strikes the lock service, and so all users at once.
    #[must_use]
    pub const fn is_of_a_service(self) -> bool {
        match self {
            Self::Restart | Self::PauseRedis => true,
            Self::Expire
            | Self::Crash
            | Self::LostReply
            | Self::LostRequest
            | Self::Late
            | Self::GiveUp
            | Self::Stall
            | Self::Slow => false,
        }
    }

    /// Whether it only lets time pass: whatever follows from it is an interleaving without it too.
    #[must_use]
    pub const fn only_delays(self) -> bool {
        match self {
            Self::PauseRedis | Self::Slow => true,
            Self::Expire
            | Self::Crash
            | Self::LostReply
            | Self::LostRequest
            | Self::Late
            | Self::Restart
            | Self::GiveUp
            | Self::Stall => false,
        }
    }

    /// Whether a race has to be told how long it takes.
    #[must_use]
    pub const fn takes_time(self) -> bool {
        match self {
            Self::Late | Self::PauseRedis | Self::Slow => true,
            Self::Expire
            | Self::Crash
            | Self::LostReply
            | Self::LostRequest
            | Self::Restart
            | Self::GiveUp
            | Self::Stall => false,
        }
    }

    /// Its place in a table with one entry for each fault.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// The nearest name, where the first word of the text is none itself.
fn near(text: &str) -> String {
    let name = text.split(':').next().unwrap_or_default();
    match Fault::named(name) {
        Some(_) => String::new(),
        None => perhaps(name, Fault::ALL.map(Fault::name)),
    }
}

/// A fault, and how often it may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SearchFault {
    /// What may happen.
    pub fault: Fault,
    /// How often at the most.
    pub count: u8,
}

/// A fault that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultCount {
    /// The fault as it was asked for.
    pub fault: String,
    /// How often it happened.
    pub happened: u64,
}

/// Why a text names no fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown fault '{0}'{near}: write {names}, and :COUNT for more than one",
    near = near(.0),
    names = Fault::ALL.map(Fault::name).join(", ")
)]
pub struct UnknownFault(String);

impl FromStr for SearchFault {
    type Err = UnknownFault;

    /// Reads `expire` or `expire:3`.
    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        let (name, count) = text.split_once(':').unwrap_or((text, "1"));
        let fault = Fault::named(name);
        // As a race has them: for how long makes no difference to a search.
        let is_time = fault.is_some_and(Fault::takes_time) && duration(count).is_ok();
        let count = if is_time { "1" } else { count };
        let count = count.parse().ok().filter(|count| *count > 0);
        match (fault, count) {
            (Some(fault), Some(count)) => Ok(Self { fault, count }),
            _ => Err(UnknownFault(text.to_owned())),
        }
    }
}

impl fmt::Display for SearchFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            1 => write!(f, "{}", self.fault),
            count => write!(f, "{}:{count}", self.fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_allowed_once_unless_a_count_is_given() {
        for (text, count) in [("expire", 1), ("lost-reply:3", 3)] {
            let fault: SearchFault = text.parse().unwrap();
            assert_eq!((fault.count, fault.to_string().as_str()), (count, text));
        }
        for text in ["pause-redis:200ms", "late:50ms"] {
            assert_eq!(text.parse::<SearchFault>().unwrap().count, 1);
        }
        for text in ["", "explode", "crash:0", "crash:x", "crash:300"] {
            assert!(text.parse::<SearchFault>().is_err(), "{text}");
        }
    }
}
