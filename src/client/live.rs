//! What users share who race on real services.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::turnstile::Turnstile;
use crate::history::{Attempt, Event, Reply, Step};
use crate::lock::LockService;
use crate::seat::{SeatId, UserId};
use crate::store::Sqlite;

/// The services of a run.
#[derive(Debug)]
pub struct World {
    /// The database that all bookings are in.
    pub store: Sqlite,
    /// The lock service; `None` when no strategy of the run takes a lock.
    pub lock: Option<LockService>,
}

/// What all users of one race share.
#[derive(Debug)]
pub struct Race {
    /// The services they race on.
    pub world: Arc<World>,
    /// What they did.
    pub log: Log,
    /// When they did it.
    pub clock: Clock,
    /// Set when they are to stop.
    pub stop: CancellationToken,
    /// Where every step waits for its turn; `None` when the users race.
    pub turnstile: Option<Turnstile>,
}

/// So many steps an attempt has at the most, but for strategies that try again.
const STEPS: usize = 6;

/// What the users of a race did, in the order it was answered.
#[derive(Debug, Default)]
pub struct Log {
    pages: Mutex<(Vec<Event>, Vec<Attempt>)>,
}

impl Log {
    /// A log with room for the steps of so many users. Room that is not used is only promised by the
    /// system, never taken; growing would copy, and take twice as much for a moment.
    #[must_use]
    pub fn with_room_for(users: usize) -> Self {
        let steps = users.saturating_mul(STEPS);
        Self {
            pages: Mutex::new((Vec::with_capacity(steps), Vec::with_capacity(users))),
        }
    }

    fn step(&self, event: Event) {
        self.pages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .push(event);
    }

    /// Writes down the end of an attempt.
    pub fn end(&self, attempt: Attempt) {
        self.pages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .1
            .push(attempt);
    }

    /// All that was written down; the log is empty afterwards.
    pub fn take(&self) -> (Vec<Event>, Vec<Attempt>) {
        std::mem::take(&mut *self.pages.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The time since the start of a race.
#[derive(Debug, Default)]
pub struct Clock {
    start: OnceLock<Instant>,
}

impl Clock {
    /// Starts the race. Only the first start counts.
    pub fn start(&self) {
        self.start.get_or_init(Instant::now);
    }

    /// Whether the race has started.
    #[must_use]
    pub fn has_started(&self) -> bool {
        self.start.get().is_some()
    }

    /// Nanoseconds since the start; 0 before it.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.start.get().map_or(0, |start| {
            u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
        })
    }
}

/// A step that has begun. It is recorded when it is dropped: with its reply, or as lost.
pub(super) struct Underway<'a> {
    race: &'a Race,
    user: UserId,
    seat: SeatId,
    invoked_ns: u64,
    step: Step,
    pub(super) reply: Reply,
}

impl<'a> Underway<'a> {
    pub(super) fn begin(race: &'a Race, user: UserId, seat: SeatId, step: Step) -> Self {
        let (invoked_ns, reply) = (race.clock.now_ns(), Reply::Lost);
        Self {
            race,
            user,
            seat,
            invoked_ns,
            step,
            reply,
        }
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.race.log.step(Event {
            user: self.user,
            seat: self.seat,
            step: self.step,
            reply: self.reply,
            invoked_ns: self.invoked_ns,
            completed_ns: self.race.clock.now_ns(),
        });
    }
}
