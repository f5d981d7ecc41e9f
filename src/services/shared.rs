//! Services as the users of a race see them: which of them carries out a step.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::plan::Isolation;
use crate::seat::{SeatId, UserId};
use crate::step::Reply;

use super::lock::{LateRequest, LockError, LockService, LockUpkeep, Ttl};
use super::pace::Pace;
use super::queue::{RequestId, ServiceReply};
use super::request::{Caller, ServiceRequest};
use super::store::{
    BeginOptions, LateStep, Store, StoreRequest, StoreStep, StoreWork, TransactionWork,
};

/// How long a step waits for another's transaction that begins its own where none is open.
const BUSY_TIMEOUT_MS: u32 = 600_000;

/// The services of a run, shared by its users.
#[derive(Debug)]
pub(crate) struct SharedServices {
    /// The database that all bookings are in.
    pub(crate) store: Store,
    /// The lock services, of which most strategies use the first; none when no strategy of the run
    /// takes a lock.
    pub(crate) locks: Vec<LockService>,
}

/// A step that waits for its reply in the queue of a service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Submitted {
    queue: QueueOf,
    id: RequestId,
}

/// Whose queue a step waits in.
#[derive(Debug, Clone, Copy)]
enum QueueOf {
    Store,
    /// The lock service of this number, from 0.
    Lock(u8),
}

impl Submitted {
    /// Which of several lock services was asked, from 0; 0 for a step that asks none.
    pub(crate) const fn node(self) -> u8 {
        match self.queue {
            QueueOf::Store => 0,
            QueueOf::Lock(node) => node,
        }
    }
}

/// Where a step is taken on the database.
enum StoreTarget {
    /// Among those of everybody.
    Queue(StoreRequest),
    /// On the connection of the user's own transaction.
    Transaction(TransactionWork),
}

impl SharedServices {
    /// Makes room for so many users who wait at once.
    pub(crate) fn make_room_for(&self, users: u32) {
        let users = usize::try_from(users).unwrap_or(0);
        self.store.queue().make_room_for(users);
        for lock in &self.locks {
            lock.queue().make_room_for(users);
        }
    }

    /// Tells the services to carry out nothing more of what users wait for.
    pub(crate) fn halt(&self) {
        self.store.queue().halt();
        self.locks.iter().for_each(|lock| lock.queue().halt());
    }

    /// Submits a step to the queue of its service; `None` for a step of the user's own transaction,
    /// which waits in no queue. On a lock that the strategy did not say it needs, the step fails.
    pub(crate) fn submit(&self, request: ServiceRequest, caller: Caller) -> Option<Submitted> {
        let (queue, id) = match request {
            ServiceRequest::Lock { node, request } => {
                let lock = self.locks.get(usize::from(node));
                let id = lock.map(|it| it.queue().submit((caller.seat, caller.token, request)));
                (QueueOf::Lock(node), id.unwrap_or(RequestId::NONE))
            }
            ServiceRequest::Store(step) => match target_of(step, caller) {
                StoreTarget::Queue(request) => {
                    let id = self.store.queue().submit(StoreWork::User(request));
                    (QueueOf::Store, id)
                }
                StoreTarget::Transaction(_) => return None,
            },
        };
        Some(Submitted { queue, id })
    }

    /// The reply to a submitted step, once it is there.
    pub(crate) fn poll(
        &self,
        Submitted { queue, id }: Submitted,
        cx: &mut Context<'_>,
    ) -> Poll<ServiceReply> {
        match queue {
            QueueOf::Store => self.store.queue().poll(id, cx),
            QueueOf::Lock(node) => match self.lock(node) {
                Some(lock) => lock.queue().poll(id, cx),
                None => Poll::Ready(Reply::Failed.into()),
            },
        }
    }

    /// Nobody waits any more for the reply to a submitted step.
    pub(crate) fn abandon(&self, Submitted { queue, id }: Submitted) {
        match queue {
            QueueOf::Store => self.store.queue().abandon(id),
            QueueOf::Lock(node) => {
                if let Some(lock) = self.lock(node) {
                    lock.queue().abandon(id);
                }
            }
        }
    }

    /// Carries out a step, also one of the user's own transaction.
    pub(crate) async fn act(
        &self,
        request: ServiceRequest,
        caller: Caller,
        pace: Pace,
    ) -> ServiceReply {
        let step = match request {
            ServiceRequest::Store(step) => step,
            ServiceRequest::Lock { node, request } => {
                let Some(lock) = self.lock(node) else {
                    return Reply::Failed.into();
                };
                let request = (caller.seat, caller.token, request);
                return lock.queue().call(request).await;
            }
        };
        match (target_of(step, caller), pace) {
            (StoreTarget::Queue(request), Pace::Racing) => {
                self.store.queue().call(StoreWork::User(request)).await
            }
            (StoreTarget::Queue(request), Pace::Forced) => self.store.call_forced(request).await,
            (StoreTarget::Transaction(work), Pace::Racing) => {
                self.store.transact(caller.user, work).await
            }
            (StoreTarget::Transaction(work), Pace::Forced) => {
                self.store
                    .transact(caller.user, work.without_waiting())
                    .await
            }
        }
    }

