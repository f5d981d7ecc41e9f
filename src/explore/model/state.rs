//! The stores as the model sees them: one seat, its locks, and who has what.

use super::lease::Lease;
use super::sqlite::{By, Database};
use crate::client::{AcquireBy, Asked, Held, ReleaseCommand, Token};
use crate::history::{Service, Step};
use crate::seat::UserId;
use crate::services::queue::{Answer, CallError, Said};

/// The most users of a model.
pub const USERS_MAX: usize = 5;

/// The most seats of a model: each user may want one of its own.
pub(in crate::explore) const SEATS_MAX: usize = USERS_MAX;

/// The most locks of a model: one for each seat, on each lock service.
pub(in crate::explore) const LOCKS_MAX: usize = 6;

/// The database and the lock services. Every step on them is one indivisible act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(in crate::explore) struct ModelState {
    pub(in crate::explore) database: Database,
    /// One for each seat on the first lock service, then on the second.
    locks: [ModelLock; LOCKS_MAX],
    leases: [Lease; USERS_MAX],
    /// What came with an answer to each user: the token of its lock, or the version of the seat.
    numbers: [u8; USERS_MAX],
    /// Whether anybody freed another's lock.
    pub(in crate::explore) freed_foreign: bool,
}

/// The lock of one seat on one lock service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct ModelLock {
    holder: Option<Holder>,
    /// How often the lock was granted.
    grants: u8,
}

/// Who holds a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Holder {
    user: u8,
    value: Value,
    has_ttl: bool,
}

/// What a lock is held with: the user's name and the number of its request, or the person's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::explore) struct Value {
    name: u8,
    request: u8,
}

/// What goes along with a request, as it was when it was sent.
#[derive(Debug, Clone, Copy)]
pub(in crate::explore) struct Sent {
    /// The token of the user's lock, or the version of the seat.
    pub(in crate::explore) number: u8,
    /// Whether the user's lease was over.
    pub(in crate::explore) is_lease_over: bool,
}

/// A step of a user.
pub(in crate::explore) struct Act {
    /// Numbered from 0.
    pub(in crate::explore) user: usize,
    /// Who that is.
    pub(in crate::explore) id: UserId,
    pub(in crate::explore) asked: Asked,
    /// Whether the user learns the answer.
    pub(in crate::explore) is_heard: bool,
    pub(in crate::explore) room: Room,
}

/// How much of a model there is.
#[derive(Debug, Clone, Copy)]
pub(in crate::explore) struct Room {
    /// How many lock services.
    pub(in crate::explore) nodes: usize,
    /// How many seats.
    pub(in crate::explore) seats: usize,
    /// The seat that each user wants, numbered from 0.
    pub(in crate::explore) wanted: [u8; USERS_MAX],
}

impl Room {
    pub(in crate::explore) fn seat_of(self, user: usize) -> usize {
        usize::from(self.wanted[user])
    }

    /// The places of the locks of one lock service.
    pub(in crate::explore) fn locks_on(self, node: usize) -> std::ops::Range<usize> {
        let first = node * self.seats;
        first..first + self.seats
    }
}

impl Act {
    /// The place of the lock that the step is about.
    fn lock(&self) -> usize {
        let node = usize::from(self.asked.manner.node);
        node * self.room.seats + self.room.seat_of(self.user)
    }
}

impl ModelState {
    /// Carries out a step: what it is answered.
    pub(in crate::explore) fn act(&mut self, act: &Act) -> Answer<Said> {
        let (user, asked) = (act.user, act.asked);
        let node = usize::from(asked.manner.node);
        if asked.step.service() == Service::Lock && node >= act.room.nodes {
            // A strategy that takes a lock without having said so.
            return Err(CallError::Failed);
        }
        let said = match asked.step {
            Step::Acquire => self.acquire(act),
            Step::SetTtl => self.set_ttl(act),
            Step::Verify => self.holds(act).into(),
            Step::Release => self.release(act),
            Step::Validate => self.validate(user),
            Step::Wait => self.locks[act.lock()].holder.is_none().into(),
            Step::Pay => true.into(),
            Step::Hold
            | Step::Begin
            | Step::Check
            | Step::Insert
            | Step::Confirm
            | Step::Commit
            | Step::Rollback => return self.ask_database(act),
        };
        Ok(said.0)
    }

