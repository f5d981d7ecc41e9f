//! Schedules: an interleaving as a person writes it: `A.check B.check A.insert B.insert`.

#![warn(clippy::wildcard_enum_match_arm)]

mod forms;
mod words;

pub use forms::MOVES;
pub use words::ScheduleError;

use crate::fault::Fault;
use crate::seat::UserId;
use crate::step::Step;

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
        /// Whether the request and the reply arrive.
        reply: Delivery,
    },
    /// A user's late request arrives, and is carried out.
    Arrival {
        /// Whose it is.
        user: UserId,
        /// What was asked.
        step: Step,
        /// Of which of several lock services, from 0; 0 for a step that asks none.
        node: u8,
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

/// Whether a request reaches the service, and its reply the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// Both do.
    Arrives,
    /// Both do, later than usual.
    Slow,
    /// The reply does not.
    Lost,
    /// The request does not: the step is not carried out.
    LostRequest,
    /// The request does later, as a move of its own; the reply does not.
    Late,
}

impl Delivery {
    /// The deliveries that a person can ask for.
    const FAULTY: [Self; 4] = [Self::Slow, Self::Lost, Self::LostRequest, Self::Late];

    /// Whether the request arrives, now.
    #[must_use]
    pub const fn reaches_the_service(self) -> bool {
        match self {
            Self::Arrives | Self::Slow | Self::Lost => true,
            Self::LostRequest | Self::Late => false,
        }
    }

    /// Whether the request arrives now, and its user hears the reply.
    #[must_use]
    pub const fn is_heard(self) -> bool {
        match self {
            Self::Arrives | Self::Slow => true,
            Self::Lost | Self::LostRequest | Self::Late => false,
        }
    }

    /// What goes wrong in it.
    #[must_use]
    pub const fn fault(self) -> Option<Fault> {
        match self {
            Self::Arrives => None,
            Self::Slow => Some(Fault::Slow),
            Self::Lost => Some(Fault::LostReply),
            Self::LostRequest => Some(Fault::LostRequest),
            Self::Late => Some(Fault::Late),
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
            | Self::Arrival { user, .. }
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
            Self::Step { .. }
            | Self::Arrival { .. }
            | Self::Crash(_)
            | Self::GiveUp(_)
            | Self::Stall(_)
            | Self::Expire(_)
            | Self::Restart(_)
            | Self::PauseRedis => self,
        }
    }

    /// Whether something goes wrong in it; what is late went wrong when it was sent.
    #[must_use]
    pub const fn is_fault(&self) -> bool {
        match self {
            Self::Step { reply, .. } => reply.fault().is_some(),
            Self::Arrival { .. } => false,
            Self::Crash(_)
            | Self::GiveUp(_)
            | Self::Stall(_)
            | Self::Expire(_)
            | Self::Restart(_)
            | Self::PauseRedis => true,
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
