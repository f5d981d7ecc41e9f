//! The locks of the model, and for how long each user was given one, or the seat.

use std::hash::{Hash, Hasher};

use super::lease::Lease;
use super::room::{Act, LOCKS_MAX, Room, USERS_MAX, narrow};
use crate::client::{Acquire, AcquireMode, Held, ReleaseCommand, Token};
use crate::history::Reply;
use crate::seat::UserId;

/// The locks of all seats on all lock services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::explore) struct Locks {
    /// One for each seat on the first lock service, then on the second.
    all: [ModelLock; LOCKS_MAX],
    leases: [Lease; USERS_MAX],
    /// Whether anybody freed another's lock.
    pub(in crate::explore) freed_foreign: bool,
}

/// The lock of one seat on one lock service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct ModelLock {
    holder: Option<Holder>,
    /// How often the lock was granted.
    grants: u8,
}

/// Who holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Holder {
    user: u8,
    value: Value,
    has_ttl: bool,
}

/// What a lock is held with: the user's name and the number of its request, or the person's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::explore) struct Value {
    name: u8,
    request: u8,
}

/// One number instead of forty fields, or six where more than the first lock was ever granted: a search
/// hashes every state it comes to.
impl Hash for Locks {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self {
            all,
            leases,
            freed_foreign,
        } = self;
        let [first, others @ ..] = all.map(ModelLock::packed);
        let has_others = others != [0; LOCKS_MAX - 1];
        // There are seven leases.
        let leases = leases
            .iter()
            .fold(0, |sum, lease| sum << 3 | u64::from(*lease as u8));
        let flags = u64::from(*freed_foreign) << 1 | u64::from(has_others);
        state.write_u64(u64::from(first) << 32 | leases << 2 | flags);
        if has_others {
            others.hash(state);
        }
    }
}

impl ModelLock {
    /// All of it in 29 bits.
    fn packed(self) -> u32 {
        let Self { holder, grants } = self;
        u32::from(grants) << 21 | holder.map_or(0, Holder::packed)
    }
}

impl Holder {
    /// All of it in 21 bits, of which the lowest is set.
    fn packed(self) -> u32 {
        let Self {
            user,
            value: Value { name, request },
            has_ttl,
        } = self;
        let value = u32::from(name) << 8 | u32::from(request);
        value << 5 | u32::from(user) << 2 | u32::from(has_ttl) << 1 | 1
    }
}

impl Locks {
    /// Takes a lock: with the token of a fence, if grants are counted.
    pub(in crate::explore) fn acquire(&mut self, act: &Act, how: Acquire) -> (Reply, Option<u8>) {
        let user = act.user;
        let lock = &mut self.all[act.lock()];
        if let Some(other) = lock.holder {
            if how.mode != AcquireMode::SetEx {
                return (Reply::Held, None);
            }
            self.freed_foreign |= usize::from(other.user) != user;
        }
        lock.holder = Some(Holder {
            user: narrow(user),
            value: act.value(),
            has_ttl: how.mode != AcquireMode::SetNx,
        });
        let token = how.is_fenced.then(|| {
            lock.grants = lock.grants.saturating_add(1);
            lock.grants
        });
        if act.room.nodes == 1 {
            self.leases[user] = Lease::Running;
        } else if self.leases[user] == Lease::None {
            // A user that stalled between two of several locks has lost the first, and stays late.
            self.leases[user] = Lease::Begun;
        }
        (Reply::Granted, token)
    }

    pub(in crate::explore) fn set_ttl(&mut self, act: &Act) -> Reply {
        match &mut self.all[act.lock()].holder {
            Some(holder) => {
                holder.has_ttl = true;
                Reply::TtlSet
            }
            None => Reply::NotHeld,
        }
    }

    /// There is time left, unless the user has stalled. Who has no lock has none for having looked.
    pub(in crate::explore) fn validate(&mut self, user: usize) -> Reply {
        let is_in_time = self.is_in_time(user);
        if self.leases[user] == Lease::Begun {
            self.leases[user] = Lease::Running;
        }
        if is_in_time {
            Reply::InTime
        } else {
            Reply::Late
        }
    }

    pub(in crate::explore) fn release(&mut self, act: &Act, command: ReleaseCommand) -> Reply {
        let user = act.user;
        self.leases[user] = Lease::None;
        let is_own = self.holds(act);
        let lock = &mut self.all[act.lock()];
        if !is_own && command != ReleaseCommand::Delete {
            return Reply::NotHeld;
        }
        let Some(freed) = lock.holder.take() else {
            return Reply::NotHeld;
        };
        self.freed_foreign |= usize::from(freed.user) != user;
        Reply::Released
    }

    /// Whether the lock is held with what the user asks with.
    pub(in crate::explore) fn holds(&self, act: &Act) -> bool {
        let holder = self.all[act.lock()].holder;
        holder.is_some_and(|holder| holder.value == act.value())
    }

    pub(in crate::explore) fn is_in_time(&self, user: usize) -> bool {
        !matches!(
            self.leases[user],
            Lease::Late | Lease::Over | Lease::ClaimOver
        )
    }

