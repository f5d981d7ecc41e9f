//! The forced scheduler: every user waits before each step until it is its turn.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::error::EngineError;
use crate::client::{Client, GateEvent, Held, Permit, RaceContext, outcome_of};
use crate::history::{FaultKind, Outcome, Reply, Step};
use crate::plan::Plan;
use crate::schedule::{Delivery, Move, Schedule};
use crate::seat::{SeatId, UserId};
use crate::services::Services;
use crate::services::lock::LockError;
use crate::strategy::Strategy;

/// How long what only delays takes in an interleaving, where nobody waits for anything else.
const DELAY: Duration = Duration::from_millis(50);

/// Gives users their turns.
pub(super) struct ForcedScheduler<'a> {
    services: &'a Services,
    race: Arc<RaceContext>,
    events: mpsc::UnboundedReceiver<GateEvent>,
    users: Vec<ForcedUser>,
    replies: Vec<Option<Reply>>,
    /// Who held which lock after each move, on each of the lock services for each seat.
    locks: Vec<Vec<Option<Held>>>,
    nodes: usize,
    /// Every seat that is wanted.
    seats: Vec<SeatId>,
    limit: Duration,
}

/// What came of the moves that were made.
pub(super) struct Followed {
    /// What each was answered; `None` for a move that asks nothing.
    pub(super) replies: Vec<Option<Reply>>,
    /// What each user was told.
    pub(super) outcomes: Vec<Option<Outcome>>,
    /// Who held the lock after each, on each of the lock services.
    pub(super) locks: Vec<Vec<Option<Held>>>,
}

/// A user and where it is.
struct ForcedUser {
    id: UserId,
    task: JoinHandle<()>,
    stage: Stage,
    has_given_up: bool,
}

enum Stage {
    /// On its way to its next step or to its end.
    Moving,
    /// Before this step, at this of several lock services.
    Waiting(Step, u8, oneshot::Sender<Permit>),
    Ended(Outcome),
    Crashed,
}

impl<'a> ForcedScheduler<'a> {
    /// Makes the users ready, each before its first step.
    pub(super) fn assemble<S: Strategy>(
        services: &'a Services,
        race: &Arc<RaceContext>,
        strategy: &S,
        plan: &Plan,
        events: mpsc::UnboundedReceiver<GateEvent>,
    ) -> Self {
        race.clock.start();
        let users = plan.user_ids().map(|user| {
            let seat = plan.seat_of(0, user);
            let client = Client::new(Arc::clone(race), user, seat, Duration::ZERO);
            let task = tokio::spawn(play(Arc::clone(race), strategy.clone(), client, user));
            ForcedUser {
                id: user,
                task,
                stage: Stage::Moving,
                has_given_up: false,
            }
        });
        Self {
            services,
            race: Arc::clone(race),
            events,
            users: users.collect(),
            replies: Vec::new(),
            locks: Vec::new(),
            nodes: usize::from(strategy.needs().locks),
            seats: plan.seats_wanted_in(0),
            limit: plan.timeout,
        }
    }

    /// Makes every move in its order.
    pub(super) async fn follow(&mut self, schedule: &Schedule) -> Result<(), EngineError> {
        for step in &schedule.0 {
            let reply = self.make(*step).await?;
            self.replies.push(reply);
            let locks = self.held().await?;
            self.locks.push(locks);
        }
        // Also those who end without a step.
        let ids: Vec<UserId> = self.users.iter().map(|user| user.id).collect();
        for user in ids {
            self.settled(user).await?;
        }
        Ok(())
    }

    /// Who holds which lock, on each of the lock services that the strategy uses for each seat.
    async fn held(&self) -> Result<Vec<Option<Held>>, LockError> {
        let mut held = Vec::new();
        for lock in self.services.shared.locks.iter().take(self.nodes) {
            for seat in &self.seats {
                held.push(lock.held(*seat, self.limit).await?);
            }
        }
        Ok(held)
    }

    /// Sends those home who have not come to their end.
    pub(super) async fn dismiss(self) -> Followed {
        let mut outcomes = Vec::new();
        for user in self.users {
            if !matches!(user.stage, Stage::Crashed) {
                user.task.abort();
                // An aborted task has no result; one that has ended does not mind.
                let _ = user.task.await;
            }
            outcomes.push(match user.stage {
                Stage::Ended(outcome) => Some(outcome),
                Stage::Moving | Stage::Waiting(..) | Stage::Crashed => None,
            });
        }
        Followed {
            replies: self.replies,
            outcomes,
            locks: self.locks,
        }
    }

