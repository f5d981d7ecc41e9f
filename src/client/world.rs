//! The real services, and which of them carries out a step.

use std::task::{Context, Poll};
use std::time::Duration;

use super::How;
use super::faulted::jitter;
use crate::history::{Service, Step};
use crate::seat::{SeatId, UserId};
use crate::services::lock::{LockRequest, LockService, Token, Ttl};
use crate::services::queue::{Answer, CallError, RequestId, Response, Said, Submitted};
use crate::services::store::{Begin, BeginHow, Sqlite, StoreRequest, Transactions, Work};

/// The services of a run.
#[derive(Debug)]
pub struct World {
    /// Connections for transactions; `None` when no strategy of the run opens one. Declared before the
    /// store: closed before it, which is then the last to leave the file.
    pub transactions: Option<Transactions>,
    /// The database that all bookings are in.
    pub store: Sqlite,
    /// The lock services, of which most strategies use the first; none when no strategy of the run
    /// takes a lock.
    pub locks: Vec<LockService>,
}

/// Who asks, with what.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    pub(super) seat: SeatId,
    pub(super) user: UserId,
    /// What its locks are held with.
    pub(super) token: Token,
    /// The number that came with an answer before.
    pub(super) number: u32,
}

impl World {
    /// Makes room for so many users who wait at once.
    pub fn make_room_for(&self, users: u32) {
        let users = usize::try_from(users).unwrap_or(0);
        self.store.make_room_for(users);
        for lock in &self.locks {
            lock.make_room_for(users);
        }
    }

    /// Lets the services carry out nothing more of what users wait for.
    pub fn halt(&self) {
        self.store.halt();
        self.locks.iter().for_each(LockService::halt);
    }

    /// Hands a step in at the service that carries it out.
    pub(super) fn submit(&self, step: Step, caller: Caller, how: How) -> Submitted<Response> {
        if let Some(request) = store_request(step, caller, how) {
            return Submitted::Waits(self.store.submit(request));
        }
        match (lock_request(step, how), self.node(how)) {
            (Some(request), Some(lock)) => lock.submit(caller.seat, caller.token, request),
            // A strategy that takes a lock without having said so, and what is no service's.
            _ => Submitted::Answered(Err(CallError::Failed)),
        }
    }

    /// What a step that was handed in is answered, once it is. Of several lock services, it was the one
    /// with this number.
    pub(super) fn poll(
        &self,
        (step, node): (Step, u8),
        id: RequestId,
        cx: &mut Context<'_>,
    ) -> Poll<Answer<Response>> {
        match (step.service(), self.locks.get(usize::from(node))) {
            (Service::Lock, Some(lock)) => lock.poll(id, cx),
            (Service::Lock | Service::Database | Service::Nobody, _) => self.store.poll(id, cx),
        }
    }

    /// Nobody waits any more for what a step is answered.
    pub(super) fn abandon(&self, (step, node): (Step, u8), id: RequestId) {
        match (step.service(), self.locks.get(usize::from(node))) {
            (Service::Lock, Some(lock)) => lock.abandon(id),
            (Service::Lock | Service::Database | Service::Nobody, _) => self.store.abandon(id),
        }
    }

    /// Carries a step out, wherever that is. One that is `forced` never lets time pass: what it would
    /// wait for comes later in the schedule.
    pub(super) async fn act(
        &self,
        step: Step,
        caller: Caller,
        how: How,
        forced: bool,
    ) -> Answer<Response> {
        match step {
            Step::Wait => return self.wait(caller, how, forced).await,
            Step::Validate => return Ok((how.ttl != Ttl::SHORTEST).into()),
            _ => {}
        }
        if how.manner.open {
            return self.transact(step, caller, how, forced).await;
        }
        if let Some(request) = store_request(step, caller, how) {
            return if forced {
                self.store.call_forced(request).await
            } else {
                self.store.call(request).await
            };
        }
        match (lock_request(step, how), self.node(how)) {
            (Some(request), Some(lock)) => lock.call(caller.seat, caller.token, request).await,
            _ => Err(CallError::Failed),
        }
    }