    /// What the locks of this node are held with, those with a time to live.
    pub(in crate::explore) fn may_expire(
        &self,
        node: usize,
        room: Room,
    ) -> impl Iterator<Item = Value> + '_ {
        let locks = self.all.get(room.locks_on(node)).into_iter().flatten();
        let holders = locks.filter_map(|lock| lock.holder);
        holders.filter(|it| it.has_ttl).map(|it| it.value)
    }

    /// The user is given the seat for a time.
    pub(in crate::explore) fn claim(&mut self, user: usize) {
        self.leases[user] = match self.leases[user] {
            Lease::None | Lease::Claimed | Lease::ClaimOver => Lease::Claimed,
            Lease::Begun | Lease::Late | Lease::Running | Lease::Over => Lease::Running,
        };
    }

    /// Whether nobody holds the lock that a step is about.
    pub(in crate::explore) fn is_free(&self, act: &Act) -> bool {
        self.all[act.lock()].holder.is_none()
    }

    /// The lease of a user.
    pub(in crate::explore) const fn lease(&self, user: usize) -> Lease {
        self.leases[user]
    }

    /// The user goes by this lease from here on.
    pub(in crate::explore) const fn set_lease(&mut self, user: usize, lease: Lease) {
        self.leases[user] = lease;
    }

    /// Who holds the lock at this place, as its service would tell.
    pub(in crate::explore) fn held(&self, place: usize) -> Option<Held> {
        self.all[place].holder.map(|holder| Held {
            token: Some(Token {
                user: UserId(u32::from(holder.value.name)),
                request: u32::from(holder.value.request),
            }),
            has_ttl: holder.has_ttl,
        })
    }

    /// The time to live of the locks that are held with these values ends; their holders
    /// do not notice. With one lock its holder's lease is over; of several, one server's clock
    /// was wrong.
    pub(in crate::explore) fn expire(
        &mut self,
        node: usize,
        room: Room,
        may_expire: impl Fn(Value) -> bool,
    ) {
        let ends = |holder: &mut Holder| holder.has_ttl && may_expire(holder.value);
        for lock in &mut self.all[room.locks_on(node)] {
            if let Some(holder) = lock.holder.take_if(ends)
                && room.nodes == 1
            {
                // Who has asked to free it does not go by it any more.
                let lease = &mut self.leases[usize::from(holder.user)];
                if !matches!(lease, Lease::None | Lease::Late) {
                    *lease = Lease::Over;
                }
            }
        }
    }

    /// What a user holds for a time expires while it stands still. A lock without a time to live stays.
    pub(in crate::explore) fn stall(&mut self, user: usize) {
        for lock in &mut self.all {
            lock.holder
                .take_if(|holder| usize::from(holder.user) == user && holder.has_ttl);
        }
        self.leases[user] = self.leases[user].over();
    }

    /// The locks of a user that have a time to live: on which node, held with what.
    pub(in crate::explore) fn held_for_a_time_by(
        &self,
        user: usize,
        room: Room,
    ) -> impl Iterator<Item = (usize, Value)> + '_ {
        let held = self.all.iter().enumerate();
        let held = held.filter_map(move |(place, it)| Some((place / room.seats, it.holder?)));
        held.filter(move |(_, holder)| usize::from(holder.user) == user && holder.has_ttl)
            .map(|(node, holder)| (node, holder.value))
    }

    /// A lock service forgets everything; no lease is over for that.
    pub(in crate::explore) fn restart(&mut self, node: usize, room: Room) {
        self.all[room.locks_on(node)].fill(ModelLock::default());
    }

    /// Whether there is anything that a lock service could forget.
    pub(in crate::explore) fn remembers(&self, node: usize, room: Room) -> bool {
        let mut locks = self.all[room.locks_on(node)].iter();
        locks.any(|lock| *lock != ModelLock::default())
    }

    /// Whether a lock of this node is held without a time to live.
    pub(in crate::explore) fn is_locked_for_ever(&self, node: usize, room: Room) -> bool {
        let locks = self.all.get(room.locks_on(node)).into_iter().flatten();
        let mut holders = locks.filter_map(|lock| lock.holder);
        holders.any(|holder| !holder.has_ttl)
    }

    /// Whether the user holds a lock.
    pub(in crate::explore) fn is_locked_by(&self, user: usize) -> bool {
        self.held_by(user).next().is_some()
    }

    /// Whether the user holds a lock that never ends.
    pub(in crate::explore) fn is_locked_for_ever_by(&self, user: usize) -> bool {
        self.held_by(user).any(|holder| !holder.has_ttl)
    }

    fn held_by(&self, user: usize) -> impl Iterator<Item = Holder> + '_ {
        let held = self.all.iter().filter_map(|lock| lock.holder);
        held.filter(move |holder| usize::from(holder.user) == user)
    }

    /// Whether the user was granted the lock and has not freed it since. A claim on the seat is no lock:
    /// the database asks for it again at the booking.
    pub(in crate::explore) fn is_granted(&self, user: usize) -> bool {
        matches!(self.leases[user], Lease::Running | Lease::Over)
    }
}

impl Act {
    fn value(&self) -> Value {
        Value::of(self.id, self.pending.lock_request)
    }
}

impl Value {
    /// What a user holds its locks with, of this request.
    pub(in crate::explore) fn of(user: UserId, request: u8) -> Self {
        // Two users are one person at two screens.
        let name = if request == 0 { user.person() } else { user };
        Self {
            name: u8::try_from(name.0).unwrap_or(u8::MAX),
            request,
        }
    }
}
