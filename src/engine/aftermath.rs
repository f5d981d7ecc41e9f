//! What went wrong in a race as was asked for, and what its users left behind.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use super::Engine;
use crate::fault::{Injector, Order, ServiceFault, Setting};
use crate::history::{Event, FaultCount, History, LockLeft, Reply, Step};
use crate::plan::Plan;
use crate::seat::SeatId;
use crate::strategy::Strategy;

impl Engine {
    /// Lets befall the services what the users' faults order, for as long as it is polled.
    pub(super) async fn carry_out(
        &self,
        orders: Option<UnboundedReceiver<Order>>,
        limit: Duration,
    ) {
        let Some(mut orders) = orders else {
            return std::future::pending().await;
        };
        while let Some(Order { fault, done }) = orders.recv().await {
            let is_done = match fault {
                ServiceFault::Restart => {
                    let is_there = !self.services.world.locks.is_empty();
                    is_there && self.services.restart(0, limit).await.is_ok()
                }
                ServiceFault::Pause(time) => self.services.pause(time).await,
            };
            // Whoever ordered it may be gone.
            let _ = done.send(is_done);
        }
        std::future::pending::<()>().await;
    }

    /// Removes what the users left behind, so that no other race meets it: the locks among it.
    pub(super) async fn tidy<S: Strategy>(
        &self,
        strategy: &S,
        plan: &Plan,
        history: &History,
    ) -> Vec<LockLeft> {
        let needs = strategy.needs();
        let seats = if needs.counts_grants {
            plan.seats_wanted()
        } else {
            seats_left(history)
        };
        if let Some(transactions) = &self.services.world.transactions {
            transactions.forsake_all();
        }
        let locks = &self.services.world.locks;
        let mut left = Vec::new();
        for (node, lock) in locks.iter().take(usize::from(needs.locks)).enumerate() {
            if seats.is_empty() {
                continue;
            }
            if node == 0 {
                left = lock.left(&seats, plan.timeout).await.unwrap_or_default();
            }
            // What cannot be removed ends by itself, and is refused by name in the next race.
            let _ = lock.sweep(&seats, plan.timeout).await;
        }
        if needs.locks == 0 && strategy.ttl().is_some() {
            // Claims are of this run only, so that no other meets them.
            let claims = self.services.world.store.claims().await.unwrap_or_default();
            left.extend(claims.into_iter().map(|(seat, life)| (seat, Some(life))));
        }
        let left = left.into_iter().map(|(seat, life)| LockLeft {
            seat,
            left_ms: life.map(|life| u64::try_from(life.as_millis()).unwrap_or(u64::MAX)),
        });
        left.collect()
    }
}

/// What befalls the users of a race, and where that of the services is ordered.
pub(super) fn faults_of<S: Strategy>(
    strategy: &S,
    plan: &Plan,
    round: u32,
) -> (Option<Box<Injector>>, Option<UnboundedReceiver<Order>>) {
    if plan.faults.is_empty() {
        return (None, None);
    }
    let setting = Setting {
        seed: plan.seed.round(round),
        ttl: strategy.ttl().map(crate::client::Ttl::as_duration),
        renews: strategy.renews(),
    };
    let (injector, orders) = Injector::new(&plan.faults, setting);
    (Some(Box::new(injector)), Some(orders))
}

pub(super) fn counted(faults: &Injector) -> Vec<FaultCount> {
    let happened = faults.happened().into_iter();
    happened
        .map(|it| FaultCount {
            fault: it.fault,
            happened: it.count,
        })
        .collect()
}

/// The seats whose locks may still be held: more were granted than certainly ended.
fn seats_left(history: &History) -> Vec<SeatId> {
    let is_grant = |event: &Event| {
        event.step == Step::Acquire && matches!(event.reply, Reply::Granted | Reply::Lost)
    };
    let is_end = |event: &Event| {
        event.step == Step::Release && matches!(event.reply, Reply::Released | Reply::NotHeld)
    };
    let has_nodes = history.events.iter().any(|event| event.node > 0);
    let many =
        |is: &dyn Fn(&Event) -> bool| history.events.iter().filter(|event| is(event)).count();
    // One look is enough where nobody releases what it was not granted.
    if !has_nodes && many(&is_grant) <= many(&is_end) {
        return Vec::new();
    }
    let mut open = HashSet::new();
    for event in history.events.iter() {
        let key = (event.seat, event.user, event.node);
        if is_grant(&event) {
            open.insert(key);
        } else if is_end(&event) {
            open.remove(&key);
        }
    }
    let seats: BTreeSet<SeatId> = open.into_iter().map(|(seat, ..)| seat).collect();
    seats.into_iter().collect()
}
