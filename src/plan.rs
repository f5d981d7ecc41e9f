//! What is to be run: a [`Plan`] that exists can be raced.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use rand::RngExt;
use serde::{Deserialize, Serialize};
use strum::{EnumCount, EnumString, IntoStaticStr, VariantArray};

use crate::duration::{DurationError, Millis, duration, in_words};
use crate::fault::RaceFault;
use crate::seat::{SeatId, UserId};
use crate::seed::Purpose;

#[doc(inline)]
pub use crate::seed::Seed;

/// Everything that fixes the inputs of a race, but for the strategy and the services.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// How many users race.
    pub users: NonZeroU32,
    /// Which seats they want.
    pub wanted: Wanted,
    /// How long a user pays between its check and its insert.
    pub payment: Payment,
    /// At most this many users in flight; `None` lets everyone go at once.
    pub concurrency: Option<NonZeroU32>,
    /// The time over which users arrive; zero for all at once.
    #[serde(with = "in_words")]
    pub arrive_over: Duration,
    /// How often the race is repeated.
    pub rounds: NonZeroU32,
    /// What every draw comes from.
    pub seed: Seed,
    /// Whether statements that wait together share a commit.
    pub commit: Commit,
    /// What goes wrong.
    pub faults: Vec<RaceFault>,
    /// How long a service may leave everybody without an answer before it counts as gone.
    #[serde(with = "in_words")]
    pub timeout: Duration,
}

impl Plan {
    /// A plan for this many users, all after seat 10, all at once, once.
    #[must_use]
    pub fn new(users: NonZeroU32) -> Self {
        const SEAT: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");
        Self {
            users,
            wanted: Wanted::Seat(SeatId::from(SEAT)),
            payment: Payment::default(),
            concurrency: None,
            arrive_over: Duration::ZERO,
            rounds: NonZeroU32::MIN,
            seed: Seed(0),
            commit: Commit::Group,
            faults: Vec::new(),
            timeout: Duration::from_secs(5),
        }
    }

    /// This plan with what another says about chance and the services.
    #[must_use]
    pub fn with_inputs_of(self, other: &Self) -> Self {
        Self {
            seed: other.seed,
            commit: other.commit,
            timeout: other.timeout,
            ..self
        }
    }

    /// How often this race is repeated to compare so many strategies when nothing is said: as often as
    /// fits into about a second by what the plan says, and at most 20 times. It depends on the plan
    /// alone, so that the same plan is raced as often again.
    #[must_use]
    pub fn rounds_to_compare(&self, strategies: usize) -> NonZeroU32 {
        /// What a user takes on a slow machine.
        const USER: Duration = Duration::from_micros(20);
        /// A time to live that runs out, a server that starts again.
        const FAULT: Duration = Duration::from_millis(100);
        const ALL: Duration = Duration::from_secs(1);
        const MOST: u32 = 20;
        let waves = self.users.get().div_ceil(self.width());
        let faults = self.faults.iter().map(|it| it.time.unwrap_or(FAULT));
        let takes = self.arrive_over
            + USER.saturating_mul(self.users.get())
            + self.payment.max.saturating_mul(waves)
            + faults.sum::<Duration>();
        let strategies = u32::try_from(strategies).unwrap_or(u32::MAX).max(1);
        let fits = ALL.as_micros() / takes.saturating_mul(strategies).as_micros().max(1);
        let rounds = u32::try_from(fits).unwrap_or(MOST).clamp(1, MOST);
        NonZeroU32::new(rounds).unwrap_or(NonZeroU32::MIN)
    }

    /// At most so many users are in flight.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.concurrency.unwrap_or(self.users).min(self.users).get()
    }

    /// The users of the race, in the order they are made ready.
    pub fn user_ids(&self) -> impl Iterator<Item = UserId> + use<> {
        (1..=self.users.get()).map(UserId)
    }

    /// The seat this user wants in this round.
    #[must_use]
    pub fn seat_of(&self, round: u32, user: UserId) -> SeatId {
        match self.wanted {
            Wanted::Seat(seat) => seat,
            Wanted::AnyOf(seats) => {
                let mut stream = self.seed.round(round).stream(Purpose::Seat, user.0);
                SeatId::new(stream.random_range(1..=seats.get())).unwrap_or(SeatId::from(seats))
            }
            Wanted::Own => SeatId::new(user.0).unwrap_or(SeatId::from(NonZeroU32::MIN)),
        }
    }

    /// How long this user pays in this round.
    #[must_use]
    pub fn payment_of(&self, round: u32, user: UserId) -> Duration {
        let Payment { min, max } = self.payment;
        if min == max {
            return min;
        }
        let mut stream = self.seed.round(round).stream(Purpose::Payment, user.0);
        stream.random_range(min..=max)
    }

    /// When each user arrives in this round, earliest first; `None` when all go at once.
    #[must_use]
    pub fn arrivals(&self, round: u32) -> Option<Vec<(Duration, UserId)>> {
        if self.arrive_over.is_zero() {
            return None;
        }
        let seed = self.seed.round(round);
        let mut arrivals: Vec<_> = self
            .user_ids()
            .map(|user| {
                let mut stream = seed.stream(Purpose::Arrival, user.0);
                (stream.random_range(Duration::ZERO..self.arrive_over), user)
            })
            .collect();
        arrivals.sort_unstable();
        Some(arrivals)
    }

    /// The time over which users arrive, in words; `None` when all go at once.
    #[must_use]
    pub fn arrivals_in_words(&self) -> Option<String> {
        (!self.arrive_over.is_zero()).then(|| Millis(self.arrive_over).to_string())
    }

    /// The seats that anybody wants in any round, each once.
    #[must_use]
    pub fn seats_wanted(&self) -> Vec<SeatId> {
        self.seats_wanted_over(0..self.rounds.get())
    }

    /// The seats that anybody wants in this round, each once.
    #[must_use]
    pub fn seats_wanted_in(&self, round: u32) -> Vec<SeatId> {
        self.seats_wanted_over(round..round.saturating_add(1))
    }

    fn seats_wanted_over(&self, rounds: std::ops::Range<u32>) -> Vec<SeatId> {
        if let Wanted::Seat(seat) = self.wanted {
            return vec![seat];
        }
        let seats_in = |round| self.user_ids().map(move |user| self.seat_of(round, user));
        let mut seats: Vec<_> = rounds.flat_map(seats_in).collect();
        seats.sort_unstable();
        seats.dedup();
        seats
    }
}

