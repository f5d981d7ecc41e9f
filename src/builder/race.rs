//! The builder of a race, and what can be asserted of its rounds.

use std::path::PathBuf;
use std::time::Duration;

use super::{BuilderError, Refused, story};
use crate::checker::{Property, Verdict, judge_by};
use crate::engine::{Engine, outlasts, why_never_in_race};
use crate::fault::RaceFault;
use crate::history::History;
use crate::plan::{Payment, Plan, Seed, Wanted};
use crate::services::{DatabaseChoice, RedisChoice, ServiceChoice, Services};
use crate::stats::Stats;
use crate::strategy::Strategy;

/// The users of a race by default.
const USERS: std::num::NonZeroU32 = std::num::NonZeroU32::new(100).expect("it is not zero");

/// A race of this strategy on a real database and, where it takes locks, a real Redis: a hundred users
/// after one seat, all at once, by default.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), racesim::BuilderError> {
/// use racesim::strategy::Unique;
///
/// racesim::race(Unique).users(200).rounds(3).run().await?.assert_one_booking();
/// # Ok(())
/// # }
/// ```
pub fn race<S: Strategy>(strategy: S) -> RaceBuilder<S> {
    RaceBuilder {
        strategy,
        plan: Plan::new(USERS),
        services: on_real_redis(),
        refused: Refused::default(),
    }
}

/// Services whose locks are kept in a real Redis, or there is no race: a test is not to pass by accident on
/// what is none.
pub(super) fn on_real_redis() -> ServiceChoice {
    ServiceChoice {
        redis: RedisChoice::Private,
        ..ServiceChoice::default()
    }
}

/// A race that is being put together; made by [`race`].
#[derive(Debug)]
#[must_use = "a race begins with `run`"]
pub struct RaceBuilder<S> {
    strategy: S,
    plan: Plan,
    services: ServiceChoice,
    refused: Refused,
}

impl<S: Strategy> RaceBuilder<S> {
    /// Sets the number of users.
    pub fn users(mut self, users: u32) -> Self {
        if let Some(users) = self.refused.accept_number(users, "users") {
            self.plan.users = users;
        }
        self
    }

    /// Sets the number of rounds, one after another, each on an empty database.
    pub fn rounds(mut self, rounds: u32) -> Self {
        if let Some(rounds) = self.refused.accept_number(rounds, "rounds") {
            self.plan.rounds = rounds;
        }
        self
    }

    /// Each user wants one of so many seats, drawn by the seed, instead of all the same one.
    pub fn seats(mut self, seats: u32) -> Self {
        if let Some(seats) = self.refused.accept_number(seats, "seats") {
            self.plan.wanted = Wanted::AnyOf(seats);
        }
        self
    }

    /// Sets how many users are in flight at most, instead of all at once.
    pub fn concurrency(mut self, users: u32) -> Self {
        if let Some(users) = self.refused.accept_number(users, "users at a time") {
            self.plan.concurrency = Some(users);
        }
        self
    }

    /// Users arrive over this time, instead of all at once.
    pub fn arrive_over(mut self, time: Duration) -> Self {
        self.plan.arrive_over = time;
        self
    }

    /// A user pays for a time between these two.
    pub fn payment(mut self, min: Duration, max: Duration) -> Self {
        if let Some(payment) = self.refused.accept(Payment::new(min, max)) {
            self.plan.payment = payment;
        }
        self
    }

    /// The seed of every draw. It fixes who wants what and what goes wrong, not the order of the steps.
    pub fn seed(mut self, seed: u64) -> Self {
        self.plan.seed = Seed(seed);
        self
    }

