//! How the users are let go: made ready first, then all at once, W at a time, or as they arrive.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};

use crate::client::{Client, Race, told};
use crate::history::Attempt;
use crate::plan::Plan;
use crate::seat::UserId;
use crate::strategy::Strategy;

/// The users of one round.
pub(super) struct Crowd<S> {
    pub(super) race: Arc<Race>,
    pub(super) plan: Arc<Plan>,
    pub(super) round: u32,
    pub(super) strategy: S,
    /// How many have been told an outcome.
    pub(super) finished: Arc<AtomicU64>,
}

impl<S: Strategy> Crowd<S> {
    /// Runs every user to its end, or as far as they get before the race is stopped.
    ///
    /// # Errors
    /// When a user's task panicked.
    pub(super) async fn run(self) -> Result<(), JoinError> {
        match self.plan.arrivals(self.round) {
            Some(arrivals) => Arc::new(self).one_by_one(arrivals).await,
            None => Arc::new(self).all_at_once().await,
        }
    }

    /// The first W users are made ready and wait at the start line; each of the others is let in
    /// when one has finished.
    async fn all_at_once(self: Arc<Self>) -> Result<(), JoinError> {
        let width = self.width();
        let mut tasks = JoinSet::new();
        let mut users = self.plan.user_ids();
        for id in users.by_ref().take(width) {
            tasks.spawn(user(Arc::clone(&self), id));
        }
        self.race.clock.start();
        for id in users {
            join_one(&mut tasks).await?;
            if self.race.stop.is_cancelled() {
                break;
            }
            tasks.spawn(user(Arc::clone(&self), id));
        }
        join_all(tasks).await
    }

    async fn one_by_one(
        self: Arc<Self>,
        arrivals: Vec<(Duration, UserId)>,
    ) -> Result<(), JoinError> {
        let width = self.width();
        let mut tasks = JoinSet::new();
        self.race.clock.start();
        let start = tokio::time::Instant::now();
        for (at, id) in arrivals {
            if start.elapsed() < at {
                let wait = tokio::time::sleep_until(start + at);
                self.race.stop.run_until_cancelled(wait).await;
            }
            if tasks.len() >= width {
                join_one(&mut tasks).await?;
            }
            if self.race.stop.is_cancelled() {
                break;
            }
            tasks.spawn(user(Arc::clone(&self), id));
        }
        join_all(tasks).await
    }

    fn client(&self, user: UserId) -> Client {
        let seat = self.plan.seat_of(self.round, user);
        let payment = self.plan.payment_of(self.round, user);
        Client::new(Arc::clone(&self.race), user, seat, payment)
    }

    fn width(&self) -> usize {
        let width = self.plan.concurrency.unwrap_or(self.plan.users);
        usize::try_from(width.get()).unwrap_or(usize::MAX)
    }
}

/// One user, from the start line to what it is told. It keeps the way to what all users share, and
/// its own client.
async fn user<S: Strategy>(crowd: Arc<Crowd<S>>, user: UserId) {
    start_line(&crowd.race).await;
    let started_ns = crowd.race.clock.now_ns();
    let outcome = {
        let mut client = crowd.client(user);
        told(crowd.strategy.attempt(&mut client).await)
    };
    crowd.race.log.end(Attempt {
        user,
        seat: crowd.plan.seat_of(crowd.round, user),
        outcome,
        started_ns,
        ended_ns: crowd.race.clock.now_ns(),
    });
    crowd.finished.fetch_add(1, Ordering::Relaxed);
}

/// Waits until the race has started. On a runtime with one thread no user is polled before that,
/// and on any other a user is ready to go at once: so it asks again instead of being woken.
async fn start_line(race: &Race) {
    poll_fn(|cx| {
        if race.clock.has_started() {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

async fn join_one(tasks: &mut JoinSet<()>) -> Result<(), JoinError> {
    tasks.join_next().await.unwrap_or(Ok(()))
}

async fn join_all(mut tasks: JoinSet<()>) -> Result<(), JoinError> {
    while let Some(end) = tasks.join_next().await {
        end?;
    }
    Ok(())
}
