//! The injector of faults: decided for each user by the seed, and counted when they happen.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::RngExt;
use tokio::sync::{mpsc, oneshot};

use super::{Fault, FaultCount, RaceFault};
use crate::seat::UserId;
use crate::seed::{Purpose, Seed};
use crate::step::{Service, Step};

/// A stall is longer than the time to live by a half, and by this at the least.
const STALL_MORE: Duration = Duration::from_millis(5);

/// A fault that strikes a user after a step.
#[derive(Debug)]
pub(crate) enum Effect {
    /// It stands still for this long.
    Stall(Duration),
    /// What it holds for a time expires; the fault's place, to count it when it held anything.
    Expire(usize),
    /// It never moves again.
    Crash,
    /// It abandons its attempt.
    GiveUp,
    /// The lock service is struck; the fault's place, to count it when that has happened.
    Service(usize, ServiceFault),
}

/// A fault that strikes the lock service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServiceFault {
    /// It forgets everything.
    Restart,
    /// It stands still for this long.
    Pause(Duration),
}

impl ServiceFault {
    /// Whether it forgets what was held.
    #[must_use]
    pub(crate) const fn is_restart(self) -> bool {
        match self {
            Self::Restart => true,
            Self::Pause(_) => false,
        }
    }
}

/// A request to inject a fault into a service, answered with whether it happened.
#[derive(Debug)]
pub(crate) struct FaultRequest {
    /// What.
    pub(crate) fault: ServiceFault,
    /// Where to say so.
    pub(crate) done: oneshot::Sender<bool>,
}

/// What the faults depend on beside themselves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FaultContext {
    /// What every draw comes from.
    pub(crate) seed: Seed,
    /// How long what a user holds lives; `None` when it holds nothing for a time.
    pub(crate) ttl: Option<Duration>,
}

/// The faults of one race.
#[derive(Debug)]
pub(crate) struct Injector {
    faults: Vec<(RaceFault, AtomicU64)>,
    setting: FaultContext,
    users: Mutex<Users>,
    orders: mpsc::UnboundedSender<FaultRequest>,
}

/// Who was struck.
#[derive(Debug, Default)]
struct Users {
    /// By which fault; each strikes a user once.
    struck: HashSet<(usize, UserId)>,
    crashed: HashSet<UserId>,
    given_up: HashSet<UserId>,
    stalled: HashSet<UserId>,
    /// Users whose locks and claims expire before their next step, and by which fault.
    due: Vec<(UserId, usize)>,
    /// Faults of the service, which happen once.
    services: HashSet<usize>,
}

impl Injector {
    /// These faults, and where those of the service are ordered.
    #[must_use]
    pub(crate) fn new(
        faults: &[RaceFault],
        setting: FaultContext,
    ) -> (Self, mpsc::UnboundedReceiver<FaultRequest>) {
        let (orders, ordered) = mpsc::unbounded_channel();
        let faults = faults.iter().map(|fault| (*fault, AtomicU64::new(0)));
        let injector = Self {
            faults: faults.collect(),
            setting,
            users: Mutex::default(),
            orders,
        };
        (injector, ordered)
    }

    /// How much longer this round trip takes.
    pub(crate) fn delay(&self, user: UserId, step: Step) -> Option<Duration> {
        let slow = self.drawn(user, step, Fault::Slow);
        let times = slow.map(|at| {
            self.count(at);
            self.faults[at].0.time.unwrap_or_default()
        });
        times.reduce(|sum, time| sum + time)
    }

    /// Whether the reply to this step does not arrive.
    pub(crate) fn loses_reply(&self, user: UserId, step: Step) -> bool {
        let mut lost = self.drawn(user, step, Fault::LostReply);
        lost.find(|at| self.strikes_first(*at, user))
            .inspect(|at| self.count(*at))
            .is_some()
    }

    /// Whether the request of this step does not arrive.
    pub(crate) fn loses_request(&self, user: UserId, step: Step) -> bool {
        let mut lost = self.drawn(user, step, Fault::LostRequest);
        let struck =
            lost.find(|at| step.service() != Service::Nobody && self.strikes_first(*at, user));
        struck.inspect(|at| self.count(*at)).is_some()
    }

    /// How much later the request of this step arrives; with the fault's place, to count it when it
    /// could be held back.
    pub(crate) fn lateness(&self, user: UserId, step: Step) -> Option<(usize, Duration)> {
        let mut late = self.drawn(user, step, Fault::Late);
        let at = late.find(|at| step.can_be_late() && self.strikes_first(*at, user))?;
        Some((at, self.faults[at].0.time.unwrap_or_default()))
    }

