//! The nodes of a lock service, and which of them serves a key.

use std::sync::Arc;

use super::node::Node;
use super::slots::{NodeAddress, SLOTS, SlotRange, slot_of};

/// The nodes, numbered, and which of them serves which slot.
#[derive(Debug)]
pub(super) struct NodeMap {
    pub(super) nodes: Vec<Arc<Node>>,
    /// The number of the node that serves each slot; `None` for a server by itself.
    pub(super) slots: Option<Box<[u16]>>,
    /// How often it has been learned.
    pub(super) learned: u64,
}

/// A slot that no node is known to serve is asked for at the first, which says so.
const UNSERVED: u16 = 0;

impl NodeMap {
    /// A server by itself.
    pub(super) fn of_one(node: Node) -> Self {
        Self {
            nodes: vec![Arc::new(node)],
            slots: None,
            learned: 0,
        }
    }

    /// A cluster of which no node is known yet.
    pub(super) fn of_cluster() -> Self {
        Self {
            nodes: Vec::new(),
            slots: Some(vec![UNSERVED; usize::from(SLOTS)].into()),
            learned: 0,
        }
    }

    /// Goes by what a node says of the slots, as far as the nodes that it names are known.
    pub(super) fn apply(&mut self, ranges: &[SlotRange]) {
        for range in ranges {
            let Some(number) = self.number_at(&range.primary) else {
                continue;
            };
            if let Some(slots) = &mut self.slots {
                slots[usize::from(range.first)..=usize::from(range.last)].fill(number);
            }
        }
        self.learned += 1;
    }

    /// The number of the node that serves a key.
    pub(super) fn number_of(&self, key: impl FnOnce() -> String) -> usize {
        let slots = self.slots.as_ref();
        slots.map_or(0, |slots| {
            usize::from(slots[usize::from(slot_of(key().as_bytes()))])
        })
    }

    /// The node that serves a slot.
    pub(super) fn serving(&self, slot: u16) -> Arc<Node> {
        let slots = self.slots.as_ref();
        let number = slots.and_then(|slots| slots.get(usize::from(slot)));
        Arc::clone(&self.nodes[number.map_or(0, |number| usize::from(*number))])
    }

    /// The node at an address.
    pub(super) fn known(&self, address: &NodeAddress) -> Option<Arc<Node>> {
        let mut nodes = self.nodes.iter();
        nodes
            .find(|node| node.address.as_ref() == Some(address))
            .cloned()
    }

    fn number_at(&self, address: &NodeAddress) -> Option<u16> {
        let mut nodes = self.nodes.iter();
        let at = nodes.position(|node| node.address.as_ref() == Some(address));
        at.and_then(|at| u16::try_from(at).ok())
    }
}
