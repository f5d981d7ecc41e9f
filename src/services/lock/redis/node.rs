//! A node of a lock service: one server, its connection, and what waits to be carried to it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::mpsc;

use super::lifeline::Lifeline;
use super::slots::NodeAddress;
use crate::services::lock::AddressedRequest;
use crate::services::queue::{RequestId, RequestQueue};

/// Those of the requests that one node serves.
pub(super) type Share = Vec<(RequestId, AddressedRequest)>;

/// A server.
#[derive(Debug)]
pub(super) struct Node {
    /// What a cluster calls it; `None` for a server that is no node of a cluster.
    pub(super) address: Option<NodeAddress>,
    pub(super) lifeline: Lifeline,
    /// Where the router puts what is this node's; `None` where there is nothing to choose, or no more.
    inbox: Mutex<Option<mpsc::UnboundedSender<Share>>>,
    /// Since when it has answered nothing that it was asked.
    pub(super) silent: TroubleClock,
    /// Since when nobody serves what it was asked for.
    pub(super) unserved: TroubleClock,
}

/// When something began that is not over yet.
#[derive(Debug, Default)]
pub(super) struct TroubleClock(Mutex<Option<Instant>>);

impl TroubleClock {
    /// It has begun, at this time unless it had before: when.
    pub(super) fn start(&self, at: Instant) -> Instant {
        *self.lock().get_or_insert(at)
    }

    /// It is over.
    pub(super) fn stop(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Node {
    /// A server by itself: all requests are its own.
    pub(super) fn alone(lifeline: Lifeline) -> Self {
        Self {
            address: None,
            lifeline,
            inbox: Mutex::new(None),
            silent: TroubleClock::default(),
            unserved: TroubleClock::default(),
        }
    }

    /// A primary of a cluster, and what it is handed of the requests.
    pub(super) fn of_cluster(address: NodeAddress, lifeline: Lifeline) -> (Self, Inbox) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let node = Self {
            address: Some(address),
            lifeline,
            inbox: Mutex::new(Some(sender)),
            silent: TroubleClock::default(),
            unserved: TroubleClock::default(),
        };
        (node, Inbox::Part(receiver))
    }

    /// Hands requests to it: those that it takes no more.
    pub(super) fn hand(&self, batch: Share) -> Option<Share> {
        let inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        match &*inbox {
            Some(sender) => sender.send(batch).err().map(|refused| refused.0),
            None => Some(batch),
        }
    }

    /// Hands it nothing more.
    pub(super) fn close(&self) {
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        *inbox = None;
    }
}

/// Where requests come from that are to be carried to a node.
pub(super) enum Inbox {
    /// The queue of the service, which has no other node.
    Whole,
    /// What the router has found to be this node's.
    Part(mpsc::UnboundedReceiver<Share>),
}

impl Inbox {
    /// Takes all that waits, once there is anything; `false` when there never will be.
    pub(super) async fn take(
        &mut self,
        queue: &RequestQueue<AddressedRequest>,
        batch: &mut Share,
    ) -> bool {
        match self {
            Self::Whole => queue.take(batch).await,
            Self::Part(receiver) => {
                let Some(first) = receiver.recv().await else {
                    return false;
                };
                batch.extend(first);
                while let Ok(more) = receiver.try_recv() {
                    batch.extend(more);
                }
                true
            }
        }
    }
}