    fn ask_database(&mut self, act: &Act) -> Answer<Said> {
        let user = act.user;
        let by = By {
            user,
            seat: act.room.seat_of(user),
            number: self.numbers[user],
            is_in_lease: self.is_in_time(user),
        };
        let (said, brought) = self.database.act(by, act.asked);
        if let (true, Some(brought)) = (act.is_heard, brought) {
            self.numbers[user] = brought;
        }
        if act.asked.step == Step::Hold && said == Some(Said::Yes) {
            self.leases[user] = match self.leases[user] {
                Lease::None | Lease::Claimed | Lease::ClaimOver => Lease::Claimed,
                Lease::Begun | Lease::Late | Lease::Running | Lease::Over => Lease::Running,
            };
        }
        said.ok_or(CallError::Failed)
    }

    /// What goes along with a request that this user sends.
    pub(in crate::explore) fn sent_by(&self, user: usize) -> Sent {
        Sent {
            number: self.numbers[user],
            is_lease_over: matches!(self.leases[user], Lease::Over | Lease::ClaimOver),
        }
    }

    /// The user asks for its lock to be freed, whatever becomes of that.
    pub(in crate::explore) fn stop_going_by_the_lock(&mut self, user: usize) {
        self.leases[user] = Lease::None;
    }

    /// Whether a request could be carried out now: a writer waits for another's open transaction.
    pub(in crate::explore) fn can_carry_out(&self, asked: Asked) -> bool {
        asked.step.service() == Service::Lock || !self.database.has_writer()
    }

    /// Carries out a step that was sent before, as it was sent then. Its user does not know, and goes
    /// by what it knows.
    pub(in crate::explore) fn arrive(&mut self, act: &Act, sent: Sent) -> Answer<Said> {
        let user = act.user;
        let known = (self.leases[user], self.numbers[user]);
        self.numbers[user] = sent.number;
        if sent.is_lease_over {
            self.leases[user] = self.leases[user].over();
        }
        let answer = self.act(act);
        (self.leases[user], self.numbers[user]) = known;
        answer
    }

    fn acquire(&mut self, act: &Act) -> Acted {
        let (user, asked) = (act.user, act.asked);
        let lock = &mut self.locks[act.lock()];
        if let Some(other) = lock.holder {
            if asked.manner.acquire != AcquireBy::SetEx {
                return false.into();
            }
            self.freed_foreign |= usize::from(other.user) != user;
        }
        lock.holder = Some(Holder {
            user: narrow(user),
            value: act.value(),
            has_ttl: asked.manner.acquire != AcquireBy::SetNx,
        });
        if asked.manner.fence {
            lock.grants = lock.grants.saturating_add(1);
            if act.is_heard {
                self.numbers[user] = lock.grants;
            }
        }
        self.leases[user] = match self.leases[user] {
            _ if act.room.nodes == 1 => Lease::Running,
            Lease::None => Lease::Begun,
            // A user that stalled between two of several locks has lost the first.
            lease => lease,
        };
        true.into()
    }

    fn set_ttl(&mut self, act: &Act) -> Acted {
        let holder = &mut self.locks[act.lock()].holder;
        if let Some(holder) = holder {
            holder.has_ttl = true;
        }
        holder.is_some().into()
    }

    /// There is time left, unless the user has stalled. Who has no lock has none for having looked.
    fn validate(&mut self, user: usize) -> Acted {
        let is_in_time = self.is_in_time(user);
        if self.leases[user] == Lease::Begun {
            self.leases[user] = Lease::Running;
        }
        is_in_time.into()
    }

    fn release(&mut self, act: &Act) -> Acted {
        let user = act.user;
        self.leases[user] = Lease::None;
        let is_own = self.holds(act);
        let lock = &mut self.locks[act.lock()];
        if !is_own && act.asked.manner.release == ReleaseCommand::CompareAndDelete {
            return false.into();
        }
        let freed = lock.holder.take();
        self.freed_foreign |= freed.is_some_and(|holder| usize::from(holder.user) != user);
        freed.is_some().into()
    }

