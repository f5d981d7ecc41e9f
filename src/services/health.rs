//! Stall detection: a service that answers nobody is given up, so that no wait lasts forever.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::SharedServices;
use super::queue::Progress;
use crate::duration::Millis;

/// How many looks fall into the limit.
const LOOKS: u32 = 4;

/// Looks after the services for as long as it is polled.
pub(crate) async fn watch(services: &SharedServices, limit: Duration) {
    let mut store = StallDetector::default();
    let mut transactions = StallDetector::default();
    let mut locks: Vec<StallDetector> = services
        .locks
        .iter()
        .map(|_| StallDetector::default())
        .collect();
    let why = format!("no answer for {}, given up", Millis(limit));
    let mut ticks = tokio::time::interval(limit / LOOKS);
    // The runtime may not turn for seconds, as while millions of users are made ready. Looks that were
    // missed tell nothing: no reply could have been fetched between them.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let database = &services.store;
        if store.is_silent(database.queue().progress()) {
            database.give_up(&why);
        }
        if let Some(lent) = database.transactions()
            && transactions.is_silent(lent.progress())
        {
            lent.give_up(&why);
        }
        for (service, detector) in services.locks.iter().zip(&mut locks) {
            if detector.is_silent(service.queue().progress()) {
                service.give_up(&why);
            }
        }
    }
}

/// How often in a row a service was seen to owe replies and give none.
#[derive(Default)]
struct StallDetector {
    last: Option<Progress>,
    silent: u32,
}

impl StallDetector {
    fn is_silent(&mut self, progress: Progress) -> bool {
        let is_stuck = progress.is_owing && self.last == Some(progress);
        self.silent = if is_stuck { self.silent + 1 } else { 0 };
        self.last = Some(progress);
        self.silent >= LOOKS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_silent_only_after_the_whole_limit_without_a_reply() {
        let mut detector = StallDetector::default();
        let owing = |answered| Progress {
            answered,
            is_owing: true,
        };
        let looks = [
            owing(0),
            owing(0),
            owing(0),
            owing(0),
            owing(1),
            owing(1),
            owing(1),
            owing(1),
        ];
        assert!(
            looks
                .into_iter()
                .all(|progress| !detector.is_silent(progress))
        );
        assert!(detector.is_silent(owing(1)));
    }

    #[test]
    fn a_service_that_owes_nothing_is_never_silent() {
        let mut detector = StallDetector::default();
        let idle = Progress {
            answered: 7,
            is_owing: false,
        };
        assert!((0..20).all(|_| !detector.is_silent(idle)));
    }
}
