//! Faults of a race: those of its users, drawn from the seed, and those of its services, carried out.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use super::runner::Engine;
use crate::fault::{FaultContext, FaultRequest, Injector, ServiceFault};
use crate::plan::Plan;
use crate::strategy::Strategy;

impl Engine {
    /// Carries out the service faults that users order; never returns, so select on it.
    pub(super) async fn carry_out(
        &self,
        orders: Option<UnboundedReceiver<FaultRequest>>,
        limit: Duration,
    ) {
        let Some(mut orders) = orders else {
            return std::future::pending().await;
        };
        while let Some(FaultRequest { fault, done }) = orders.recv().await {
            let is_done = match fault {
                ServiceFault::Restart => {
                    let is_there = !self.services.shared.locks.is_empty();
                    is_there && self.services.restart(0, limit).await.is_ok()
                }
                ServiceFault::Pause(time) => self.services.pause(time).await,
            };
            // Whoever ordered it may be gone.
            let _ = done.send(is_done);
        }
        std::future::pending::<()>().await;
    }
}

/// The injector of what strikes the users of a race, and the requests for what strikes its services.
pub(super) fn faults_of<S: Strategy>(
    strategy: &S,
    plan: &Plan,
    round: u32,
) -> (
    Option<Box<Injector>>,
    Option<UnboundedReceiver<FaultRequest>>,
) {
    if plan.faults.is_empty() {
        return (None, None);
    }
    let setting = FaultContext {
        seed: plan.seed.round(round),
        ttl: strategy.ttl().map(crate::client::Ttl::as_duration),
    };
    let (injector, orders) = Injector::new(&plan.faults, setting);
    (Some(Box::new(injector)), Some(orders))
}
