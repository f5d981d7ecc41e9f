//! Services as the users of a race see them: which of them carries out a step.

use std::task::{Context, Poll};

use crate::plan::Isolation;
use crate::seat::{SeatId, UserId};
use crate::step::{Reply, Service, Step};

use super::lock::{AddressedRequest, LateRequest, LockRequest, LockService, LockUpkeep, Ttl};
use super::queue::{RequestId, ServiceReply};
use super::request::{Caller, StepRequest};
use super::store::{
    BeginOptions, LateStatement, Obstacle, Store, StoreRequest, StoreWork, TransactionWork,
};

/// How long a step waits for another's transaction that begins its own where none is open.
const BUSY_TIMEOUT_MS: u32 = 600_000;

/// The services of a run, shared by its users.
#[derive(Debug)]
pub struct SharedServices {
    /// The database that all bookings are in.
    pub store: Store,
    /// The lock services, of which most strategies use the first; none when no strategy of the run
    /// takes a lock.
    pub locks: Vec<LockService>,
}

/// Whether others move while a step is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// They do.
    Racing,
    /// An interleaving is forced: a step never waits for what comes later in it.
    Forced,
}

/// Where a step is carried out.
enum StepTarget {
    Store(StoreRequest),
    Transaction(TransactionWork, BeginOptions),
    /// The lock service of this number.
    Lock(u8, AddressedRequest),
    /// No service is asked.
    Nobody,
}

impl SharedServices {
    /// Makes room for so many users who wait at once.
    pub fn make_room_for(&self, users: u32) {
        let users = usize::try_from(users).unwrap_or(0);
        self.store.queue().make_room_for(users);
        for lock in &self.locks {
            lock.queue().make_room_for(users);
        }
    }

    /// Tells the services to carry out nothing more of what users wait for.
    pub fn halt(&self) {
        self.store.queue().halt();
        self.locks.iter().for_each(|lock| lock.queue().halt());
    }

    /// Submits a step to the queue of the service that carries it out. There is no reply to what no
    /// service takes from a queue, or to a lock that the strategy did not say it needs: the step fails.
    pub fn submit(&self, request: StepRequest, caller: Caller) -> RequestId {
        match target_of(request, caller) {
            StepTarget::Store(request) => self.store.queue().submit(StoreWork::User(request)),
            StepTarget::Lock(node, request) => match self.lock(node) {
                Some(lock) => lock.queue().submit(request),
                None => RequestId::NONE,
            },
            StepTarget::Transaction(..) | StepTarget::Nobody => RequestId::NONE,
        }
    }

    /// The reply to a submitted step, once it is there. Of several lock services, the one of this number
    /// was asked.
    pub fn poll(
        &self,
        (step, node): (Step, u8),
        id: RequestId,
        cx: &mut Context<'_>,
    ) -> Poll<ServiceReply> {
        match (step.service(), self.lock(node)) {
            (Service::Lock, Some(lock)) => lock.queue().poll(id, cx),
            (Service::Lock | Service::Database | Service::Nobody, _) => {
                self.store.queue().poll(id, cx)
            }
        }
    }

    /// Nobody waits any more for the reply to a submitted step.
    pub fn abandon(&self, (step, node): (Step, u8), id: RequestId) {
        match (step.service(), self.lock(node)) {
            (Service::Lock, Some(lock)) => lock.queue().abandon(id),
            (Service::Lock | Service::Database | Service::Nobody, _) => {
                self.store.queue().abandon(id);
            }
        }
    }

    /// Carries out a step of a service, also one of the user's own transaction.
    pub async fn act(&self, request: StepRequest, caller: Caller, pace: Pace) -> ServiceReply {
        match target_of(request, caller) {
            StepTarget::Store(request) => match pace {
                Pace::Racing => self.ask_store(request).await,
                Pace::Forced => self.store.call_forced(request).await,
            },
            StepTarget::Transaction(work, begin) => {
                let busy_timeout_ms = match pace {
                    Pace::Racing => begin.busy_timeout_ms,
                    Pace::Forced => 0,
                };
                let begin = BeginOptions {
                    busy_timeout_ms,
                    ..begin
                };
                self.store.transact(caller.user, work, begin).await
            }
            StepTarget::Lock(node, request) => match self.lock(node) {
                Some(lock) => lock.queue().call(request).await,
                None => Reply::Failed.into(),
            },
            StepTarget::Nobody => Reply::Failed.into(),
        }
    }

    /// Sends a step that is carried out later.
    ///
    /// # Errors
    /// What it was answered, when it could not be held up; [`Reply::Failed`] when it was not sent.
    pub async fn send_late(
        &self,
        request: StepRequest,
        caller: Caller,
        pace: Pace,
    ) -> Result<OnItsWay, ServiceReply> {
        let unsent = Err(Reply::Failed.into());
        if !request.can_be_late() {
            return unsent;
        }
        match target_of(request, caller) {
            StepTarget::Store(request) => {
                let obstacle = match pace {
                    Pace::Racing => Obstacle::Own,
                    Pace::Forced => Obstacle::OwnOrAny,
                };
                let sent = self.store.send_late(request, obstacle).await?;
                Ok(OnItsWay(To::Store(sent)))
            }
            StepTarget::Lock(node, request) => match self.lock(node) {
                Some(lock) => match lock.send_late(request).await {
                    Ok(sent) => Ok(OnItsWay(To::Lock(node, sent))),
                    Err(_) => unsent,
                },
                None => unsent,
            },
            StepTarget::Transaction(..) | StepTarget::Nobody => unsent,
        }
    }

