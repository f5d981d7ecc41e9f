//! Races and forced interleavings: services prepared, users released, results gathered.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use super::error::EngineError;
use super::forced::{Followed, ForcedScheduler};
use super::heading::record;
use super::runner::{Engine, Forced};
use super::service_faults::faults_of;
use super::users::UserPool;
use crate::client::{Clock, Gate, Log, RaceContext, Stop, Watchdogs};
use crate::fault::{Fault, Injector};
use crate::history::{FaultEvent, FaultKind, Footer, Header, History, Service, Step};
use crate::plan::Plan;
use crate::schedule::{Delivery, Move, Schedule};
use crate::services;
use crate::strategy::Strategy;

/// After it was stopped, how long a race waits for users to end the step that they are in, for what is
/// in the database, and for what is left behind.
const GRACE: Duration = Duration::from_millis(60);

/// What the damage of a history whose rows could not be read begins with.
const UNREAD: &str = "its bookings could not be read: ";

impl Engine {
    /// Runs one race to its end and reads what the database holds then.
    ///
    /// # Errors
    /// When it could not begin, or a user's task panicked.
    pub async fn race<S: Strategy>(
        &self,
        strategy: &S,
        plan: &Plan,
        round: u32,
    ) -> Result<History, EngineError> {
        if let Some(fault) = plan
            .faults
            .iter()
            .find(|fault| fault.fault.is_of_a_service())
        {
            self.services.refuse_harm_to_others(fault.fault.name())?;
        }
        let strikes_locks =
            |step: Option<Step>| step.is_none_or(|it| it.service() == Service::Lock);
        let mut late = plan.faults.iter().filter(|it| it.fault == Fault::Late);
        if late.any(|fault| strikes_locks(fault.after)) {
            self.services.can_hold_back()?;
        }
        let header = self.begin(strategy, plan, round).await?;
        self.services.shared.make_room_for(plan.width());
        let (faults, orders) = faults_of(strategy, plan, round);
        let race = Arc::new(self.new_race(plan, None, faults));
        let pool = UserPool::new(Arc::clone(&race), plan.clone(), round, strategy.clone());
        let pool = pool.counting(Arc::clone(&self.finished));
        // A task of its own: spawning from it puts the users on the worker's own queue.
        let mut running = tokio::spawn(pool.run());
        let ending = async {
            tokio::select! {
                ended = &mut running => ended,
                () = supervise(&race, plan.timeout) => running.await,
                _ = self.services.unguarded() => running.await,
                () = self.carry_out(orders, plan.timeout) => running.await,
            }
        };
        let ended = self.unless_stopped_for(GRACE, ending).await;
        if ended.is_none() {
            self.services.shared.halt();
        }
        // When the pool itself panicked racesim has a fault, which is not to be hidden.
        let let_in = ended.transpose();
        let let_in = let_in.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        let missing = race.late.all_arrived(self.is_over(plan.timeout)).await;
        let mut history = self.history(header, &race).await;
        if missing > 0 {
            let requests = if missing == 1 { "request" } else { "requests" };
            let trouble = format!(
                "{missing} late {requests} had not arrived when the race was over: what became of that is not known"
            );
            history.footer.troubles.push(trouble);
        }
        // Shared, as the thread that counts them may be left behind by a stop.
        let events = Arc::new(mem::take(&mut history.events));
        let tidying = self.tidy(strategy, plan, Arc::clone(&events));
        let left = self.unless_stopped_for(GRACE, tidying).await.flatten();
        history.events = Arc::unwrap_or_clone(events);
        history.footer.locks_unread = left.is_none();
        history.footer.locks_read_ns = left.is_some().then(|| race.clock.now_ns());
        history.footer.locks_left = left.unwrap_or_default();
        // Of a race that was stopped, not everybody has begun.
        let let_in = let_in.filter(|_| !self.is_stopped());
        match let_in.map_or(0, |let_in| let_in - history.attempts.len()) {
            0 => Ok(history),
            panicked => Err(EngineError::Panicked(panicked)),
        }
    }

