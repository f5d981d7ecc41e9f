//! The stores as the model sees them: one seat, its locks, and who has what.

use super::database::Database;
use crate::client::{AcquireBy, Asked, Held, ReleaseBy, Token};
use crate::exchange::{Answer, CallError, Said};
use crate::history::{Service, Step};
use crate::seat::UserId;

/// The most users of a model.
pub const USERS_MAX: usize = 5;

/// The most lock services of a model.
pub(super) const NODES_MAX: usize = 5;

/// The database and the lock services. Every step on them is one indivisible act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct World {
    pub(super) database: Database,
    nodes: [Node; NODES_MAX],
    leases: [Lease; USERS_MAX],
    /// What came with an answer to each user: the token of its lock, or the version of the seat.
    numbers: [u8; USERS_MAX],
    /// Whether anybody freed another's lock.
    pub(super) freed_foreign: bool,
}

/// One lock service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Node {
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
pub(super) struct Value {
    name: u8,
    request: u8,
}

/// The time for which a user was given a lock, or the seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum Lease {
    #[default]
    None,
    /// It has some of several locks, and has not looked whether that is enough.
    Begun,
    /// The time of those was over before it looked: it never went by them.
    Late,
    Running,
    Over,
}

/// What goes along with a request, as it was when it was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    /// The token of the user's lock, or the version of the seat.
    pub(super) number: u8,
    /// Whether the user's lease was over.
    pub(super) is_lease_over: bool,
}

/// A step of a user.
pub(super) struct Act {
    /// Numbered from 0.
    pub(super) user: usize,
    /// Who that is.
    pub(super) id: UserId,
    pub(super) asked: Asked,
    /// Whether the user learns the answer.
    pub(super) is_heard: bool,
    /// How many lock services there are.
    pub(super) nodes: usize,
}

impl World {
    /// Carries out a step: what it is answered.
    pub(super) fn act(&mut self, act: &Act) -> Answer<Said> {
        let (user, asked) = (act.user, act.asked);
        if asked.step.service() == Service::Lock && usize::from(asked.manner.node) >= act.nodes {
            // A strategy that takes a lock without having said so.
            return Err(CallError::Failed);
        }
        let said = match asked.step {
            Step::Acquire => self.acquire(act),
            Step::SetTtl => self.set_ttl(asked),
            Step::Verify => self.holds(act).into(),
            Step::Release => self.release(act),
            Step::Validate => self.validate(user),
            Step::Wait => self.node(asked).holder.is_none().into(),
            Step::Pay => true.into(),
            Step::Hold => self.hold(user),
            _ => {
                let in_lease = self.is_in_time(user);
                let number = self.numbers[user];
                let (answer, brought) = self.database.act(user, asked, number, in_lease);
                if let (true, Some(brought)) = (act.is_heard, brought) {
                    self.numbers[user] = brought;
                }
                return answer.ok_or(CallError::Failed);
            }
        };
        Ok(said.0)
    }

    /// What goes along with a request that this user sends.
    pub(super) fn sent_by(&self, user: usize) -> Sent {
        Sent {
            number: self.numbers[user],
            is_lease_over: self.leases[user] == Lease::Over,
        }
    }

    /// The user asks for its lock to be freed, whatever becomes of that.
    pub(super) fn stop_going_by_the_lock(&mut self, user: usize) {
        self.leases[user] = Lease::None;
    }

    /// Whether a request could be carried out now: a writer waits for another's open transaction.
    pub(super) fn can_carry_out(&self, asked: Asked) -> bool {
        asked.step.service() == Service::Lock || !self.database.has_writer()
    }

    /// Carries out a step that was sent before, as it was sent then. Its user does not know, and goes
    /// by what it knows.
    pub(super) fn arrive(&mut self, act: &Act, sent: Sent) -> Answer<Said> {
        let user = act.user;
        let known = (self.leases[user], self.numbers[user]);
        self.numbers[user] = sent.number;
        if sent.is_lease_over {
            self.leases[user] = Lease::Over;
        }
        let answer = self.act(act);
        (self.leases[user], self.numbers[user]) = known;
        answer
    }

    fn acquire(&mut self, act: &Act) -> Done {
        let (user, asked) = (act.user, act.asked);
        let node = &mut self.nodes[usize::from(asked.manner.node)];
        if let Some(other) = node.holder {
            if asked.manner.acquire != AcquireBy::SetEx {
                return false.into();
            }
            self.freed_foreign |= usize::from(other.user) != user;
        }
        node.holder = Some(Holder {
            user: narrow(user),
            value: act.value(),
            has_ttl: asked.manner.acquire != AcquireBy::SetNx,
        });
        if asked.manner.fence {
            node.grants = node.grants.saturating_add(1);
            if act.is_heard {
                self.numbers[user] = node.grants;
            }
        }
        self.leases[user] = match self.leases[user] {
            _ if act.nodes == 1 => Lease::Running,
            Lease::None => Lease::Begun,
            // A user that stalled between two of several locks has lost the first.
            lease => lease,
        };
        true.into()
    }

    fn set_ttl(&mut self, asked: Asked) -> Done {
        let holder = &mut self.nodes[usize::from(asked.manner.node)].holder;
        if let Some(holder) = holder {
            holder.has_ttl = true;
        }
        holder.is_some().into()
    }

