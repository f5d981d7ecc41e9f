//! The engine: the services that it races on, and what tells it to stop.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio_util::sync::CancellationToken;

use super::error::EngineError;
use super::memory;
use crate::history::{History, Outcome, Reply, RunKind};
use crate::plan::Plan;
use crate::services::Services;
use crate::services::lock::Held;

/// What came of an interleaving that was forced.
#[derive(Debug)]
pub struct Forced {
    /// The history of it.
    pub history: History,
    /// What each move was answered; `None` for a move that asks nothing.
    pub replies: Vec<Option<Reply>>,
    /// What each user was told; `None` for one that crashed or did not come to its end.
    pub outcomes: Vec<Option<Outcome>>,
    /// Who held the lock after each move, on each of the lock services.
    pub locks: Vec<Vec<Option<Held>>>,
    /// Where the users did something else than the schedule wants; the moves after it were not made.
    pub diverged: Option<String>,
}

/// Races strategies on the same services, one race after another.
#[derive(Debug)]
pub struct Engine {
    pub(super) services: Services,
    pub(super) stop: CancellationToken,
    pub(super) finished: Arc<AtomicU64>,
    pub(super) run: RunKind,
}

impl Engine {
    /// Whether the race of this plan fits into the machine.
    ///
    /// # Errors
    /// [`EngineError::TooLarge`] with the size that would fit.
    pub fn refuse_what_does_not_fit(plan: &Plan) -> Result<(), EngineError> {
        memory::refuse_what_does_not_fit(plan)
    }

    /// An engine on these services.
    #[must_use]
    pub fn new(services: Services) -> Self {
        Self {
            services,
            stop: CancellationToken::new(),
            finished: Arc::default(),
            run: RunKind::Race,
        }
    }

    /// This engine, whose races are part of this.
    #[must_use]
    pub fn racing_for(self, run: RunKind) -> Self {
        Self { run, ..self }
    }

    /// The services that are raced on.
    #[must_use]
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// How many users of all races so far have been told an outcome.
    #[must_use]
    pub fn finished(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.finished)
    }
}
