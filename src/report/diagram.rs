//! Diagrams: an interleaving as messages between users and services.

use crate::history::{Reply, Service, Step};
use crate::schedule::{Delivery, Move, Schedule};

/// A sequence of messages between users and services.
pub(super) struct Diagram {
    /// What it shows.
    pub(super) title: String,
    /// The messages, in their order.
    pub(super) messages: Vec<Message>,
}

/// A step and its answer, or something that happens by itself.
pub(super) struct Message {
    /// Who moves; `None` for a service that does something by itself.
    pub(super) user: Option<String>,
    /// What is done, in words.
    pub(super) words: String,
    /// The step that is taken; `None` when it is none.
    pub(super) step: Option<Step>,
    /// Which of several lock services it is about, from 0.
    pub(super) node: u8,
    /// What is answered; `None` when nothing is asked.
    pub(super) reply: Option<String>,
    /// What it changes; empty for nothing.
    pub(super) note: String,
    /// What arrives of it.
    pub(super) arrives: Arrives,
}

/// What arrives of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrives {
    /// The request and the reply.
    Both,
    /// The request only.
    Request,
    /// The request, later.
    Later,
    /// Nothing.
    Nothing,
}

impl From<Delivery> for Arrives {
    fn from(delivery: Delivery) -> Self {
        match delivery {
            Delivery::Arrives | Delivery::Slow => Self::Both,
            Delivery::Lost => Self::Request,
            Delivery::LostRequest => Self::Nothing,
            Delivery::Late => Self::Later,
        }
    }
}

impl Message {
    /// A move of a schedule, as it is written: `A.check`, or `expire`.
    pub(super) fn of_move(written: &str, reply: Option<Reply>, change: &str) -> Self {
        let moves = written.parse::<Schedule>().unwrap_or_default().0;
        let (step, node, arrives) = match moves.first() {
            Some(Move::Step {
                step, node, reply, ..
            }) => (Some(*step), *node, Arrives::from(*reply)),
            Some(Move::Arrival { step, node, .. }) => (Some(*step), *node, Arrives::Request),
            Some(Move::Expire(node) | Move::Restart(node)) => (None, *node, Arrives::Both),
            Some(Move::Crash(_) | Move::GiveUp(_) | Move::Stall(_) | Move::PauseRedis) | None => {
                (None, 0, Arrives::Both)
            }
        };
        let (user, words) = match written.split_once('.') {
            Some((user, words)) => (Some(user.to_owned()), words),
            None => (None, written),
        };
        Self {
            user,
            words: words.to_owned(),
            step,
            node,
            reply: reply.map(|reply| reply.to_string()),
            note: change.to_owned(),
            arrives,
        }
    }

    /// Who is asked by it; `None` when it is no step.
    fn service(&self) -> Option<Service> {
        self.step.map(Step::service)
    }
}

impl Diagram {
    /// The name of the database.
    pub(super) const DATABASE: &str = "SQLite";

    /// The name of a lock service.
    const LOCK: &str = "Redis";

    /// Whom the message is sent to; `None` when it is nobody but its user.
    pub(super) fn participant(&self, message: &Message) -> Option<String> {
        match message.service() {
            Some(Service::Nobody) => None,
            Some(Service::Lock) => Some(self.lock(message)),
            // What happens by itself happens to the locks, or to a claim in the database.
            None if message.user.is_some() => None,
            None if self.has_locks() => Some(self.lock(message)),
            Some(Service::Database) | None => Some(Self::DATABASE.to_owned()),
        }
    }

    fn lock(&self, message: &Message) -> String {
        let are_several = self.messages.iter().any(|message| message.node > 0);
        if are_several {
            format!("{} {}", Self::LOCK, u32::from(message.node) + 1)
        } else {
            Self::LOCK.to_owned()
        }
    }

    fn has_locks(&self) -> bool {
        let mut services = self.messages.iter().map(Message::service);
        services.any(|service| service == Some(Service::Lock))
    }

    /// Those that anything is sent to: the lock services in their order, then the database.
    pub(super) fn participants(&self) -> Vec<String> {
        let asked = self.messages.iter().filter_map(|it| self.participant(it));
        let mut locks: Vec<String> = asked.filter(|name| name != Self::DATABASE).collect();
        locks.sort_unstable();
        locks.dedup();
        locks.push(Self::DATABASE.to_owned());
        locks
    }
}
