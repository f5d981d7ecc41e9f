//! The rules of the Redis lock inside this process, for a machine that has no Redis.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{
    AcquireMode, AddressedRequest, Held, LockRequest, LockUpkeep, ReleaseCommand, Token, Ttl,
};
use crate::seat::SeatId;
use crate::services::queue::{FirstError, RequestQueue, ServiceReply};
use crate::step::Reply;

/// Locks with an expiry, held in a map.
#[derive(Debug)]
pub struct InProcess {
    table: Arc<Mutex<LockTable>>,
    queue: Arc<RequestQueue<AddressedRequest>>,
    first_error: FirstError,
}

#[derive(Debug, Default)]
struct LockTable {
    leases: HashMap<SeatId, LockEntry>,
    /// How often the lock of each seat was granted.
    grants: HashMap<SeatId, u32>,
}

#[derive(Debug, Clone, Copy)]
struct LockEntry {
    token: Token,
    /// `None` for one without an end.
    until: Option<Instant>,
}

impl InProcess {
    /// Locks that a task of the runtime serves.
    #[must_use]
    pub fn start() -> Self {
        let locks = Self {
            table: Arc::default(),
            queue: Arc::default(),
            first_error: FirstError::default(),
        };
        tokio::spawn(serve(Arc::clone(&locks.table), Arc::clone(&locks.queue)));
        locks
    }

    pub(super) fn queue(&self) -> &RequestQueue<AddressedRequest> {
        &self.queue
    }

    pub(super) fn first_error(&self) -> Option<String> {
        self.first_error.first()
    }

    pub(super) fn give_up(&self, why: &str) {
        self.first_error.note(why);
        self.queue.close();
    }

    /// Does this with the lock of the seat, or looks.
    pub(super) fn upkeep(&self, (seat, token): (SeatId, Token), upkeep: LockUpkeep) -> bool {
        let mut table = self.table();
        let held = table.held(seat);
        match upkeep {
            LockUpkeep::Renew(ttl) => held == Some(token) && table.set_ttl(seat, ttl),
            LockUpkeep::IsFree => held.is_none(),
            LockUpkeep::Expire => {
                held.is_some_and(|held| held.user == token.user) && table.expire(seat)
            }
        }
    }

    /// Lets the lock of this seat run out; `false` when it has no time to live.
    #[must_use]
    pub fn expire(&self, seat: SeatId) -> bool {
        self.table().expire(seat)
    }

    /// Who holds the lock of this seat.
    #[must_use]
    pub fn held(&self, seat: SeatId) -> Option<Held> {
        let table = self.table();
        let token = table.held(seat)?;
        let has_ttl = table.leases.get(&seat)?.until.is_some();
        Some(Held {
            token: Some(token),
            has_ttl,
        })
    }

    /// Forgets everything.
    pub fn forget(&self) {
        *self.table() = LockTable::default();
    }

    /// Who holds the lock of the seat, and for how long yet; `None` for a lock without an end.
    #[must_use]
    pub fn left(&self, seat: SeatId) -> Option<Option<Duration>> {
        let table = self.table();
        table.held(seat)?;
        let until = table.leases.get(&seat)?.until;
        Some(until.map(|until| until.saturating_duration_since(Instant::now())))
    }

    fn table(&self) -> MutexGuard<'_, LockTable> {
        lock(&self.table)
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.queue.close();
    }
}

fn lock(table: &Mutex<LockTable>) -> MutexGuard<'_, LockTable> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers what waits, until the queue is closed.
async fn serve(table: Arc<Mutex<LockTable>>, queue: Arc<RequestQueue<AddressedRequest>>) {
    let mut batch = Vec::new();
    while queue.take(&mut batch).await {
        let mut table = lock(&table);
        let is_halted = queue.is_halted();
        let replies = batch.drain(..).map(|(id, request)| {
            if is_halted {
                return (id, Reply::Failed.into());
            }
            (id, table.act(request))
        });
        queue.deliver(replies.collect::<Vec<_>>());
    }
}

