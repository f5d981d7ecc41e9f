//! A fault of a race as a person writes it: `stall:check:0.1`, `pause-redis:200ms`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Fault;
use crate::duration::{Millis, duration};
use crate::nearest::perhaps;
use crate::step::{Service, Step};

/// How often a fault strikes when nothing is said and no step is named.
const USUAL_RATE: f64 = 0.1;

/// A fault, after which step it strikes, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RaceFault {
    /// What goes wrong.
    pub fault: Fault,
    /// After which step; after any for `None`.
    pub after: Option<Step>,
    /// For which share of those who come there, above 0 and at most 1.
    pub rate: f64,
    /// For how long, where that is part of it.
    pub time: Option<Duration>,
}

/// Why a text is no fault of a race.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRaceFault {
    /// No fault has this name.
    #[error("unknown fault '{0}'{near}: write {names}", near = super::near(.0), names = Fault::ALL.map(Fault::name).join(", "))]
    Name(String),
    /// A part is neither a step nor a share nor a time.
    #[error(
        "'{part}' in '{text}' is no step, share or time{near}: write KIND[:DUR][:STEP][:RATE], such as stall:check:0.1 or late:50ms:insert",
        near = perhaps(.part, Step::ALL.map(Step::name))
    )]
    Part {
        /// The fault.
        text: String,
        /// The part.
        part: String,
    },
    /// It names a second step.
    #[error("only one step may be given: {0}")]
    SecondStep(String),
    /// It needs a time.
    #[error("'{0}' needs a duration: write {0}:200ms")]
    NoTime(&'static str),
    /// It cannot strike this step.
    #[error(
        "'{fault}' cannot strike '{step}': {why}; it strikes {possible}",
        possible = names(|step| can_strike(*.fault, step))
    )]
    Step {
        /// What goes wrong.
        fault: Fault,
        /// Where it was to strike.
        step: Step,
        /// What stands against it.
        why: &'static str,
    },
    /// It takes no time of its own.
    #[error("'{0}' has no duration of its own: leave it out")]
    Time(&'static str),
}

impl FromStr for RaceFault {
    type Err = BadRaceFault;

    fn from_str(text: &str) -> Result<Self, BadRaceFault> {
        let mut parts = text.split(':');
        let name = parts.next().unwrap_or_default();
        let fault = Fault::named(name).ok_or_else(|| BadRaceFault::Name(name.to_owned()))?;
        let (mut after, mut rate, mut time) = (None, None, None);
        for part in parts {
            if let Some(step) = Step::named(part).filter(|_| after.is_none()) {
                after = Some(step);
            } else if let Some(share) = share(part).filter(|_| rate.is_none()) {
                rate = Some(share);
            } else if let (Some(first), Some(second)) = (after, Step::named(part)) {
                return Err(BadRaceFault::SecondStep(if first == second {
                    format!("write '{first}' once")
                } else {
                    format!("'{first}' or '{second}'")
                }));
            } else if let Some(found) = duration(part).ok().filter(|_| time.is_none()) {
                time = Some(found);
            } else {
                return Err(BadRaceFault::Part {
                    text: text.to_owned(),
                    part: part.to_owned(),
                });
            }
        }
        if let Some(step) = after.filter(|step| !can_strike(fault, *step)) {
            let why = if fault == Fault::Late {
                step.why_never_late()
            } else {
                "it sends no request"
            };
            return Err(BadRaceFault::Step { fault, step, why });
        }
        match (fault.takes_time(), time) {
            (true, None) => return Err(BadRaceFault::NoTime(fault.name())),
            (false, Some(_)) => return Err(BadRaceFault::Time(fault.name())),
            (true, Some(_)) | (false, None) => {}
        }
        let is_for_all = after.is_some() || fault == Fault::Slow || fault.is_of_a_service();
        let usual = if is_for_all { 1.0 } else { USUAL_RATE };
        Ok(Self {
            fault,
            after,
            rate: rate.unwrap_or(usual),
            time,
        })
    }
}

/// Whether the fault can strike this step. Others strike what a strategy may never do.
fn can_strike(fault: Fault, step: Step) -> bool {
    match fault {
        Fault::Late => step.can_be_late(),
        Fault::LostRequest | Fault::LostReply => step.service() != Service::Nobody,
        Fault::Expire
        | Fault::Crash
        | Fault::Restart
        | Fault::GiveUp
        | Fault::Stall
        | Fault::PauseRedis
        | Fault::Slow => true,
    }
}

/// The names of some steps.
fn names(is_one: impl Fn(Step) -> bool) -> String {
    let some = Step::ALL.into_iter().filter(|step| is_one(*step));
    some.map(Step::name).collect::<Vec<_>>().join(", ")
}

/// A share above nothing and at most the whole: `0.1`, `10%`, `1`.
fn share(text: &str) -> Option<f64> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.parse::<f64>().ok()? / 100.0,
        None => text.parse().ok()?,
    };
    (share > 0.0 && share <= 1.0).then_some(share)
}

impl fmt::Display for RaceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.fault)?;
        if let Some(time) = self.time {
            write!(f, ":{}", Millis(time))?;
        }
        if let Some(step) = self.after {
            write!(f, ":{step}")?;
        }
        write!(f, ":{}", self.rate)
    }
}

impl From<RaceFault> for String {
    fn from(fault: RaceFault) -> Self {
        fault.to_string()
    }
}

impl TryFrom<String> for RaceFault {
    type Error = BadRaceFault;

    fn try_from(text: String) -> Result<Self, BadRaceFault> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_a_race_is_written_as_it_is_read() {
        for (text, whole) in [
            ("stall:check:0.1", "stall:check:0.1"),
            ("crash:acquire", "crash:acquire:1"),
            ("crash", "crash:0.1"),
            ("lost-reply:25%:insert", "lost-reply:insert:0.25"),
            ("pause-redis:200ms", "pause-redis:200ms:1"),
            ("slow:5ms:0.5", "slow:5ms:0.5"),
            ("late:50ms:insert", "late:50ms:insert:1"),
            ("late:50ms", "late:50ms:0.1"),
            ("lost-request:release:0.5", "lost-request:release:0.5"),
        ] {
            let fault: RaceFault = text.parse().unwrap();
            assert_eq!(fault.to_string(), whole);
            assert_eq!(whole.parse(), Ok(fault));
        }
    }

    #[test]
    fn what_is_no_fault_is_refused() {
        for text in [
            "",
            "explode",
            "crash:0",
            "crash:2",
            "crash:chek",
            "crash:1s",
            "slow",
            "late",
            "late:insert",
            "late:50ms:check",
            "late:50ms:commit",
            "lost-request:50ms",
            "lost-request:pay",
            "stall:check:check",
        ] {
            assert!(text.parse::<RaceFault>().is_err(), "{text}");
        }
    }
}
