//! The pool of users: made ready first, then released all at once, W at a time, or as they arrive.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::client::{Client, RaceContext, outcome_of};
use crate::history::Outcome;
use crate::plan::Plan;
use crate::seat::UserId;
use crate::strategy::Strategy;

/// Making users ready gives nobody else a turn: after so many, whether the race is stopped is asked.
const LOOK_EVERY: u32 = 4096;

/// The users of one round.
pub(super) struct UserPool<S> {
    race: Arc<RaceContext>,
    plan: Plan,
    round: u32,
    strategy: S,
    /// How many more may be in flight.
    permits: Semaphore,
    /// How many of all rounds have been told an outcome.
    finished: Arc<AtomicU64>,
}

impl<S: Strategy> UserPool<S> {
    pub(super) fn new(race: Arc<RaceContext>, plan: Plan, round: u32, strategy: S) -> Self {
        let width = usize::try_from(plan.width()).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            race,
            plan,
            round,
            strategy,
            permits: Semaphore::new(width),
            finished: Arc::default(),
        }
    }

    /// Counts those who are told an outcome here too.
    pub(super) fn counting(self, finished: Arc<AtomicU64>) -> Self {
        Self { finished, ..self }
    }

    /// Runs every user to its end, or as far as they get before the race is stopped. How many were let
    /// in: those of them who wrote down no end have panicked.
    pub(super) async fn run(self) -> usize {
        let pool = Arc::new(self);
        let spawned = match pool.plan.arrivals(pool.round) {
            Some(arrivals) => pool.one_by_one(arrivals).await,
            None => pool.all_at_once().await,
        };
        pool.join().await;
        usize::try_from(spawned).unwrap_or(usize::MAX)
    }

    /// The first W users are made ready and wait at the start line; each of the others is let in
    /// when one has finished.
    async fn all_at_once(self: &Arc<Self>) -> u32 {
        let mut spawned = 0;
        for id in self.plan.user_ids() {
            if spawned == self.plan.width() {
                self.race.clock.start();
            }
            if spawned.is_multiple_of(LOOK_EVERY) {
                self.race.stop.look();
            }
            if !self.spawn_user(id).await {
                break;
            }
            spawned += 1;
        }
        self.race.clock.start();
        spawned
    }

    async fn one_by_one(self: &Arc<Self>, arrivals: Vec<(Duration, UserId)>) -> u32 {
        let mut spawned = 0;
        self.race.clock.start();
        let start = tokio::time::Instant::now();
        for (at, id) in arrivals {
            if start.elapsed() < at {
                let wait = tokio::time::sleep_until(start + at);
                self.race.stop.run_until_set(wait).await;
            }
            if !self.spawn_user(id).await {
                break;
            }
            spawned += 1;
        }
        spawned
    }

    /// Lets a user in as soon as there is room; `false` when the race is over.
    async fn spawn_user(self: &Arc<Self>, id: UserId) -> bool {
        // Not `acquire` at once: it yields now and then, and users must not move before the start.
        match self.permits.try_acquire() {
            Ok(permit) => permit.forget(),
            Err(_) => self
                .permits
                .acquire()
                .await
                .into_iter()
                .for_each(SemaphorePermit::forget),
        }
        let is_over = self.race.stop.is_set();
        let permit = PermitGuard {
            pool: Arc::clone(self),
        };
        if !is_over {
            let client = self.client(id);
            if self.race.faults.is_some() {
                tokio::spawn(user_who_may_crash(permit, client, id));
            } else {
                tokio::spawn(user(permit, client));
            }
        }
        !is_over
    }

    /// Waits until everybody has left.
    async fn join(&self) {
        if let Ok(permits) = self.permits.acquire_many(self.plan.width()).await {
            permits.forget();
        }
    }

    fn client(&self, user: UserId) -> Client {
        let seat = self.plan.seat_of(self.round, user);
        let payment = self.plan.payment_of(self.round, user);
        Client::new(Arc::clone(&self.race), user, seat, payment)
    }
}

/// A user who was let in. Dropped, at its end or in a panic, it leaves room for the next.
///
/// A set that joins every task would take another 70 bytes of each user.
struct PermitGuard<S> {
    pool: Arc<UserPool<S>>,
}

impl<S> Drop for PermitGuard<S> {
    fn drop(&mut self) {
        self.pool.permits.add_permits(1);
    }
}

/// One user, from the start line to what it is told. It keeps the way to what all users share, and
/// its own client.
fn user<S: Strategy>(
    permit: PermitGuard<S>,
    mut client: Client,
) -> impl Future<Output = ()> + Send {
    async move {
        start_line(&permit.pool.race).await;
        if permit.pool.race.stop.is_set() {
            return;
        }
        let started_ns = client.begin();
        let outcome = outcome_of(permit.pool.strategy.attempt(&mut client).await);
        client.end(outcome, started_ns);
        permit.pool.finished.fetch_add(1, Ordering::Relaxed);
    }
}

/// One user that a fault may strike. One that crashes is dropped where it stands: what it has not
/// committed is undone, its lock stays, and nobody knows what became of its booking.
async fn user_who_may_crash<S: Strategy>(permit: PermitGuard<S>, mut client: Client, id: UserId) {
    let race = Arc::clone(&permit.pool.race);
    start_line(&race).await;
    if race.stop.is_set() {
        return;
    }
    let started_ns = client.begin();
    let ended = {
        let mut attempt = Box::pin(permit.pool.strategy.attempt(&mut client));
        poll_fn(|cx| match attempt.as_mut().poll(cx) {
            Poll::Ready(end) => Poll::Ready(Some(end)),
            Poll::Pending if race.has_crashed(id) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    };
    client.expire_due().await;
    if ended.is_none() {
        race.services.roll_back(id).await;
    }
    client.end(ended.map_or(Outcome::Unknown, outcome_of), started_ns);
    permit.pool.finished.fetch_add(1, Ordering::Relaxed);
}

/// Waits until the race has started. On a runtime with one thread no user is polled before that,
/// and on any other a user is ready to go at once: so it asks again instead of being woken.
async fn start_line(race: &RaceContext) {
    poll_fn(|cx| {
        if race.clock.has_started() {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::{Locked, Naive};

    /// The size of what this function gives.
    fn size_of_output<A, B, F>(_: impl Fn(A, B) -> F) -> usize {
        size_of::<F>()
    }

    /// With what tokio adds, a task of up to 152 bytes takes 256 of the allocator, and one byte more 384: 120
    /// MiB for a million users.
    #[test]
    fn a_user_of_naive_and_one_of_locked_fit_152_bytes() {
        let naive = size_of_output(user::<Naive>);
        let locked = size_of_output(user::<Locked>);
        assert!(naive <= 152 && locked <= 152, "{naive} and {locked} bytes");
    }
}
