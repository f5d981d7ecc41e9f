//! Faults that can never happen to a strategy, and why; those that would outlast a race.

use std::time::Duration;

use crate::client::Ttl;
use crate::fault::{Fault, RaceFault};
use crate::strategy::Strategy;

/// The longest time to live that a user may stall through.
const STALL_MAX: Duration = Duration::from_secs(30);

/// Why a step of a transaction is never late.
const IN_ORDER: &str =
    "inserts in a transaction, whose steps come in their order on one connection";

/// Why a race of this strategy can never have the fault, with the strategy as the subject; `None` when
/// it can.
#[must_use]
pub(crate) fn why_never_in_race<S: Strategy>(fault: &RaceFault, strategy: &S) -> Option<String> {
    why_no_step(fault, strategy).or_else(|| why_never(fault.fault, strategy).map(str::to_owned))
}

/// The limit that a race with the fault would outlast: a user that stalls sleeps longer than the time to
/// live, and a late request or a paused Redis is waited for until the timeout. `None` when it ends before.
#[must_use]
pub(crate) fn outlasts(fault: &RaceFault, ttl: Option<Ttl>, timeout: Duration) -> Option<Duration> {
    match fault.fault {
        Fault::Stall => ttl
            .filter(|ttl| ttl.as_duration() > STALL_MAX)
            .map(|_| STALL_MAX),
        Fault::Late | Fault::PauseRedis => {
            fault.time.filter(|time| *time >= timeout).map(|_| timeout)
        }
        Fault::Expire
        | Fault::Crash
        | Fault::GiveUp
        | Fault::LostReply
        | Fault::LostRequest
        | Fault::Restart
        | Fault::Slow => None,
    }
}

/// Why the fault strikes no step of the strategy.
fn why_no_step<S: Strategy>(fault: &RaceFault, strategy: &S) -> Option<String> {
    let (wanted, steps) = (fault.after?, strategy.steps()?);
    if steps.contains(&wanted) {
        let is_in_order = fault.fault == Fault::Late && !strategy.late_steps()?.contains(&wanted);
        return is_in_order.then(|| IN_ORDER.to_owned());
    }
    let names: Vec<&str> = steps.iter().map(|step| step.name()).collect();
    let settings = strategy.settings();
    let how = if settings.is_empty() {
        ""
    } else {
        "with these options "
    };
    Some(format!(
        "has no step '{wanted}' ({how}it has {})",
        names.join(", ")
    ))
}

/// Why the fault has nothing to strike, in a race and in a search; `None` when it may have.
#[must_use]
pub(crate) fn why_never<S: Strategy>(fault: Fault, strategy: &S) -> Option<&'static str> {
    match fault {
        Fault::Expire | Fault::Stall if strategy.ttl().is_none() => {
            Some("holds nothing for a time")
        }
        Fault::Restart | Fault::PauseRedis if strategy.needs().locks == 0 => Some("asks no Redis"),
        Fault::Late if strategy.late_steps().is_some_and(|steps| steps.is_empty()) => {
            Some(IN_ORDER)
        }
        Fault::Expire
        | Fault::Stall
        | Fault::Restart
        | Fault::PauseRedis
        | Fault::Late
        | Fault::Crash
        | Fault::GiveUp
        | Fault::LostReply
        | Fault::LostRequest
        | Fault::Slow => None,
    }
}