    async fn make(&mut self, step: Move) -> Result<Option<Reply>, EngineError> {
        let began_ns = self.race.clock.now_ns();
        match step {
            Move::Step {
                user,
                step,
                node,
                reply,
            } => {
                if reply == Delivery::Slow {
                    tokio::time::sleep(DELAY).await;
                }
                let permit = match reply {
                    Delivery::Arrives | Delivery::Slow => Permit::Act,
                    Delivery::Lost => Permit::ActUnanswered,
                    Delivery::LostRequest => Permit::LoseRequest,
                    Delivery::Late => Permit::SendLate,
                };
                return self.let_go(user, (step, node), permit).await.map(Some);
            }
            Move::Arrival { user, .. } => return self.arrive(user).await.map(Some),
            Move::Crash(user) => {
                self.settled(user).await?;
                let forced = self.forced(user)?;
                forced.stage = Stage::Crashed;
                forced.task.abort();
                // What it looked after is left alone from here on. An aborted task has no result.
                let _ = (&mut forced.task).await;
                self.services.shared.roll_back(user).await;
                self.record(FaultKind::Crash, Some(user), 0, began_ns);
            }
            Move::Stall(user) => {
                self.settled(user).await?;
                self.forced(user)?.stall()?;
                self.settled(user).await?;
            }
            Move::GiveUp(user) => {
                self.settled(user).await?;
                let forced = self.forced(user)?;
                forced.has_given_up = true;
                forced.turn_away();
                self.settled(user).await?;
            }
            Move::Expire(node) => {
                self.expire_all(node).await?;
                self.record(FaultKind::Expire, None, node, began_ns);
            }
            Move::PauseRedis => drop(self.services.pause(DELAY).await),
            Move::Restart(node) => {
                self.services.restart(usize::from(node), self.limit).await?;
                self.race.late.cut(node);
                self.record(FaultKind::Restart, None, node, began_ns);
            }
        }
        Ok(None)
    }

    /// Lets the user's late request arrive: what it is answered.
    async fn arrive(&mut self, user: UserId) -> Result<Reply, EngineError> {
        let late = self.race.late.take(user);
        let late = late.ok_or_else(|| diverged(user, "has nothing on its way"))?;
        let answer = tokio::time::timeout(self.limit, late.arrive()).await;
        let answer = answer.map_err(|_| EngineError::Silent)?;
        Ok(answer.reply)
    }

    /// Ends the time of the locks on this node, and of the claims.
    async fn expire_all(&self, node: u8) -> Result<(), EngineError> {
        let mut has_run_out = false;
        for seat in &self.seats {
            has_run_out |= self.expire(node, *seat).await?;
            has_run_out |= self.services.shared.expire_claim(*seat, None).await;
        }
        let how = "nothing is held whose time to live ends, so nothing runs out";
        has_run_out
            .then_some(())
            .ok_or_else(|| EngineError::Diverged(how.to_owned()))
    }

    /// Ends the time of the lock on this node, unless it has none, or a watchdog extends the lock.
    async fn expire(&self, node: u8, seat: SeatId) -> Result<bool, LockError> {
        let Some(lock) = self.services.shared.locks.get(usize::from(node)) else {
            return Ok(false);
        };
        let token = lock.held(seat, self.limit).await?.and_then(|it| it.token);
        // A watchdog extends the lock of the first lock service.
        if node == 0 && token.is_some_and(|token| self.race.watchdogs.extend(token)) {
            return Ok(false);
        }
        lock.expire(seat, self.limit).await
    }

    fn record(&self, fault: FaultKind, user: Option<UserId>, node: u8, began_ns: u64) {
        self.race.record_fault(fault, user, node, began_ns);
    }

    /// Lets a user take the step that it waits before, and waits until it stands before its next.
    async fn let_go(
        &mut self,
        user: UserId,
        step: (Step, u8),
        permit: Permit,
    ) -> Result<Reply, EngineError> {
        self.settled(user).await?;
        self.forced(user)?.take(step, permit)?;
        let mut reply = None;
        while reply.is_none() {
            reply = self
                .listen()
                .await?
                .filter(|(who, _)| *who == user)
                .map(|(_, reply)| reply);
        }
        self.settled(user).await?;
        reply.ok_or(EngineError::Silent)
    }