    /// The faults that strike the user after this step.
    pub(crate) fn after(&self, user: UserId, step: Step) -> Vec<Effect> {
        let drawn = (0..self.faults.len()).filter(|at| self.is_drawn(*at, user, step));
        let strikes = drawn.filter_map(|at| self.strike(at, user).map(|strike| (at, strike)));
        let mut strikes: Vec<(usize, Effect)> = strikes.collect();
        // A user that has crashed is struck no more.
        strikes.sort_by_key(|(_, strike)| matches!(strike, Effect::Crash));
        for (at, strike) in &strikes {
            match strike {
                Effect::Stall(_) | Effect::Crash | Effect::GiveUp => self.count(*at),
                // Counted when it is known whether it has.
                Effect::Service(..) | Effect::Expire(_) => {}
            }
        }
        strikes.into_iter().map(|(_, strike)| strike).collect()
    }

    fn strike(&self, at: usize, user: UserId) -> Option<Effect> {
        let fault = self.faults[at].0;
        let strike = match fault.fault {
            Fault::Stall => {
                let ttl = self.setting.ttl?;
                Effect::Stall(ttl + (ttl / 2).max(STALL_MORE))
            }
            Fault::Expire => Effect::Expire(at),
            Fault::Crash => Effect::Crash,
            Fault::GiveUp => Effect::GiveUp,
            Fault::Restart => Effect::Service(at, ServiceFault::Restart),
            Fault::PauseRedis => {
                Effect::Service(at, ServiceFault::Pause(fault.time.unwrap_or_default()))
            }
            Fault::LostReply | Fault::LostRequest | Fault::Late | Fault::Slow => return None,
        };
        let is_first = if fault.fault.is_of_a_service() {
            self.users().services.insert(at)
        } else {
            self.strikes_first(at, user)
        };
        is_first.then_some(strike)
    }

    /// Requests a fault of the service, and waits for the answer: whether it happened.
    pub(crate) async fn carry_out(&self, fault: ServiceFault) -> bool {
        let (done, is_done) = oneshot::channel();
        let is_ordered = self.orders.send(FaultRequest { fault, done }).is_ok();
        is_ordered && is_done.await.unwrap_or(false)
    }

    /// What the user holds for a time expires before its next step, by the fault at this place.
    pub(crate) fn postpone(&self, user: UserId, at: usize) {
        self.users().due.push((user, at));
    }

    /// The faults by which what the user holds expires now.
    pub(crate) fn take_due(&self, user: UserId) -> Vec<usize> {
        let mut users = self.users();
        let due = users.due.extract_if(.., |(whose, _)| *whose == user);
        due.map(|(_, at)| at).collect()
    }

    /// The fault at this place has happened.
    pub(crate) fn count(&self, at: usize) {
        self.faults[at].1.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether a fault of the lock service has happened.
    pub(crate) fn has_struck_a_service(&self) -> bool {
        let mut faults = self.faults.iter();
        faults.any(|(fault, count)| {
            fault.fault.is_of_a_service() && count.load(Ordering::Relaxed) > 0
        })
    }

    /// How often each fault has happened.
    pub(crate) fn happened(&self) -> Vec<FaultCount> {
        let faults = self.faults.iter();
        faults
            .map(|(fault, count)| FaultCount {
                fault: fault.to_string(),
                happened: count.load(Ordering::Relaxed),
            })
            .collect()
    }

    /// The user never moves again.
    pub(crate) fn set_crashed(&self, user: UserId) {
        self.users().crashed.insert(user);
    }

    /// Whether the user never moves again.
    pub(crate) fn has_crashed(&self, user: UserId) -> bool {
        self.users().crashed.contains(&user)
    }

    /// The user has abandoned its attempt.
    pub(crate) fn set_given_up(&self, user: UserId) {
        self.users().given_up.insert(user);
    }

    /// Whether the user has abandoned its attempt.
    pub(crate) fn has_given_up(&self, user: UserId) -> bool {
        self.users().given_up.contains(&user)
    }

    /// The user stands still, or does not any more.
    pub(crate) fn set_stalled(&self, user: UserId, is_stalled: bool) {
        let mut users = self.users();
        if is_stalled {
            users.stalled.insert(user);
        } else {
            users.stalled.remove(&user);
        }
    }

    /// Whether the user stands still.
    pub(crate) fn is_stalled(&self, user: UserId) -> bool {
        self.users().stalled.contains(&user)
    }

    fn users(&self) -> std::sync::MutexGuard<'_, Users> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn strikes_first(&self, at: usize, user: UserId) -> bool {
        self.users().struck.insert((at, user))
    }

    /// The faults of this kind that the seed has for this step of this user.
    fn drawn(&self, user: UserId, step: Step, kind: Fault) -> impl Iterator<Item = usize> + '_ {
        (0..self.faults.len())
            .filter(move |at| self.faults[*at].0.fault == kind && self.is_drawn(*at, user, step))
    }

    fn is_drawn(&self, at: usize, user: UserId, step: Step) -> bool {
        let fault = self.faults[at].0;
        if fault.after.is_some_and(|after| after != step) {
            return false;
        }
        // A seed of its own for every fault and step, as for every round.
        let place = u32::try_from(at).unwrap_or(u32::MAX) << 8 | step as u32;
        let mut stream = self
            .setting
            .seed
            .round(place)
            .stream(Purpose::Fault, user.0);
        stream.random::<f64>() < fault.rate
    }
}
