//! Does any interleaving break it? Every one is looked at, with the strategy's own code.
//!
//! A state of the search is the model's stores and the answers that each user has had so far; a
//! user's next step is found by polling its future with those answers. There is no second
//! description of the protocol that could drift from the first.

mod database;
mod late;
mod model;
mod property;
mod sample;
mod trace;
mod user;
mod world;

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use stateright::{Checker, Model};

pub use sample::samples;
pub use trace::{FollowError, Line, Told, Trace, follow, interleavings, to_the_end};
pub use world::USERS_MAX;

use crate::checker::Property;
use crate::fault::{Allowance, Fault};
use crate::schedule::Schedule;
use crate::strategy::Strategy;
use model::{Bounds, Race};

/// What is to be searched.
#[derive(Debug, Clone)]
pub struct Search {
    /// How many users race, 1 to [`USERS_MAX`].
    pub users: u32,
    /// What may go wrong.
    pub faults: Vec<Allowance>,
    /// The most different states that are looked at.
    pub limit_states: u64,
    /// The longest time that it may take.
    pub limit_time: Duration,
}

impl Default for Search {
    /// Two users, nothing goes wrong, ten million states (about two gigabytes), a minute.
    fn default() -> Self {
        Self {
            users: 2,
            faults: Vec::new(),
            limit_states: 10_000_000,
            limit_time: Duration::from_secs(60),
        }
    }
}

/// What a search found out about one property.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What was asked.
    pub property: Property,
    /// The answer.
    pub answer: Answer,
    /// How many different states were seen.
    pub states: u64,
    /// The most moves from the start to any of them.
    pub depth: u64,
    /// How long it took.
    pub took: Duration,
    /// What was allowed to go wrong, and could not in any state that was seen.
    pub impossible: Vec<Fault>,
}

/// The answer to a question about every interleaving.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// No interleaving breaks it.
    Holds,
    /// This one does, and none is shorter.
    Violated(Schedule),
    /// The search ended early, and had found none.
    Unknown(Limit),
}

/// What ended a search early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// The most states.
    States,
    /// The longest time.
    Time,
    /// An attempt of more steps than the model can follow, or one that waits for what is no step.
    Steps,
}

impl Answer {
    /// The answer's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Violated(_) => "violated",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// Looks at every interleaving of the strategy's steps and the faults.
pub fn search<S: Strategy>(strategy: &S, property: Property, search: &Search) -> Found {
    let start = Instant::now();
    let users = usize::try_from(search.users)
        .unwrap_or(USERS_MAX)
        .min(USERS_MAX);
    let bounds = Bounds::new(search.limit_states, start + search.limit_time);
    let race = Race::new(strategy.clone(), users, &search.faults, property, bounds);
    race.look_at_the_start();
    // One thread and one property: only then is the first path found a shortest one.
    let checker = race.checker().threads(1).spawn_bfs().join();
    let path = checker.discovery("asked");
    let limit = checker.model().bounds.reached();
    let impossible = checker.model().impossible();
    let answer = match (path, limit) {
        (Some(path), _) => Answer::Violated(Schedule(path.into_actions())),
        (None, Some(limit)) => Answer::Unknown(limit),
        (None, None) => Answer::Holds,
    };
    Found {
        property,
        answer,
        states: u64::try_from(checker.unique_state_count()).unwrap_or(u64::MAX),
        depth: u64::try_from(checker.max_depth())
            .unwrap_or(u64::MAX)
            .saturating_sub(1),
        took: start.elapsed(),
        impossible,
    }
}