    /// Ends the time of what the user holds for a time, its locks and its claim on the seat: whether it
    /// held anything.
    pub async fn expire(&self, caller: Caller) -> bool {
        // What cannot be reached says so in its next answer.
        let mut has_held = false;
        for lock in &self.locks {
            let expired = lock.upkeep((caller.seat, caller.token), LockUpkeep::Expire);
            has_held |= expired.await.unwrap_or(false);
        }
        let claim = StoreRequest::Expire {
            seat: caller.seat,
            user: Some(caller.user),
        };
        has_held | self.ask_store(claim).await.reply.is_done()
    }

    /// Ends the time of whatever claim there is on the seat: whether there was one.
    pub async fn expire_claim(&self, seat: SeatId) -> bool {
        // A store that has failed says so in its next answer.
        let claim = StoreRequest::Expire { seat, user: None };
        self.ask_store(claim).await.reply.is_done()
    }

    /// Undoes what a user that is gone has not committed, and waits until it is undone.
    pub async fn roll_back(&self, user: UserId) {
        let begin = BeginOptions {
            isolation: Isolation::default(),
            busy_timeout_ms: 0,
        };
        // Most users have no transaction.
        let _ = self
            .store
            .transact(user, TransactionWork::Rollback, begin)
            .await;
    }

    /// Extends the life of the user's lock.
    pub async fn renew(&self, caller: Caller, ttl: Ttl) {
        if let Some(lock) = self.lock(0) {
            let renewed = lock.upkeep((caller.seat, caller.token), LockUpkeep::Renew(ttl));
            // A lock that cannot be renewed runs out, which is its holder's to notice.
            let _ = renewed.await;
        }
    }

    /// Whether nobody holds the lock of the seat, so that another try may succeed; `None` when its
    /// service does not say.
    pub async fn is_free(&self, caller: Caller) -> Option<bool> {
        let Some(lock) = self.lock(0) else {
            return Some(true);
        };
        let asked = lock.upkeep((caller.seat, caller.token), LockUpkeep::IsFree);
        asked.await.ok()
    }

    async fn ask_store(&self, request: StoreRequest) -> ServiceReply {
        self.store.queue().call(StoreWork::User(request)).await
    }

    fn lock(&self, node: u8) -> Option<&LockService> {
        self.locks.get(usize::from(node))
    }
}

/// A request on its way. Dropped, it never arrives.
#[derive(Debug)]
pub struct OnItsWay(To);

#[derive(Debug)]
enum To {
    Store(LateStatement),
    /// The lock service of this number, from 0.
    Lock(u8, LateRequest),
}

impl OnItsWay {
    /// Lets it arrive: what it is answered.
    pub async fn arrive(self, services: &SharedServices) -> ServiceReply {
        match self.0 {
            To::Store(statement) => statement.arrive().await,
            To::Lock(node, request) => match services.lock(node) {
                Some(lock) => lock.arrive(request).await,
                None => Reply::Failed.into(),
            },
        }
    }

    /// Whether it is to arrive at this lock service.
    #[must_use]
    pub const fn goes_to(&self, node: u8) -> bool {
        match self.0 {
            To::Lock(to, _) => to == node,
            To::Store(_) => false,
        }
    }
}

fn target_of(request: StepRequest, caller: Caller) -> StepTarget {
    let Caller {
        seat, user, stamp, ..
    } = caller;
    let lock = |node, request| StepTarget::Lock(node, (seat, caller.token, request));
    let store = |transaction: Option<Isolation>, request| match transaction {
        None => StepTarget::Store(request),
        Some(isolation) => StepTarget::Transaction(
            TransactionWork::Step(request),
            BeginOptions {
                isolation,
                busy_timeout_ms: BUSY_TIMEOUT_MS,
            },
        ),
    };
    let ended = |work| {
        let begin = BeginOptions {
            isolation: Isolation::default(),
            busy_timeout_ms: BUSY_TIMEOUT_MS,
        };
        StepTarget::Transaction(work, begin)
    };
    match request {
        StepRequest::Acquire { node, how } => lock(node, LockRequest::Acquire(how)),
        StepRequest::SetTtl { ttl } => lock(0, LockRequest::SetTtl(ttl)),
        StepRequest::Verify => lock(0, LockRequest::Verify),
        StepRequest::Release { node, command } => lock(node, LockRequest::Release(command)),
        StepRequest::Check(how) => store(how.transaction, StoreRequest::Check { seat, how, stamp }),
        StepRequest::Insert(how) => {
            let insert = StoreRequest::Insert {
                seat,
                user,
                how,
                stamp,
            };
            store(how.transaction, insert)
        }
        StepRequest::Hold { ttl } => store(None, StoreRequest::Hold { seat, user, ttl }),
        StepRequest::Confirm => store(None, StoreRequest::Confirm { seat, user }),
        StepRequest::Begin {
            isolation,
            busy_timeout_ms,
        } => {
            let begin = BeginOptions {
                isolation,
                busy_timeout_ms,
            };
            StepTarget::Transaction(TransactionWork::Begin, begin)
        }
        StepRequest::Commit => ended(TransactionWork::Commit),
        StepRequest::Rollback => ended(TransactionWork::Rollback),
        StepRequest::Validate { .. } | StepRequest::Wait => StepTarget::Nobody,
    }
}
