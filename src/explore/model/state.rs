//! The stores as the model sees them: one seat, its locks, and who has what.

use super::database::ModelDatabase;
use super::lease::Lease;
use super::locks::{Locks, Value};
use super::room::{Act, Room, USERS_MAX};
use super::rows::By;
use crate::client::{LockRequest, PendingStep, ServiceRequest, StepRequest, StoreStep};
use crate::history::{Reply, Service};

/// The database and the lock services. Every step on them is one indivisible act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(in crate::explore) struct ModelState {
    pub(in crate::explore) database: ModelDatabase,
    pub(in crate::explore) locks: Locks,
    /// What came with a reply to each user: the token of its lock, or the version of the seat.
    stamps: [u8; USERS_MAX],
}

/// What goes along with a request, as it was when it was sent.
#[derive(Debug, Clone, Copy)]
pub(in crate::explore) struct Sent {
    /// The token of the user's lock, or the version of the seat.
    pub(in crate::explore) stamp: u8,
    /// Whether the user's lease was over.
    pub(in crate::explore) is_lease_over: bool,
}

impl ModelState {
    /// Carries out a step: what it is answered.
    pub(in crate::explore) fn act(&mut self, act: &Act) -> Reply {
        match act.pending.request {
            StepRequest::Validate { .. } => self.locks.validate(act.user),
            StepRequest::Wait if self.locks.is_free(act) => Reply::Again,
            StepRequest::Wait => Reply::TimeUp,
            // A strategy that takes a lock without having said so.
            StepRequest::Service(ServiceRequest::Lock { node, .. })
                if usize::from(node) >= act.room.nodes =>
            {
                Reply::Failed
            }
            StepRequest::Service(ServiceRequest::Lock { request, .. }) => self.lock(act, request),
            StepRequest::Service(ServiceRequest::Store(step)) => self.store(act, step),
        }
    }

    fn lock(&mut self, act: &Act, request: LockRequest) -> Reply {
        match request {
            LockRequest::Acquire(how) => {
                let (reply, token) = self.locks.acquire(act, how);
                self.remember(act, token);
                reply
            }
            LockRequest::SetTtl(_) => self.locks.set_ttl(act),
            LockRequest::Verify if self.locks.holds(act) => Reply::StillHeld,
            LockRequest::Verify => Reply::NotHeld,
            LockRequest::Release(command) => self.locks.release(act, command),
        }
    }

    fn store(&mut self, act: &Act, step: StoreStep) -> Reply {
        let by = By {
            user: act.user,
            seat: act.room.seat_of(act.user),
            stamp: self.stamps[act.user],
            is_in_lease: self.locks.is_in_time(act.user),
        };
        match step {
            StoreStep::Hold { .. } => {
                let reply = self.database.hold(by);
                if reply == Reply::Granted {
                    self.locks.claim(act.user);
                }
                reply
            }
            StoreStep::Check(how) => {
                let (reply, version) = self.database.check(by, how);
                self.remember(act, version);
                reply
            }
            StoreStep::Insert(how) => self.database.insert(by, how),
            StoreStep::Confirm => self.database.confirm(by),
            StoreStep::Begin(how) => self.database.begin(by, how.isolation),
            StoreStep::Commit => self.database.commit(by),
            StoreStep::Rollback => self.database.roll_back(by),
        }
    }

    /// The user keeps the token or the version that came with a reply, if it heard that.
    fn remember(&mut self, act: &Act, stamp: Option<u8>) {
        if let (true, Some(stamp)) = (act.is_heard, stamp) {
            self.stamps[act.user] = stamp;
        }
    }

    /// What goes along with a request that this user sends.
    pub(in crate::explore) fn sent_by(&self, user: usize) -> Sent {
        Sent {
            stamp: self.stamps[user],
            is_lease_over: matches!(self.locks.lease(user), Lease::Over | Lease::ClaimOver),
        }
    }

    /// The user asks for its lock to be freed, whatever becomes of that.
    pub(in crate::explore) fn stop_going_by_the_lock(&mut self, user: usize) {
        self.locks.set_lease(user, Lease::None);
    }

    /// Whether a request could be carried out now: a writer waits for another's open transaction.
    pub(in crate::explore) fn can_carry_out(&self, pending: PendingStep) -> bool {
        pending.step().service() == Service::Lock || self.database.can_write()
    }

    /// Carries out a step that was sent before, as it was sent then. Its user does not know, and goes
    /// by what it knows.
    pub(in crate::explore) fn arrive(&mut self, act: &Act, sent: Sent) -> Reply {
        let user = act.user;
        let known = (self.locks.lease(user), self.stamps[user]);
        self.stamps[user] = sent.stamp;
        if sent.is_lease_over {
            self.locks.set_lease(user, known.0.over());
        }
        let reply = self.act(act);
        self.locks.set_lease(user, known.0);
        self.stamps[user] = known.1;
        reply
    }

    /// The time to live of the locks that are held with these values ends, or that of the claims; their
    /// holders do not notice.
    pub(in crate::explore) fn expire(
        &mut self,
        node: usize,
        room: Room,
        may_expire: impl Fn(Value) -> bool,
    ) {
        self.locks.expire(node, room, may_expire);
        for user in self.database.rows_mut().expire(None) {
            self.locks.set_lease(user, self.locks.lease(user).over());
        }
    }

    /// What a user holds for a time ends while it stands still. A lock without a time to live stays.
    pub(in crate::explore) fn stall(&mut self, user: usize) {
        self.locks.stall(user);
        self.database.rows_mut().expire(Some(user)).for_each(drop);
    }
}
