//! What a stop waits for, and for how long.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::runner::Engine;

/// Work on fewer steps takes a few milliseconds, also on a busy machine.
const MANY_STEPS: usize = 5_000;

/// How long after a stop work off the runtime is waited for.
const COUNTING: Duration = Duration::from_millis(80);

impl Engine {
    /// Cancelling `stop` ends the races early: the users finish the step they are in.
    #[must_use]
    pub fn stopping_on(self, stop: CancellationToken) -> Self {
        Self { stop, ..self }
    }

    /// What tells the races to stop.
    #[must_use]
    pub const fn stopping(&self) -> &CancellationToken {
        &self.stop
    }

    /// Whether the races were told to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// What `work` gives, unless it takes longer than `time` from when the races were told to stop.
    pub async fn unless_stopped_for<T>(
        &self,
        time: Duration,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let is_over = async {
            self.stop.cancelled().await;
            tokio::time::sleep(time).await;
        };
        tokio::select! {
            biased;
            done = work => Some(done),
            () = is_over => None,
        }
    }

    /// Whether work on so many steps takes longer than a stop may.
    #[must_use]
    pub const fn is_long(steps: usize) -> bool {
        steps >= MANY_STEPS
    }

    /// What comes of `work` on so many steps: `None` when the races were told to stop and time was too short.
    /// Long work has a thread of its own, so that a stop does not wait for it; where the system gives no
    /// more threads, and for a few steps, it is done here.
    pub async fn off_the_runtime<T, W>(&self, steps: usize, work: W) -> Option<T>
    where
        T: Send + 'static,
        W: FnOnce() -> T + Send + 'static,
    {
        if !Self::is_long(steps) {
            return Some(work());
        }
        // The thread comes first: where there is none, the work is still here.
        let (give, given) = mpsc::channel::<W>();
        let Ok(working) = on_a_thread(move || given.recv().map(|work| work())) else {
            return Some(work());
        };
        if let Err(mpsc::SendError(work)) = give.send(work) {
            return Some(work());
        }
        let worked = self.unless_stopped_for(COUNTING, working).await;
        worked.and_then(Result::ok)
    }
}

/// Does `work` on a thread of its own: what comes of it. When it panics, so does its caller.
///
/// # Errors
/// When the system gives no thread.
pub fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<impl Future<Output = T>> {
    let (done, is_done) = oneshot::channel();
    thread::Builder::new().spawn(move || {
        // Nobody may wait for it any more.
        drop(done.send(catch_unwind(AssertUnwindSafe(work))));
    })?;
    Ok(async {
        match is_done.await {
            Ok(Ok(worked)) => worked,
            Ok(Err(panic)) => resume_unwind(panic),
            Err(lost) => resume_unwind(Box::new(lost)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;
    use crate::services::{ServiceChoice, Services};
    use crate::strategy::Needs;

    async fn engine() -> Engine {
        let plan = Plan::new(1.try_into().unwrap());
        let choice = ServiceChoice::default();
        let services = Services::start(&choice, &plan, Needs::default(), &[]).await;
        Engine::new(services.unwrap())
    }

    // The verdict on the 60,000 steps of 20,000 users was given where a stop had to wait for it, and the
    // report was lost.
    #[tokio::test]
    async fn what_takes_longer_than_a_stop_may_does_not_hold_it_up() {
        let engine = engine().await;
        assert_eq!(engine.off_the_runtime(MANY_STEPS, || 1).await, Some(1));
        engine.stopping().cancel();
        assert_eq!(engine.off_the_runtime(MANY_STEPS - 1, || 1).await, Some(1));
        let (hold, is_over) = mpsc::channel::<()>();
        let long = move || is_over.recv_timeout(Duration::from_secs(10));
        let worked = engine.off_the_runtime(MANY_STEPS, long).await;
        assert_eq!(worked, None);
        drop(hold);
    }

    // A checker that panicked on its thread was told as "the race was stopped".
    #[tokio::test]
    #[should_panic(expected = "the checker has a fault")]
    async fn a_panic_off_the_runtime_is_no_stop() {
        let fault = || panic!("the checker has a fault");
        let _: Option<()> = engine().await.off_the_runtime(MANY_STEPS, fault).await;
    }
}