/// Which seats the users want.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wanted {
    /// Everybody wants this one.
    Seat(SeatId),
    /// Each user draws one of the seats 1 to this.
    AnyOf(NonZeroU32),
    /// Each user wants the seat of its own number: nobody contends.
    Own,
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seat(seat) => write!(f, "seat {seat}"),
            Self::AnyOf(seats) => write!(f, "one of {seats} seats each"),
            Self::Own => f.write_str("a seat of one's own each"),
        }
    }
}

/// How long a user pays: a fixed time, or a draw from a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Payment {
    min: Duration,
    max: Duration,
}

impl Payment {
    /// A payment that takes from `min` to `max`.
    ///
    /// # Errors
    /// [`PlanError::PaymentReversed`] when `min` is the longer one.
    pub fn new(min: Duration, max: Duration) -> Result<Self, PlanError> {
        if min > max {
            return Err(PlanError::PaymentReversed {
                min: Millis(min),
                max: Millis(max),
            });
        }
        Ok(Self { min, max })
    }
}

impl FromStr for Payment {
    type Err = PlanError;

    /// Reads `20ms` or `10ms..50ms`.
    fn from_str(text: &str) -> Result<Self, PlanError> {
        match text.split_once("..") {
            Some((min, max)) => Self::new(duration(min)?, duration(max)?),
            None => duration(text)
                .map(|fixed| Self {
                    min: fixed,
                    max: fixed,
                })
                .map_err(Into::into),
        }
    }
}

impl fmt::Display for Payment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max {
            return Millis(self.min).fmt(f);
        }
        write!(f, "{}..{}", Millis(self.min), Millis(self.max))
    }
}

/// What a transaction sees of others, and whom it keeps out. A store says it in its database's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Isolation {
    /// It sees what was committed at its first look, and becomes the only writer at its first write,
    /// which is refused if anything was committed since.
    Snapshot,
    /// It is the only writer from its beginning.
    #[default]
    SingleWriter,
    /// The same, and where the database can, nobody else reads either.
    Exclusive,
}

impl From<Payment> for String {
    fn from(payment: Payment) -> Self {
        payment.to_string()
    }
}

impl TryFrom<String> for Payment {
    type Error = PlanError;

    fn try_from(text: String) -> Result<Self, PlanError> {
        text.parse()
    }
}

/// Whether statements of different users that wait together are committed together.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    EnumCount,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Commit {
    /// They share a commit; each is answered only after it.
    Group,
    /// Every statement is its own transaction.
    Each,
}

all_by_name!(Commit, "Both ways.");

impl Commit {
    /// What it means.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Group => "statements that wait together share a commit",
            Self::Each => "every statement has a commit of its own",
        }
    }
}

impl fmt::Display for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Group => "group commit",
            Self::Each => "a commit per statement",
        })
    }
}

/// Why a plan cannot be raced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Not a duration.
    #[error(transparent)]
    Duration(#[from] DurationError),
    /// A payment range whose first end is the longer.
    #[error("the payment range {min}..{max} is reversed: write {max}..{min}")]
    PaymentReversed {
        /// The first end.
        min: Millis,
        /// The second end.
        max: Millis,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payments_are_read_as_people_write_them() {
        let fixed: Payment = "20ms".parse().unwrap();
        assert_eq!(fixed.to_string(), "20ms");
        let range: Payment = "1.5ms..2s".parse().unwrap();
        assert_eq!(range.to_string(), "1.5ms..2s");
        assert_eq!("0ms".parse::<Payment>().unwrap(), Payment::default());
    }

    #[test]
    fn a_reversed_payment_range_says_how_to_write_it() {
        let error = "50ms..10ms".parse::<Payment>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the payment range 50ms..10ms is reversed: write 10ms..50ms"
        );
    }

    #[test]
    fn users_keep_their_draws_when_others_join() {
        let mut plan = Plan::new(NonZeroU32::new(10).unwrap());
        plan.wanted = Wanted::AnyOf(NonZeroU32::new(1000).unwrap());
        let before = plan.seat_of(0, UserId(3));
        plan.users = NonZeroU32::new(20).unwrap();
        assert_eq!(before, plan.seat_of(0, UserId(3)));
    }

    #[test]
    fn arrivals_come_in_order_and_within_the_time() {
        let mut plan = Plan::new(NonZeroU32::new(100).unwrap());
        plan.arrive_over = Duration::from_millis(50);
        let arrivals = plan.arrivals(0).unwrap();
        assert!(arrivals.is_sorted());
        assert!(arrivals.iter().all(|(at, _)| *at < plan.arrive_over));
    }
}