    /// Waits until the user stands before a step, or is done.
    async fn settled(&mut self, user: UserId) -> Result<(), EngineError> {
        while matches!(self.forced(user)?.stage, Stage::Moving) {
            self.listen().await?;
        }
        Ok(())
    }

    /// Hears the next event: whose step was answered how, if that is what it says.
    async fn listen(&mut self) -> Result<Option<(UserId, Reply)>, EngineError> {
        let event = tokio::time::timeout(self.limit, self.events.recv()).await;
        match event.ok().flatten().ok_or(EngineError::Silent)? {
            GateEvent::Waits {
                user,
                step,
                node,
                go,
            } => {
                let forced = self.forced(user)?;
                forced.stage = Stage::Waiting(step, node, go);
                if forced.has_given_up {
                    forced.turn_away();
                }
                Ok(None)
            }
            GateEvent::Answered { user, reply } => Ok(Some((user, reply))),
            GateEvent::Ended { user, outcome } => {
                self.forced(user)?.stage = Stage::Ended(outcome);
                Ok(None)
            }
        }
    }

    fn forced(&mut self, user: UserId) -> Result<&mut ForcedUser, EngineError> {
        let forced = self.users.iter_mut().find(|forced| forced.id == user);
        forced.ok_or_else(|| diverged(user, "is not there"))
    }
}

impl ForcedUser {
    /// Lets the user take this step, if it is the one that it waits before.
    fn take(&mut self, (step, node): (Step, u8), permit: Permit) -> Result<(), EngineError> {
        match std::mem::replace(&mut self.stage, Stage::Moving) {
            Stage::Waiting(next, at, go) if (next, at) == (step, node) => {
                // A user that is gone meanwhile never answers, which is noticed.
                let _ = go.send(permit);
                Ok(())
            }
            stage @ (Stage::Moving | Stage::Waiting(..) | Stage::Ended(_) | Stage::Crashed) => {
                let step = step.at(node);
                let how = match &stage {
                    Stage::Waiting(next, at, _) => {
                        format!("is before {}, not before {step}", next.at(*at))
                    }
                    Stage::Moving | Stage::Ended(_) | Stage::Crashed => {
                        format!("takes no more steps, so not {step} either")
                    }
                };
                self.stage = stage;
                Err(diverged(self.id, &how))
            }
        }
    }

    /// Ends the time of what the user holds, wherever the user stands.
    fn stall(&mut self) -> Result<(), EngineError> {
        match std::mem::replace(&mut self.stage, Stage::Moving) {
            Stage::Waiting(_, _, go) => {
                // A user that is gone meanwhile never asks again, which is noticed.
                let _ = go.send(Permit::Stall);
                Ok(())
            }
            stage @ (Stage::Moving | Stage::Ended(_) | Stage::Crashed) => {
                self.stage = stage;
                Err(diverged(self.id, "takes no more steps, so it cannot stall"))
            }
        }
    }

    /// Tells a user that has given up that it cannot take its step; only a lock it may still free.
    fn turn_away(&mut self) {
        match std::mem::replace(&mut self.stage, Stage::Moving) {
            Stage::Waiting(step, _, go) if !step.is_tidying() => drop(go.send(Permit::Stop)),
            stage @ (Stage::Moving | Stage::Waiting(..) | Stage::Ended(_) | Stage::Crashed) => {
                self.stage = stage;
            }
        }
    }
}

fn diverged(user: UserId, how: &str) -> EngineError {
    EngineError::Diverged(format!("{} {how}", user.letter()))
}

/// One user, from its first step to what it is told.
async fn play<S: Strategy>(race: Arc<RaceContext>, strategy: S, mut client: Client, user: UserId) {
    let started_ns = client.begin();
    let outcome = outcome_of(strategy.attempt(&mut client).await);
    // The next move finds its transaction undone.
    race.services.roll_back(user).await;
    client.end(outcome, started_ns);
    if let Some(gate) = &race.gate {
        gate.report(GateEvent::Ended { user, outcome });
    }
}
