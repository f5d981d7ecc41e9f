//! The search of every interleaving, with the strategy's own code.
//!
//! A state of the search is the model's stores and the answers that each user has had so far; a
//! user's next step is found by polling its future with those answers. There is no second
//! description of the protocol that could drift from the first.

#![warn(clippy::wildcard_enum_match_arm)]

mod every;
mod limit;
pub mod matrix;
mod model;
mod property;
mod random_schedules;
pub mod replay;
mod state_machine;
mod trace;
mod watch;

use std::time::{Duration, Instant};

use stateright::{Checker, Model};
use tokio_util::sync::CancellationToken;

pub use every::interleavings;
pub use limit::Limit;
pub use model::Entrants;
pub use model::USERS_MAX;
pub use random_schedules::random_schedules;
pub use trace::{FollowError, Told, Trace, TraceLine, completion, follow};
pub use watch::{SearchProgress, SearchWatch};

use crate::checker::{Property, VerdictKind};
use crate::fault::{Fault, SearchFault};
use crate::schedule::Schedule;
use crate::seat::SeatId;
use crate::strategy::Strategy;
use model::RaceModel;
use model::bounds::Bounds;
use model::crowd::Crowd;

/// What is to be searched.
#[derive(Debug, Clone)]
pub struct Search {
    /// How many users race, 1 to [`USERS_MAX`].
    pub users: u32,
    /// The seat that each of them wants; empty when all want the same.
    pub seats: Vec<SeatId>,
    /// What may go wrong.
    pub faults: Vec<SearchFault>,
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
            seats: Vec::new(),
            faults: Vec::new(),
            limit_states: 10_000_000,
            limit_time: Duration::from_mins(1),
        }
    }
}

impl Search {
    fn entrants(&self) -> Entrants {
        if self.seats.is_empty() {
            Entrants::from(self.users)
        } else {
            Entrants::after(&self.seats)
        }
    }
}

/// What a search found out about one property.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What was asked.
    pub property: Property,
    /// The answer.
    pub answer: SearchVerdict,
    /// How many different states were looked at.
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
pub enum SearchVerdict {
    /// No interleaving breaks it.
    Holds,
    /// This one does, and none is shorter in what was looked at whole.
    Violated(Schedule),
    /// The search ended early, and had found none.
    Unknown(Limit),
}

impl SearchVerdict {
    /// Which of the three it is.
    #[must_use]
    pub const fn kind(&self) -> VerdictKind {
        match self {
            Self::Holds => VerdictKind::Holds,
            Self::Violated(_) => VerdictKind::Violated,
            Self::Unknown(_) => VerdictKind::Unknown,
        }
    }

    /// The answer's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }
}

/// Looks at every interleaving of the strategy's steps and the faults.
pub fn search<S: Strategy>(strategy: &S, property: Property, search: &Search) -> Found {
    search_until(strategy, property, search, &CancellationToken::new(), None)
}

/// The same, until `stop` is cancelled; `watch` is told how far it is.
pub fn search_until<S: Strategy>(
    strategy: &S,
    property: Property,
    search: &Search,
    stop: &CancellationToken,
    watch: Option<SearchWatch<'_>>,
) -> Found {
    let start = Instant::now();
    let until = start.checked_add(search.limit_time);
    let mut found: Option<Found> = None;
    for crowd in Crowd::all(strategy, search.entrants()) {
        let states = found.as_ref().map_or(0, |found| found.states);
        let bounds = Bounds::new(
            search.limit_states.saturating_sub(states),
            until,
            stop.clone(),
        );
        let race = RaceModel::new(strategy, crowd, &search.faults, property, bounds);
        let add = |now: SearchProgress| SearchProgress {
            states: states + now.states,
            ..now
        };
        let tell = |now| watch.iter().for_each(|watch| watch(add(now)));
        let watch: Option<SearchWatch<'_>> = watch.is_some().then_some(&tell);
        let more = search_race(race, property, watch);
        found = Some(match found {
            Some(before) => before.and(more),
            None => more,
        });
    }
    let found = found.unwrap_or_else(|| Found::nothing(property));
    Found {
        took: start.elapsed(),
        ..found
    }
}

impl Found {
    /// What was found where nobody takes part.
    const fn nothing(property: Property) -> Self {
        Self {
            property,
            answer: SearchVerdict::Holds,
            states: 0,
            depth: 0,
            took: Duration::ZERO,
            impossible: Vec::new(),
        }
    }

    /// The same of two searches.
    fn and(self, more: Self) -> Self {
        let answer =
            match (self.answer, more.answer) {
                (SearchVerdict::Violated(one), SearchVerdict::Violated(other))
                    if other.0.len() < one.0.len() =>
                {
                    SearchVerdict::Violated(other)
                }
                (found @ SearchVerdict::Violated(_), _)
                | (_, found @ SearchVerdict::Violated(_)) => found,
                (unknown @ SearchVerdict::Unknown(_), _)
                | (_, unknown @ SearchVerdict::Unknown(_)) => unknown,
                (SearchVerdict::Holds, SearchVerdict::Holds) => SearchVerdict::Holds,
            };
        let is_impossible = |fault: &Fault| more.impossible.contains(fault);
        Self {
            property: self.property,
            answer,
            states: self.states + more.states,
            depth: self.depth.max(more.depth),
            took: self.took + more.took,
            impossible: self.impossible.into_iter().filter(is_impossible).collect(),
        }
    }
}

fn search_race<S: Strategy>(
    race: RaceModel<S>,
    property: Property,
    watch: Option<SearchWatch<'_>>,
) -> Found {
    let start = Instant::now();
    race.look_at_the_start();
    if !is_there_a_thread() {
        race.bounds.end(Limit::Threads);
        return found(property, start, &race, None, 0);
    }
    // One thread and one property: only then is the first path found a shortest one.
    let checker = race.checker().threads(1).spawn_bfs();
    let checker = match watch {
        Some(watch) => watch::join(checker, watch),
        None => checker.join(),
    };
    let path = checker
        .discovery("asked")
        .map(|path| Schedule(path.into_actions()));
    found(property, start, checker.model(), path, checker.max_depth())
}

/// Whether the system gives one more thread; the search's own panics when there is none.
fn is_there_a_thread() -> bool {
    let tried = std::thread::Builder::new().spawn(|| ());
    tried.is_ok_and(|thread| thread.join().is_ok())
}

fn found<S: Strategy>(
    property: Property,
    start: Instant,
    race: &RaceModel<S>,
    path: Option<Schedule>,
    depth: usize,
) -> Found {
    let answer = match (race.bounds.ended(), path, race.bounds.is_lost()) {
        // What ended the search is no state that breaks it.
        (Some(limit), _, _) => SearchVerdict::Unknown(limit),
        (None, Some(schedule), _) => SearchVerdict::Violated(schedule),
        (None, None, true) => SearchVerdict::Unknown(Limit::Steps),
        (None, None, false) => SearchVerdict::Holds,
    };
    Found {
        property,
        answer,
        states: race.bounds.looked_at(),
        depth: watch::depth(depth),
        took: start.elapsed(),
        impossible: race.impossible(),
    }
}
