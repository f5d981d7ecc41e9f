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
            Some(arrivals) => self.one_by_one(arrivals).await,
            None => self.all_at_once().await,
        }
    }

    /// The first W users are made ready and wait at the start line; each of the others is let in
    /// when one has finished.
    async fn all_at_once(self) -> Result<(), JoinError> {
        let width = self.width();
        let mut tasks = JoinSet::new();
        let mut users = self.plan.user_ids();
        for user in users.by_ref().take(width) {
            tasks.spawn(self.user(user));
        }
        self.race.clock.start();
        for user in users {
            join_one(&mut tasks).await?;
            if self.race.stop.is_cancelled() {
                break;
            }
            tasks.spawn(self.user(user));
        }
        join_all(tasks).await
    }

    async fn one_by_one(self, arrivals: Vec<(Duration, UserId)>) -> Result<(), JoinError> {
        let width = self.width();
        let mut tasks = JoinSet::new();
        self.race.clock.start();
        let start = tokio::time::Instant::now();
        for (at, user) in arrivals {
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
            tasks.spawn(self.user(user));
        }
        join_all(tasks).await
    }

    fn width(&self) -> usize {
        let width = self.plan.concurrency.unwrap_or(self.plan.users);
        usize::try_from(width.get()).unwrap_or(usize::MAX)
    }

    /// One user, from the start line to what it is told.
    fn user(&self, user: UserId) -> impl Future<Output = ()> + Send + use<S> {
        let seat = self.plan.seat_of(self.round, user);
        let payment = self.plan.payment_of(self.round, user);
        let race = Arc::clone(&self.race);
        let finished = Arc::clone(&self.finished);
        let strategy = self.strategy.clone();
        async move {
            start_line(&race).await;
            let started_ns = race.clock.now_ns();
            let mut client = Client::new(Arc::clone(&race), user, seat, payment);
            let outcome = told(strategy.attempt(&mut client).await);
            let ended_ns = race.clock.now_ns();
            race.log.end(Attempt {
                user,
                seat,
                outcome,
                started_ns,
                ended_ns,
            });
            finished.fetch_add(1, Ordering::Relaxed);
        }
    }
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
