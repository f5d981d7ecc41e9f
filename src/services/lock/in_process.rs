//! The rules of the Redis lock inside this process, for a machine that has no Redis.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{AcquireBy, Held, LockRequest, ReleaseCommand, Token};
use crate::seat::SeatId;
use crate::services::queue::{Response, Said};

/// Locks with an expiry, held in a map.
#[derive(Debug, Default)]
pub struct InProcess {
    table: Mutex<LockTable>,
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
    /// Does what is asked, at once.
    pub fn act(&self, seat: SeatId, token: Token, request: LockRequest) -> Response {
        let mut table = self.table();
        let held = table.held(seat);
        let is_own = held == Some(token);
        match request {
            LockRequest::Acquire { by, .. } if by != AcquireBy::SetEx && held.is_some() => {
                false.into()
            }
            LockRequest::Acquire { by, ttl, fence } => {
                let until = (by != AcquireBy::SetNx).then(|| Instant::now() + ttl.as_duration());
                table.leases.insert(seat, LockEntry { token, until });
                Response {
                    said: Said::Yes,
                    number: if fence { table.count(seat) } else { 0 },
                }
            }
            LockRequest::SetTtl { ttl, only_own } => {
                let is_there = if only_own { is_own } else { held.is_some() };
                if let Some(lease) = table.leases.get_mut(&seat).filter(|_| is_there) {
                    lease.until = Some(Instant::now() + ttl.as_duration());
                }
                is_there.into()
            }
            LockRequest::Verify => is_own.into(),
            LockRequest::IsFree => held.is_none().into(),
            LockRequest::Release(by) => {
                let is_freed = is_own || (by == ReleaseCommand::Delete && held.is_some());
                if is_freed {
                    table.leases.remove(&seat);
                }
                is_freed.into()
            }
            LockRequest::RunOut => {
                let is_users = held.is_some_and(|held| held.user == token.user);
                (is_users && table.expire(seat)).into()
            }
        }
    }

    /// Lets the lock of this seat run out; `false` when it has no time to live.
    pub fn expire(&self, seat: SeatId) -> bool {
        self.table().expire(seat)
    }

    /// Who holds the lock of this seat.
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

    /// Who holds the lock of the seat, and for how long yet; `None` for ever.
    pub fn left(&self, seat: SeatId) -> Option<Option<Duration>> {
        let table = self.table();
        table.held(seat)?;
        let until = table.leases.get(&seat)?.until;
        Some(until.map(|until| until.saturating_duration_since(Instant::now())))
    }

    fn table(&self) -> MutexGuard<'_, LockTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LockTable {
    /// The token that holds the lock of the seat.
    fn held(&self, seat: SeatId) -> Option<Token> {
        let lease = self.leases.get(&seat)?;
        let is_over = lease.until.is_some_and(|until| until <= Instant::now());
        (!is_over).then_some(lease.token)
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
    use super::super::Ttl;
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

    const ACQUIRE: LockRequest = LockRequest::Acquire {
        by: AcquireBy::SetNxEx,
        ttl: Ttl::TEN_MINUTES,
        fence: false,
    };
    const RELEASE: LockRequest = LockRequest::Release(ReleaseCommand::CompareAndDelete);

    /// Whether it was done.
    fn does(locks: &InProcess, token: Token, request: LockRequest) -> bool {
        let seat = SeatId::new(10).unwrap();
        locks.act(seat, token, request).said == Said::Yes
    }

    #[test]
    fn a_held_lock_is_refused_until_its_holder_frees_it() {
        let locks = InProcess::default();
        assert!(does(&locks, A, ACQUIRE));
        assert!(!does(&locks, B, ACQUIRE));
        assert!(!does(&locks, B, RELEASE));
        assert!(does(&locks, A, RELEASE));
        assert!(does(&locks, B, ACQUIRE));
        assert!(does(
            &locks,
            A,
            LockRequest::Release(ReleaseCommand::Delete)
        ));
    }

    #[test]
    fn a_lock_whose_time_is_over_is_free_and_not_its_holders_to_free() {
        let (locks, seat) = (InProcess::default(), SeatId::new(10).unwrap());
        let over = LockEntry {
            token: A,
            until: Some(Instant::now()),
        };
        locks.table().leases.insert(seat, over);
        assert!(!does(&locks, A, RELEASE));
        assert!(does(&locks, B, ACQUIRE));
        assert!(!does(&locks, A, RELEASE));
    }

    #[test]
    fn every_grant_of_a_fenced_lock_has_a_higher_number() {
        let locks = InProcess::default();
        let seat = SeatId::new(10).unwrap();
        let fenced = LockRequest::Acquire {
            by: AcquireBy::SetNxEx,
            ttl: Ttl::default(),
            fence: true,
        };
        let numbers = [A, B].map(|token| {
            let granted = locks.act(seat, token, fenced);
            locks.act(seat, token, RELEASE);
            granted.number
        });
        assert_eq!(numbers, [1, 2]);
    }
}
