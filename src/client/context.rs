//! The context of a race: what its users share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::gate::Gate;
use super::late::Late;
use super::watchdogs::Watchdogs;
use crate::fault::Injector;
use crate::history::{Attempt, Event, FaultEvent, FaultKind, Rows};
use crate::seat::UserId;
use crate::services::SharedServices;

/// What all users of one race share.
#[derive(Debug)]
pub(crate) struct RaceContext {
    /// The services they race on.
    pub(crate) services: Arc<SharedServices>,
    /// What they did.
    pub(crate) log: Log,
    /// When they did it.
    pub(crate) clock: Clock,
    /// Set when they are to stop.
    pub(crate) stop: Stop,
    /// Where every step waits for its turn; `None` when the users race.
    pub(crate) gate: Option<Gate>,
    /// Which locks are extended.
    pub(crate) watchdogs: Watchdogs,
    /// What befalls the users; `None` when nothing does. Boxed: what every step looks at lies together.
    pub(crate) faults: Option<Box<Injector>>,
    /// What is on its way. Boxed, as the faults are.
    pub(crate) late: Box<Late>,
}

impl RaceContext {
    /// Writes down a fault that began at this time and is over now.
    pub(crate) fn record_fault(
        &self,
        fault: FaultKind,
        user: Option<UserId>,
        node: u8,
        invoked_ns: u64,
    ) {
        self.log.fault(FaultEvent {
            fault,
            user,
            node,
            invoked_ns,
            completed_ns: self.clock.now_ns(),
        });
    }

    /// Whether the user has crashed.
    pub(crate) fn has_crashed(&self, user: UserId) -> bool {
        self.faults
            .as_ref()
            .is_some_and(|faults| faults.has_crashed(user))
    }

    /// Whether nothing holds a step up or befalls its user.
    pub(super) const fn is_plain(&self) -> bool {
        self.gate.is_none() && self.faults.is_none()
    }
}

/// Tells every user to stop. Asking a token takes its lock, which a million users would each do in
/// every step; they look at a flag instead.
#[derive(Debug)]
pub(crate) struct Stop {
    token: CancellationToken,
    is_set: AtomicBool,
}

impl Stop {
    /// Set as soon as this token is cancelled, if somebody [watches](Self::watch) it.
    #[must_use]
    pub(crate) fn on(token: CancellationToken) -> Self {
        Self {
            is_set: AtomicBool::new(token.is_cancelled()),
            token,
        }
    }

    /// Sets the flag when the token is cancelled, and ends then.
    pub(crate) async fn watch(&self) {
        self.token.cancelled().await;
        self.is_set.store(true, Ordering::Relaxed);
    }

    /// Sets the flag if the token is cancelled, where nobody can watch it.
    pub(crate) fn look(&self) {
        if self.token.is_cancelled() {
            self.is_set.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the users are to stop.
    #[must_use]
    pub(crate) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Relaxed)
    }

    /// What `work` gives, or `None` when the race is stopped before it is done.
    pub(crate) async fn run_until_set<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.token.run_until_cancelled(work).await
    }
}

/// So many steps an attempt has at the most, but for strategies that try again.
const STEPS: usize = 6;

/// What the users of a race did, in the order it was answered.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pages: Mutex<(Rows<Event>, Rows<Attempt>)>,
    /// How often anybody has begun another try.
    retries: AtomicU64,
    faults: Mutex<Vec<FaultEvent>>,
}

impl Log {
    /// A log with room for the steps of so many users. Room that is not used is only promised by the
    /// system, never taken; growing would copy, and take twice as much for a moment.
    #[must_use]
    pub(crate) fn with_room_for(users: usize) -> Self {
        let steps = users.saturating_mul(STEPS);
        Self {
            pages: Mutex::new((Rows::with_room_for(steps), Rows::with_room_for(users))),
            retries: AtomicU64::new(0),
            faults: Mutex::default(),
        }
    }

    pub(super) fn step(&self, event: Event) {
        self.pages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .push(event);
    }

    /// Writes down the end of an attempt.
    pub(crate) fn end(&self, attempt: Attempt) {
        self.pages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .1
            .push(attempt);
    }

    /// Somebody begins another try.
    pub(super) fn retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// How often anybody has begun another try.
    #[must_use]
    pub(crate) fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Writes down what went wrong without a step that tells it.
    pub(crate) fn fault(&self, fault: FaultEvent) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.push(fault);
    }

    /// All faults that were written down; none are left afterwards.
    pub(crate) fn take_faults(&self) -> Vec<FaultEvent> {
        std::mem::take(&mut *self.faults.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// All that was written down; the log is empty afterwards.
    pub(crate) fn take(&self) -> (Rows<Event>, Rows<Attempt>) {
        std::mem::take(&mut *self.pages.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The time since the start of a race.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    start: OnceLock<Instant>,
}

impl Clock {
    /// Starts the race. Only the first start counts.
    pub(crate) fn start(&self) {
        self.start.get_or_init(Instant::now);
    }

    /// Whether the race has started.
    #[must_use]
    pub(crate) fn has_started(&self) -> bool {
        self.start.get().is_some()
    }

    /// Nanoseconds since the start; 0 before it.
    #[must_use]
    pub(crate) fn now_ns(&self) -> u64 {
        self.start.get().map_or(0, |start| {
            u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
        })
    }
}