    /// Forces one interleaving on the users: a move begins when the one before it is complete. What
    /// each move was answered comes with the history.
    ///
    /// # Errors
    /// When a service fails, or somebody else's server would have to be restarted.
    pub async fn force<S: Strategy>(
        &self,
        strategy: &S,
        plan: &Plan,
        schedule: &Schedule,
    ) -> Result<Forced, EngineError> {
        for step in &schedule.0 {
            match step {
                Move::Step {
                    step,
                    reply: Delivery::Late,
                    ..
                } if step.service() == Service::Lock => self.services.can_hold_back()?,
                Move::Restart(_) => self.services.refuse_harm_to_others(Fault::Restart.name())?,
                Move::PauseRedis => self
                    .services
                    .refuse_harm_to_others(Fault::PauseRedis.name())?,
                Move::Step { .. }
                | Move::Arrival { .. }
                | Move::Crash(_)
                | Move::GiveUp(_)
                | Move::Stall(_)
                | Move::Expire(_) => {}
            }
        }
        let header = self.begin_forced(strategy, plan, schedule).await?;
        let (gate, events) = Gate::new();
        let race = Arc::new(self.new_race(plan, Some(gate), None));
        let mut scheduler =
            ForcedScheduler::assemble(&self.services, &race, strategy, plan, events);
        let followed = tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(EngineError::Stopped),
            followed = scheduler.follow(schedule) => followed,
            () = supervise(&race, plan.timeout) => Err(EngineError::Silent),
            why = self.services.unguarded() => Err(EngineError::Unguarded(why)),
        };
        let Followed {
            replies,
            outcomes,
            locks,
        } = scheduler.dismiss().await;
        for user in plan.user_ids() {
            race.services.roll_back(user).await;
        }
        // A server that was being started again when a stop came is waited for in vain.
        let tidying = self.tidy_forced(strategy.needs(), plan);
        let tidied = self.unless_stopped_for(GRACE, tidying).await;
        let diverged = match followed {
            Ok(()) => None,
            Err(EngineError::Diverged(how)) => Some(how),
            Err(error) => return Err(error),
        };
        let locks_left = tidied.ok_or(EngineError::Stopped)??;
        let mut history = self.history(header, &race).await;
        self.refuse_unread(&history)?;
        history.footer.locks_left = locks_left;
        history.footer.locks_read_ns = Some(race.clock.now_ns());
        Ok(Forced {
            history,
            replies,
            outcomes,
            locks,
            diverged,
        })
    }

    pub(super) async fn begin<S: Strategy>(
        &self,
        strategy: &S,
        plan: &Plan,
        round: u32,
    ) -> Result<Header, EngineError> {
        let header = self.header(strategy, plan, round);
        let beginning = self.services.shared.store.begin(record(&header));
        let begun = self.stop.run_until_cancelled(beginning).await;
        begun.ok_or(EngineError::Stopped)??;
        Ok(header)
    }

    fn new_race(
        &self,
        plan: &Plan,
        gate: Option<Gate>,
        faults: Option<Box<Injector>>,
    ) -> RaceContext {
        RaceContext {
            services: Arc::clone(&self.services.shared),
            log: Log::with_room_for(usize::try_from(plan.users.get()).unwrap_or(0)),
            clock: Clock::default(),
            stop: Stop::on(self.stop.clone()),
            gate,
            watchdogs: Watchdogs::default(),
            faults,
            late: Box::default(),
        }
    }

    /// What a forced interleaving leaves is compared: rows that could not be read are no rows of nobody.
    fn refuse_unread(&self, history: &History) -> Result<(), EngineError> {
        match &history.damage {
            None => Ok(()),
            Some(_) if self.is_stopped() => Err(EngineError::Stopped),
            Some(why) => {
                let cause = why.strip_prefix(UNREAD).unwrap_or(why);
                Err(EngineError::Unread(cause.to_owned()))
            }
        }
    }

    /// Waits until nobody waits any longer for what is late: for so long, or until the races are to stop.
    async fn is_over(&self, limit: Duration) {
        let waiting = tokio::time::sleep(limit);
        // Whether it was stopped makes no difference.
        let _ = self.stop.run_until_cancelled(waiting).await;
    }

    async fn history(&self, header: Header, race: &RaceContext) -> History {
        let (events, attempts) = race.log.take();
        let fault_events = race.log.take_faults();
        let reading = self.services.shared.store.bookings();
        let (bookings, damage) = match self.unless_stopped_for(GRACE, reading).await {
            Some(Ok(bookings)) => (bookings, None),
            Some(Err(error)) => (Vec::new(), Some(format!("{UNREAD}{error}"))),
            None => (
                Vec::new(),
                Some(
                    "its bookings could not be read before the end: the race was stopped"
                        .to_owned(),
                ),
            ),
        };
        let faults = race
            .faults
            .as_deref()
            .map(Injector::happened)
            .unwrap_or_default();
        let is_restart = |fault: &FaultEvent| fault.fault == FaultKind::Restart;
        let has_restarted = fault_events.iter().any(is_restart);
        let has_struck = race
            .faults
            .as_deref()
            .is_some_and(Injector::has_struck_a_service);
        let locks = usize::from(header.conduct.locks);
        let footer = Footer {
            steps: events.len(),
            attempts: attempts.len(),
            bookings: bookings.len(),
            fault_events: fault_events.len(),
            interrupted: self.stop.is_cancelled(),
            troubles: self.services.troubles(locks, has_struck || has_restarted),
            faults,
            locks_left: Vec::new(),
            retries: Some(race.log.retries()),
            unread: damage.clone(),
            locks_unread: false,
            locks_read_ns: None,
            has_renewed: race.watchdogs.have_watched(),
        };
        History {
            header,
            events,
            attempts,
            faults: fault_events,
            bookings,
            footer,
            damage,
        }
    }
}

/// Looks after a race for as long as it is polled: gives up the services that are silent, and tells
/// the users when they are to stop.
async fn supervise(race: &RaceContext, limit: Duration) {
    tokio::join!(services::watch(&race.services, limit), race.stop.watch());
}