    /// What goes wrong, as on the command line: `stall:check:0.1`, `lost-reply:insert`.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a text, or a fault, or whatever is shown as one"
    )]
    pub fn fault(mut self, fault: impl ToString) -> Self {
        let read = fault.to_string().parse::<RaceFault>();
        self.plan.faults.extend(self.refused.accept(read));
        self
    }

    /// How long a service may leave everybody without an answer before it counts as gone.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.plan.timeout = timeout;
        self
    }

    /// One more Redis that the locks are kept in, instead of a private one.
    pub fn redis(mut self, url: &str) -> Self {
        if let Some(url) = self.refused.accept(url.parse()) {
            match &mut self.services.redis {
                RedisChoice::Urls(urls) => urls.push(url),
                other => *other = RedisChoice::Urls(vec![url]),
            }
        }
        self
    }

    /// Keeps the locks in racesim's own lock server, which tests no Redis. Without this, a strategy that
    /// takes locks needs a redis-server or a valkey-server on the `PATH`, or [`redis`](Self::redis).
    pub fn embedded_locks(mut self) -> Self {
        self.services.redis = RedisChoice::Embedded;
        self
    }

    /// The file of the database, instead of a temporary one.
    pub fn database(mut self, file: impl Into<PathBuf>) -> Self {
        self.services.database = DatabaseChoice::File(file.into());
        self
    }

    /// Runs the race to its end.
    ///
    /// # Errors
    /// [`BuilderError`] when it cannot begin, or a service could not be used. A double booking
    /// is not an error: see what the result asserts.
    pub async fn run(self) -> Result<RaceResult, BuilderError> {
        let Self {
            strategy,
            plan,
            services,
            refused,
        } = self;
        refused.or_none()?;
        refuse_faults(&plan, &strategy)?;
        Engine::refuse_what_does_not_fit(&plan)?;
        tokio::runtime::Handle::try_current().map_err(|_| BuilderError::NoRuntime)?;
        let needs = strategy.needs();
        let services = Services::start(&services, &plan, needs, &plan.seats_wanted()).await?;
        let engine = Engine::new(services);
        let first = engine.race(&strategy, &plan, 0).await?;
        let mut others = Vec::new();
        for round in 1..plan.rounds.get() {
            others.push(engine.race(&strategy, &plan, round).await?);
        }
        Ok(RaceResult {
            strategy: strategy.name().to_owned(),
            first,
            others,
        })
    }
}

/// A fault that never strikes would be a test of nothing; one that lasts too long would not end.
fn refuse_faults<S: Strategy>(plan: &Plan, strategy: &S) -> Result<(), BuilderError> {
    for fault in &plan.faults {
        if let Some(why) = why_never_in_race(fault, strategy) {
            return Err(BuilderError::Never {
                fault: fault.to_string(),
                strategy: strategy.name().to_owned(),
                why,
            });
        }
        if let Some(limit) = outlasts(fault, strategy.ttl(), plan.timeout) {
            let fault = fault.to_string();
            return Err(BuilderError::Long { fault, limit });
        }
    }
    Ok(())
}

/// A race that is over.
#[derive(Debug)]
pub struct RaceResult {
    strategy: String,
    first: History,
    /// Of the rounds after the first.
    others: Vec<History>,
}

impl RaceResult {
    /// What happened, round by round.
    pub fn histories(&self) -> impl Iterator<Item = &History> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The numbers of all rounds together.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut sum = Stats::of(&self.first);
        for history in &self.others {
            sum.add(&Stats::of(history));
        }
        sum
    }

    /// Whether the property holds: the worst that any round says of it.
    #[must_use]
    pub fn verdict(&self, property: Property) -> Verdict {
        self.worst(property).0
    }

    /// The worst verdict, and the round that says so.
    fn worst(&self, property: Property) -> (Verdict, &History) {
        let verdict = |history| {
            let judged = judge_by(&[property], history).into_iter().next();
            judged.map_or(Verdict::Holds, |judgement| judgement.verdict)
        };
        let mut worst = (verdict(&self.first), &self.first);
        for history in &self.others {
            let other = verdict(history);
            if other.kind() > worst.0.kind() {
                worst = (other, history);
            }
        }
        worst
    }

    /// Asserts that every seat that was wanted was sold, and none twice, in every round.
    ///
    /// # Panics
    /// When it is not so, or is not known: with the users, their steps, and what each was answered.
    #[track_caller]
    pub fn assert_one_booking(&self) {
        self.assert_holds(Property::NoDoubleBooking);
        self.assert_holds(Property::SomeoneBooks);
    }

    /// Asserts that the property holds in every round.
    ///
    /// # Panics
    /// When it does not, or that is not known: with the users, their steps, and what each was answered.
    #[track_caller]
    pub fn assert_holds(&self, property: Property) {
        let (verdict, history) = self.worst(property);
        if let Some(story) = story::of_race(property, &verdict, history) {
            panic!("{property} of '{}' {story}", self.strategy);
        }
    }
}