    /// Sends a step that is carried out later.
    ///
    /// # Errors
    /// What it was answered, when it could not be held up; [`Reply::Failed`] when it was not sent.
    pub(crate) async fn send_late(
        &self,
        request: ServiceRequest,
        caller: Caller,
        pace: Pace,
    ) -> Result<OnItsWay, ServiceReply> {
        let unsent = Err(Reply::Failed.into());
        if !request.can_be_late() {
            return unsent;
        }
        match request {
            ServiceRequest::Store(step) => match target_of(step, caller) {
                StoreTarget::Queue(request) => {
                    let sent = self.store.send_late(request, pace).await?;
                    Ok(OnItsWay(To::Store(sent)))
                }
                StoreTarget::Transaction(_) => unsent,
            },
            ServiceRequest::Lock { node, request } => match self.lock(node) {
                Some(lock) => {
                    let sent = lock.send_late((caller.seat, caller.token, request)).await;
                    sent.map(|sent| OnItsWay(To::Lock(node, sent))).or(unsent)
                }
                None => unsent,
            },
        }
    }

    /// Ends the time of what the user holds for a time, its locks and its claim on the seat: whether it
    /// held anything.
    pub(crate) async fn expire(&self, caller: Caller) -> bool {
        // What cannot be reached says so in its next answer.
        let mut has_held = false;
        for lock in &self.locks {
            let expired = upkeep(lock, caller, LockUpkeep::Expire);
            has_held |= expired.await.unwrap_or(false);
        }
        has_held | self.expire_claim(caller.seat, Some(caller.user)).await
    }

    /// Ends the time of the claim on the seat, this user's or anybody's: whether there was one.
    pub(crate) async fn expire_claim(&self, seat: SeatId, user: Option<UserId>) -> bool {
        self.store.expire(seat, user).await
    }

    /// Undoes what a user that is gone has not committed, and waits until it is undone.
    pub(crate) async fn roll_back(&self, user: UserId) {
        // Most users have no transaction.
        let _ = self.store.transact(user, TransactionWork::Rollback).await;
    }

    /// The user's attempt has ended: its connection goes back, and what it has not committed is undone.
    pub(crate) fn disconnect(&self, user: UserId) {
        if let Some(transactions) = self.store.transactions() {
            transactions.disconnect(user);
        }
    }

    /// The same for everybody.
    pub(crate) fn disconnect_all(&self) {
        if let Some(transactions) = self.store.transactions() {
            transactions.disconnect_all();
        }
    }

    /// Extends the life of the user's lock.
    pub(crate) async fn renew(&self, caller: Caller, ttl: Ttl) {
        if let Some(lock) = self.lock(0) {
            let renewed = upkeep(lock, caller, LockUpkeep::Renew(ttl));
            // A lock that cannot be renewed expires, and its holder has to notice.
            let _ = renewed.await;
        }
    }

    /// Whether nobody holds the lock of the seat, so that another try may succeed; `None` when its
    /// service does not say.
    pub(crate) async fn is_free(&self, caller: Caller) -> Option<bool> {
        let Some(lock) = self.lock(0) else {
            return Some(true);
        };
        let asked = upkeep(lock, caller, LockUpkeep::IsFree);
        asked.await.ok()
    }

    fn lock(&self, node: u8) -> Option<&LockService> {
        self.locks.get(usize::from(node))
    }
}

/// A request on its way. Dropped, it never arrives.
#[derive(Debug)]
pub(crate) struct OnItsWay(To);

#[derive(Debug)]
enum To {
    Store(LateStep),
    /// The lock service of this number, from 0.
    Lock(u8, LateRequest),
}

impl OnItsWay {
    /// Lets it arrive: what it is answered.
    pub(crate) async fn arrive(self) -> ServiceReply {
        match self.0 {
            To::Store(statement) => statement.arrive().await,
            To::Lock(_, request) => request.arrive().await,
        }
    }

    /// Whether it is to arrive at this lock service.
    #[must_use]
    pub(crate) const fn goes_to(&self, node: u8) -> bool {
        match self.0 {
            To::Lock(to, _) => to == node,
            To::Store(_) => false,
        }
    }
}

/// Does this with the caller's lock, or looks. Boxed: it may connect to a server, and every step that takes
/// the long way would have room for that.
fn upkeep(
    lock: &LockService,
    caller: Caller,
    upkeep: LockUpkeep,
) -> Pin<Box<dyn Future<Output = Result<bool, LockError>> + Send + '_>> {
    Box::pin(lock.upkeep((caller.seat, caller.token), upkeep))
}

/// Where the database is asked for a step, and what.
fn target_of(step: StoreStep, caller: Caller) -> StoreTarget {
    let Caller {
        seat, user, stamp, ..
    } = caller;
    let in_or_alone = |transaction: Option<Isolation>, request| match transaction {
        None => StoreTarget::Queue(request),
        Some(isolation) => {
            let begin = BeginOptions {
                isolation,
                busy_timeout_ms: BUSY_TIMEOUT_MS,
            };
            StoreTarget::Transaction(TransactionWork::Step(request, begin))
        }
    };
    match step {
        StoreStep::Check(how) => {
            in_or_alone(how.transaction, StoreRequest::Check { seat, how, stamp })
        }
        StoreStep::Insert(how) => {
            let insert = StoreRequest::Insert {
                seat,
                user,
                how,
                stamp,
            };
            in_or_alone(how.transaction, insert)
        }
        StoreStep::Hold { ttl } => StoreTarget::Queue(StoreRequest::Hold { seat, user, ttl }),
        StoreStep::Confirm => StoreTarget::Queue(StoreRequest::Confirm { seat, user }),
        StoreStep::Begin(how) => StoreTarget::Transaction(TransactionWork::Begin(how)),
        StoreStep::Commit => StoreTarget::Transaction(TransactionWork::Commit),
        StoreStep::Rollback => StoreTarget::Transaction(TransactionWork::Rollback),
    }
}