    /// There is time left, unless the user has stalled.
    fn validate(&mut self, user: usize) -> Done {
        let is_in_time = self.is_in_time(user);
        if is_in_time {
            self.leases[user] = Lease::Running;
        }
        is_in_time.into()
    }

    fn release(&mut self, act: &Act) -> Done {
        let (user, asked) = (act.user, act.asked);
        self.leases[user] = Lease::None;
        let is_own = self.holds(act);
        let node = &mut self.nodes[usize::from(asked.manner.node)];
        if !is_own && asked.manner.release == ReleaseBy::CompareAndDelete {
            return false.into();
        }
        let freed = node.holder.take();
        self.freed_foreign |= freed.is_some_and(|holder| usize::from(holder.user) != user);
        freed.is_some().into()
    }

    fn hold(&mut self, user: usize) -> Done {
        let said = self.database.hold(user);
        if said == Said::Yes {
            self.leases[user] = Lease::Running;
        }
        Done(said)
    }

    fn node(&self, asked: Asked) -> &Node {
        &self.nodes[usize::from(asked.manner.node)]
    }

    /// Whether the lock is held with what the user asks with.
    fn holds(&self, act: &Act) -> bool {
        let holder = self.node(act.asked).holder;
        holder.is_some_and(|holder| holder.value == act.value())
    }

    fn is_in_time(&self, user: usize) -> bool {
        !matches!(self.leases[user], Lease::Late | Lease::Over)
    }

    /// What the lock of this node is held with, for one with a time to live.
    pub(super) fn may_expire(&self, node: usize) -> Option<Value> {
        let holder = self.nodes.get(node)?.holder;
        holder.filter(|it| it.has_ttl).map(|it| it.value)
    }

    /// Who holds the lock of this node, as its service would tell.
    pub(super) fn held(&self, node: usize) -> Option<Held> {
        self.nodes[node].holder.map(|holder| Held {
            token: Some(Token {
                user: UserId(u32::from(holder.value.name)),
                request: u32::from(holder.value.request),
            }),
            has_ttl: holder.has_ttl,
        })
    }

    /// The time to live of a held lock runs out, or that of the claim on the seat; its holder does not
    /// notice. With one lock its holder's lease is over; of several, one server's clock was wrong.
    pub(super) fn expire(&mut self, node: usize, nodes: usize) {
        let holder = &mut self.nodes[node].holder;
        if let Some(holder) = holder.take_if(|holder| holder.has_ttl)
            && nodes == 1
        {
            self.leases[usize::from(holder.user)] = Lease::Over;
        }
        if let Some(user) = self.database.run_out(None) {
            self.leases[user] = Lease::Over;
        }
    }

    /// What a user holds for a time runs out while it stands still. A lock without a time to live stays.
    pub(super) fn stall(&mut self, user: usize) {
        for node in &mut self.nodes {
            node.holder
                .take_if(|holder| usize::from(holder.user) == user && holder.has_ttl);
        }
        self.database.run_out(Some(user));
        self.leases[user] = match self.leases[user] {
            Lease::Begun | Lease::Late => Lease::Late,
            Lease::None | Lease::Running | Lease::Over => Lease::Over,
        };
    }

    /// The locks of a user that have a time to live: on which node, held with what.
    pub(super) fn held_for_a_time_by(
        &self,
        user: usize,
    ) -> impl Iterator<Item = (usize, Value)> + '_ {
        let held = self.nodes.iter().enumerate();
        let held = held.filter_map(|(node, it)| Some((node, it.holder?)));
        held.filter(move |(_, holder)| usize::from(holder.user) == user && holder.has_ttl)
            .map(|(node, holder)| (node, holder.value))
    }

    /// A lock service forgets everything; nobody's time has run out.
    pub(super) fn restart(&mut self, node: usize) {
        self.nodes[node] = Node::default();
    }

    /// Whether there is anything that a lock service could forget.
    pub(super) fn remembers(&self, node: usize) -> bool {
        self.nodes[node] != Node::default()
    }

    /// Whether the lock of this node is held without a time to live.
    pub(super) fn is_locked_for_ever(&self, node: usize) -> bool {
        let node = self.nodes.get(node);
        node.and_then(|node| node.holder)
            .is_some_and(|holder| !holder.has_ttl)
    }

    /// Whether the user holds a lock.
    pub(super) fn is_locked_by(&self, user: usize) -> bool {
        self.held_by(user).next().is_some()
    }

    /// Whether the user holds a lock that never ends.
    pub(super) fn is_locked_for_ever_by(&self, user: usize) -> bool {
        self.held_by(user).any(|holder| !holder.has_ttl)
    }

    fn held_by(&self, user: usize) -> impl Iterator<Item = Holder> + '_ {
        let held = self.nodes.iter().filter_map(|node| node.holder);
        held.filter(move |holder| usize::from(holder.user) == user)
    }

    /// Whether the user was granted the lock and has not freed it since.
    pub(super) fn is_granted(&self, user: usize) -> bool {
        matches!(self.leases[user], Lease::Running | Lease::Over)
    }
}

/// What a step is answered.
struct Done(Said);

impl From<bool> for Done {
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
    pub(super) fn of(user: UserId, request: u8) -> Self {
        // Two users are one person at two screens.
        let name = if request == 0 { user.person() } else { user };
        Self {
            name: u8::try_from(name.0).unwrap_or(u8::MAX),
            request,
        }
    }
}

pub(super) fn narrow(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}
