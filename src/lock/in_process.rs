//! The rules of the Redis lock inside this process, for a machine that has no Redis.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::{Token, Ttl};
use crate::seat::SeatId;

/// Locks with an expiry, held in a map: `NX EX` and compare-and-delete, nothing else.
#[derive(Debug, Default)]
pub struct InProcess {
    leases: Mutex<HashMap<SeatId, Lease>>,
}

#[derive(Debug, Clone, Copy)]
struct Lease {
    token: Token,
    until: Instant,
}

impl InProcess {
    /// Takes the lock unless somebody holds it.
    pub fn acquire(&self, seat: SeatId, token: Token, ttl: Ttl) -> bool {
        let now = Instant::now();
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        if leases.get(&seat).is_some_and(|lease| lease.until > now) {
            return false;
        }
        leases.insert(
            seat,
            Lease {
                token,
                until: now + ttl.as_duration(),
            },
        );
        true
    }

    /// Lets the lock of this seat run out.
    pub fn expire(&self, seat: SeatId) {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        leases.remove(&seat);
    }

    /// Forgets every lock.
    pub fn forget(&self) {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        leases.clear();
    }

    /// Frees the lock if this token holds it.
    pub fn release(&self, seat: SeatId, token: Token) -> bool {
        let now = Instant::now();
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        let is_own = leases
            .get(&seat)
            .is_some_and(|lease| lease.token == token && lease.until > now);
        if is_own {
            leases.remove(&seat);
        }
        is_own
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_held_lock_is_refused_until_its_holder_frees_it() {
        let (locks, seat) = (InProcess::default(), SeatId::new(10).unwrap());
        assert!(locks.acquire(seat, A, Ttl::default()));
        assert!(!locks.acquire(seat, B, Ttl::default()));
        assert!(!locks.release(seat, B));
        assert!(locks.release(seat, A));
        assert!(locks.acquire(seat, B, Ttl::default()));
    }

    #[test]
    fn a_lock_whose_time_is_over_is_free_and_not_its_holders_to_free() {
        let (locks, seat) = (InProcess::default(), SeatId::new(10).unwrap());
        let over = Lease {
            token: A,
            until: Instant::now(),
        };
        locks.leases.lock().unwrap().insert(seat, over);
        assert!(!locks.release(seat, A));
        assert!(locks.acquire(seat, B, Ttl::default()));
        assert!(!locks.release(seat, A));
    }
}
