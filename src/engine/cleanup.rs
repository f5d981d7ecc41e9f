//! Clean-up after a race: what its users left behind, found and removed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::runner::Engine;
use crate::fault::Fault;
use crate::history::{Event, LockLeft, Reply, Rows, Step, locks_left};
use crate::plan::Plan;
use crate::seat::SeatId;
use crate::services::lock::LockError;
use crate::strategy::{Needs, Strategy};

/// The seat of a lock, and how long it lives on; `None` for one without an end.
type LockLife = (SeatId, Option<Duration>);

impl Engine {
    /// Removes what the users left behind, so that no other race meets it: the locks among it. `None` when
    /// which they are could not be read.
    pub(super) async fn tidy<S: Strategy>(
        &self,
        strategy: &S,
        plan: &Plan,
        events: Arc<Rows<Event>>,
    ) -> Option<Vec<LockLeft>> {
        let needs = strategy.needs();
        let seats = match needs {
            Needs { locks: 0, .. } => Vec::new(),
            Needs {
                counts_grants: true,
                ..
            } => plan.seats_wanted(),
            // A request that arrived late is in no answer.
            _ if is_late_possible(plan) => plan.seats_wanted(),
            _ => {
                let steps = events.len();
                self.off_the_runtime(steps, move || seats_left(&events))
                    .await?
            }
        };
        self.services.shared.disconnect_all();
        let mut left = if seats.is_empty() {
            Some(Vec::new())
        } else {
            // What cannot be removed ends by itself, and is refused by name in the next race.
            let (left, _) = self.remove_locks(needs.locks, &seats, plan.timeout).await;
            left.ok()
        };
        if needs.locks == 0 && strategy.ttl().is_some() {
            // Claims are of this run only, so that no other meets them.
            let claims = self.services.shared.store.claims().await.ok();
            let life = |(seat, life)| LockLeft::from((seat, Some(life)));
            left = claims.map(|claims| claims.into_iter().map(life).collect());
        }
        left
    }

    /// Removes the locks that are left after a forced interleaving, on every lock service that the strategy
    /// uses.
    pub(super) async fn tidy_forced(
        &self,
        needs: Needs,
        plan: &Plan,
    ) -> Result<Vec<LockLeft>, LockError> {
        let seats = plan.seats_wanted_in(0);
        // A user that crashed has left its lock behind, and the next race does not wait for its end.
        let (left, removed) = self.remove_locks(needs.locks, &seats, plan.timeout).await;
        removed.and(left)
    }

    /// Removes the locks of these seats from so many lock services: which there were, one for each seat,
    /// and whether all are gone. A service that fails does not keep it from the others.
    async fn remove_locks(
        &self,
        services: u8,
        seats: &[SeatId],
        limit: Duration,
    ) -> (Result<Vec<LockLeft>, LockError>, Result<(), LockError>) {
        let mut left = Ok(Vec::new());
        let mut removed = Ok(());
        for lock in self.services.shared.locks.iter().take(services.into()) {
            let on_it = lock.left(seats, limit).await;
            left = left.and_then(|left| Ok(one_for_each_seat(left, on_it?)));
            removed = removed.and(lock.sweep(seats, limit).await);
        }
        let left = left.map(|left| left.into_iter().map(LockLeft::from).collect());
        (left, removed)
    }
}

/// Of the locks of one seat on several lock services, the one that lives longest.
fn one_for_each_seat(one: Vec<LockLife>, other: Vec<LockLife>) -> Vec<LockLife> {
    let mut longest: BTreeMap<SeatId, Option<Duration>> = BTreeMap::new();
    for (seat, life) in one.into_iter().chain(other) {
        let known = longest.entry(seat).or_insert(life);
        *known = known.zip(life).map(|(known, life)| known.max(life));
    }
    longest.into_iter().collect()
}

fn is_late_possible(plan: &Plan) -> bool {
    plan.faults.iter().any(|fault| fault.fault == Fault::Late)
}

/// The seats whose locks may still be held, each once: also by a request that nobody has heard of again.
fn seats_left(events: &Rows<Event>) -> Vec<SeatId> {
    let is_lost = |event: &Event| (event.step, event.reply) == (Step::Acquire, Reply::Lost);
    let lost = events.iter().filter(is_lost).map(|event| event.seat);
    let seats: BTreeSet<SeatId> = locks_left(events).into_iter().chain(lost).collect();
    seats.into_iter().collect()
}