impl LockTable {
    /// Does what is asked, at once.
    fn act(&mut self, (seat, token, request): AddressedRequest) -> ServiceReply {
        let held = self.held(seat);
        let is_own = held == Some(token);
        let mut stamp = 0;
        let is_done = match request {
            LockRequest::Acquire(how) => {
                let is_granted = held.is_none() || how.mode == AcquireMode::SetEx;
                if is_granted {
                    let ends = how.mode != AcquireMode::SetNx;
                    let until = ends.then(|| Instant::now() + how.ttl.as_duration());
                    self.leases.insert(seat, LockEntry { token, until });
                    stamp = if how.is_fenced { self.count(seat) } else { 0 };
                }
                is_granted
            }
            LockRequest::SetTtl(ttl) => held.is_some() && self.set_ttl(seat, ttl),
            LockRequest::Verify => is_own,
            LockRequest::Release(command) => {
                let is_freed = is_own || (command == ReleaseCommand::Delete && held.is_some());
                if is_freed {
                    self.leases.remove(&seat);
                }
                is_freed
            }
        };
        let reply = request.reply(is_done);
        ServiceReply { reply, stamp }
    }

    /// The token that holds the lock of the seat.
    fn held(&self, seat: SeatId) -> Option<Token> {
        let lease = self.leases.get(&seat)?;
        let is_over = lease.until.is_some_and(|until| until <= Instant::now());
        (!is_over).then_some(lease.token)
    }

    /// Gives the lock of the seat a new time to live: whether there is one.
    fn set_ttl(&mut self, seat: SeatId, ttl: Ttl) -> bool {
        let lease = self.leases.get_mut(&seat);
        lease
            .map(|lease| lease.until = Some(Instant::now() + ttl.as_duration()))
            .is_some()
    }

    /// Ends a lock that has an end: whether it has.
    fn expire(&mut self, seat: SeatId) -> bool {
        let has_ttl = self.leases.get(&seat).is_some_and(|it| it.until.is_some());
        if has_ttl {
            self.leases.remove(&seat);
        }
        has_ttl
    }

    /// Counts a grant: its number.
    fn count(&mut self, seat: SeatId) -> u32 {
        let grants = self.grants.entry(seat).or_default();
        *grants += 1;
        *grants
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Acquire, Ttl};
    use super::*;
    use crate::seat::UserId;

    const A: Token = Token {
        user: UserId(1),
        request: 1,
    };
    const B: Token = Token {
        user: UserId(2),
        request: 1,
    };

    const ACQUIRE: LockRequest = LockRequest::Acquire(Acquire {
        mode: AcquireMode::SetNxEx,
        ttl: Ttl::TEN_MINUTES,
        is_fenced: false,
    });
    const RELEASE: LockRequest = LockRequest::Release(ReleaseCommand::CompareAndDelete);

    /// Whether it was done.
    fn does(locks: &mut LockTable, token: Token, request: LockRequest) -> bool {
        let seat = SeatId::new(10).unwrap();
        locks.act((seat, token, request)).reply.is_done()
    }

    #[test]
    fn a_held_lock_is_refused_until_its_holder_frees_it() {
        let mut locks = LockTable::default();
        assert!(does(&mut locks, A, ACQUIRE));
        assert!(!does(&mut locks, B, ACQUIRE));
        assert!(!does(&mut locks, B, RELEASE));
        assert!(does(&mut locks, A, RELEASE));
        assert!(does(&mut locks, B, ACQUIRE));
        assert!(does(
            &mut locks,
            A,
            LockRequest::Release(ReleaseCommand::Delete)
        ));
    }

    #[test]
    fn a_lock_whose_time_is_over_is_free_and_not_its_holders_to_free() {
        let (mut locks, seat) = (LockTable::default(), SeatId::new(10).unwrap());
        let over = LockEntry {
            token: A,
            until: Some(Instant::now()),
        };
        locks.leases.insert(seat, over);
        assert!(!does(&mut locks, A, RELEASE));
        assert!(does(&mut locks, B, ACQUIRE));
        assert!(!does(&mut locks, A, RELEASE));
    }

    #[test]
    fn every_grant_of_a_fenced_lock_has_a_higher_number() {
        let mut locks = LockTable::default();
        let seat = SeatId::new(10).unwrap();
        let fenced = LockRequest::Acquire(Acquire {
            is_fenced: true,
            ..Acquire::default()
        });
        let numbers = [A, B].map(|token| {
            let granted = locks.act((seat, token, fenced));
            locks.act((seat, token, RELEASE));
            granted.stamp
        });
        assert_eq!(numbers, [1, 2]);
    }
}