    /// Lets what the user holds for a time run out, its locks and its claim on the seat: whether it
    /// held anything.
    pub(super) async fn run_out(&self, caller: Caller) -> bool {
        // What cannot be reached says so in its next answer.
        let is_done = |answer: Answer<Response>| answer.is_ok_and(|it| it.said == Said::Yes);
        let mut has_held = false;
        for lock in &self.locks {
            has_held |= is_done(
                lock.call(caller.seat, caller.token, LockRequest::RunOut)
                    .await,
            );
        }
        let claim = StoreRequest::RunOut {
            seat: caller.seat,
            user: Some(caller.user),
        };
        has_held | is_done(self.store.call(claim).await)
    }

    /// Lets whatever claim there is on the seat run out: whether there was one.
    pub(crate) async fn expire_claim(&self, seat: SeatId) -> bool {
        // A store that has failed says so in its next answer.
        let ended = self
            .store
            .call(StoreRequest::RunOut { seat, user: None })
            .await;
        ended.is_ok_and(|response| response.said == Said::Yes)
    }

    /// The user's attempt has ended: its connection goes back, and what it has not committed is undone.
    pub(super) fn forsake(&self, user: UserId) {
        if let Some(transactions) = &self.transactions {
            transactions.forsake(user);
        }
    }

    /// The same for one who is gone, once it is undone.
    pub(crate) async fn disconnect(&self, user: UserId) {
        if let Some(transactions) = &self.transactions {
            let begin = BeginHow {
                begin: Begin::default(),
                busy: Duration::ZERO,
            };
            // Most users have no transaction.
            let _ = transactions.call(user, Work::Rollback, begin).await;
        }
    }

    /// Extends the life of the user's locks.
    pub(super) async fn renew(&self, caller: Caller, how: How) {
        let request = LockRequest::SetTtl {
            ttl: how.ttl,
            only_own: true,
        };
        if let Some(lock) = self.node(how) {
            // A lock that cannot be renewed runs out, which is its holder's to notice.
            let _ = lock.call(caller.seat, caller.token, request).await;
        }
    }

    async fn wait(&self, caller: Caller, how: How, forced: bool) -> Answer<Response> {
        if !forced {
            tokio::time::sleep(jitter()).await;
            return Ok(true.into());
        }
        match self.node(how) {
            Some(lock) => {
                lock.call(caller.seat, caller.token, LockRequest::IsFree)
                    .await
            }
            None => Ok(true.into()),
        }
    }

    async fn transact(
        &self,
        step: Step,
        caller: Caller,
        how: How,
        forced: bool,
    ) -> Answer<Response> {
        let Some(transactions) = &self.transactions else {
            return Err(CallError::Failed);
        };
        let work = match step {
            Step::Begin => Work::Begin,
            Step::Commit => Work::Commit,
            Step::Rollback => Work::Rollback,
            _ => Work::Step(store_request(step, caller, how).ok_or(CallError::Failed)?),
        };
        let begin = BeginHow {
            begin: how.manner.begin,
            busy: if forced {
                Duration::ZERO
            } else {
                how.ttl.as_duration()
            },
        };
        transactions.call(caller.user, work, begin).await
    }

    pub(super) fn node(&self, how: How) -> Option<&LockService> {
        self.locks.get(usize::from(how.manner.node))
    }
}

/// What a step asks of the database.
pub(super) fn store_request(step: Step, caller: Caller, how: How) -> Option<StoreRequest> {
    let Caller {
        seat, user, number, ..
    } = caller;
    let guard = how.manner.guard;
    let fence = how.manner.fence;
    match step {
        Step::Check => Some(StoreRequest::Check {
            seat,
            guard,
            fence,
            number,
        }),
        Step::Insert => Some(StoreRequest::Insert {
            seat,
            user,
            guard,
            fence,
            number,
        }),
        Step::Hold => Some(StoreRequest::Hold {
            seat,
            user,
            ms: u32::try_from(how.ttl.as_millis()).unwrap_or(u32::MAX),
        }),
        Step::Confirm => Some(StoreRequest::Confirm { seat, user }),
        _ => None,
    }
}

/// What a step asks of a lock service.
pub(super) fn lock_request(step: Step, how: How) -> Option<LockRequest> {
    match step {
        Step::Acquire => Some(LockRequest::Acquire {
            by: how.manner.acquire,
            ttl: how.ttl,
            fence: how.manner.fence,
        }),
        Step::SetTtl => Some(LockRequest::SetTtl {
            ttl: how.ttl,
            only_own: false,
        }),
        Step::Verify => Some(LockRequest::Verify),
        Step::Release => Some(LockRequest::Release(how.manner.release)),
        _ => None,
    }
}