    /// Whether the lock is held with what the user asks with.
    fn holds(&self, act: &Act) -> bool {
        let holder = self.locks[act.lock()].holder;
        holder.is_some_and(|holder| holder.value == act.value())
    }

    fn is_in_time(&self, user: usize) -> bool {
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
        let locks = self.locks.get(room.locks_on(node)).into_iter().flatten();
        let holders = locks.filter_map(|lock| lock.holder);
        holders.filter(|it| it.has_ttl).map(|it| it.value)
    }

    /// Who holds the lock at this place, as its service would tell.
    pub(in crate::explore) fn held(&self, place: usize) -> Option<Held> {
        self.locks[place].holder.map(|holder| Held {
            token: Some(Token {
                user: UserId(u32::from(holder.value.name)),
                request: u32::from(holder.value.request),
            }),
            has_ttl: holder.has_ttl,
        })
    }

    /// The time to live of the locks that are held with these values runs out, or that of the claims; their
    /// holders do not notice. With one lock its holder's lease is over; of several, one server's clock
    /// was wrong.
    pub(in crate::explore) fn expire(
        &mut self,
        node: usize,
        room: Room,
        may_expire: impl Fn(Value) -> bool,
    ) {
        let ends = |holder: &mut Holder| holder.has_ttl && may_expire(holder.value);
        for lock in &mut self.locks[room.locks_on(node)] {
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
        for user in self.database.rows.run_out(None) {
            self.leases[user] = self.leases[user].over();
        }
    }

    /// What a user holds for a time runs out while it stands still. A lock without a time to live stays.
    pub(in crate::explore) fn stall(&mut self, user: usize) {
        for lock in &mut self.locks {
            lock.holder
                .take_if(|holder| usize::from(holder.user) == user && holder.has_ttl);
        }
        self.database.rows.run_out(Some(user)).for_each(drop);
        self.leases[user] = self.leases[user].over();
    }

    /// The locks of a user that have a time to live: on which node, held with what.
    pub(in crate::explore) fn held_for_a_time_by(
        &self,
        user: usize,
        room: Room,
    ) -> impl Iterator<Item = (usize, Value)> + '_ {
        let held = self.locks.iter().enumerate();
        let held = held.filter_map(move |(place, it)| Some((place / room.seats, it.holder?)));
        held.filter(move |(_, holder)| usize::from(holder.user) == user && holder.has_ttl)
            .map(|(node, holder)| (node, holder.value))
    }

    /// A lock service forgets everything; nobody's time has run out.
    pub(in crate::explore) fn restart(&mut self, node: usize, room: Room) {
        self.locks[room.locks_on(node)].fill(ModelLock::default());
    }

    /// Whether there is anything that a lock service could forget.
    pub(in crate::explore) fn remembers(&self, node: usize, room: Room) -> bool {
        let mut locks = self.locks[room.locks_on(node)].iter();
        locks.any(|lock| *lock != ModelLock::default())
    }

    /// Whether a lock of this node is held without a time to live.
    pub(in crate::explore) fn is_locked_for_ever(&self, node: usize, room: Room) -> bool {
        let locks = self.locks.get(room.locks_on(node)).into_iter().flatten();
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
        let held = self.locks.iter().filter_map(|lock| lock.holder);
        held.filter(move |holder| usize::from(holder.user) == user)
    }

    /// Whether the user was granted the lock and has not freed it since. A claim on the seat is no lock:
    /// the database asks for it again at the booking.
    pub(in crate::explore) fn is_granted(&self, user: usize) -> bool {
        matches!(self.leases[user], Lease::Running | Lease::Over)
    }
}

/// What a step is answered.
struct Acted(Said);

impl From<bool> for Acted {
    fn from(is_done: bool) -> Self {
        Self(if is_done { Said::Yes } else { Said::No })
    }
}

impl Act {
    fn value(&self) -> Value {
        Value::of(self.id, self.asked.request)
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

pub(in crate::explore) fn narrow(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}
