//! Which node of a lock service a request goes to. A server by itself is a router of one node.
//!
//! A cluster may move its slots at any time. A node that does not serve a slot says `MOVED`, and has done
//! nothing: the map is asked for again, of the node that it names, and the request is sent there. A broken
//! connection says nothing of what was done, and what was sent on it is never sent again.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use redis::{ErrorKind, RedisError, ServerErrorKind};
use tokio::sync::mpsc;

use super::commands::Names;
use super::connection::Link;
use super::lifeline::{AGAIN, Lifeline, SILENCE};
use super::node::{Inbox, Node, Share};
use super::node_map::NodeMap;
use super::slots::{NodeAddress, SlotRange};
use crate::seat::SeatId;
use crate::services::lock::{AddressedRequest, LockError, Unfit};
use crate::services::queue::{FirstError, RequestId, RequestQueue};

/// The nodes of a lock service, and the way to each.
#[derive(Debug)]
pub(super) struct Router {
    pub(super) queue: RequestQueue<AddressedRequest>,
    pub(super) first_error: FirstError,
    /// How long a request may wait for a node that serves it.
    pub(super) limit: Duration,
    /// The connection that those to other nodes are made after.
    first: Link,
    names: Arc<Names>,
    map: RwLock<NodeMap>,
    /// Where nodes are announced that requests are to be carried to.
    joining: mpsc::UnboundedSender<(Arc<Node>, Inbox)>,
    /// Held while a node is asked for its map, so that many do not ask at once.
    learning: tokio::sync::Mutex<()>,
}

/// So many names are tried for a lock that a node serves: a node with a single slot has one of them, but for
/// one time in fifty.
const PROBES_MAX: u32 = 65_536;

/// Nodes that requests are to be carried to, as they become known.
pub(super) type Newcomers = mpsc::UnboundedReceiver<(Arc<Node>, Inbox)>;

impl Router {
    /// The way to a server that is no cluster.
    pub(super) fn to_one(
        link: Link,
        lifeline: Lifeline,
        limit: Duration,
    ) -> (Arc<Self>, Newcomers) {
        let map = NodeMap::of_one(Node::alone(lifeline));
        let (router, newcomers) = Self::new(link, map, limit);
        let node = Arc::clone(&router.map().nodes[0]);
        let _ = router.joining.send((node, Inbox::Whole));
        (router, newcomers)
    }

    /// The ways to the primaries of a cluster, by the map that the first connection's node gives.
    ///
    /// # Errors
    /// When one of them cannot be reached, or the cluster has no map.
    pub(super) async fn to_cluster(
        link: Link,
        ranges: Vec<SlotRange>,
        limit: Duration,
    ) -> Result<(Arc<Self>, Newcomers), LockError> {
        let (router, newcomers) = Self::new(link, NodeMap::of_cluster(), limit);
        for range in &ranges {
            router.node_at(&range.primary, limit).await?;
        }
        if ranges.is_empty() {
            return Err(LockError::Unfit {
                address: router.first.url().address(),
                why: Unfit::ClusterDown,
            });
        }
        router.map_mut().apply(&ranges);
        Ok((router, newcomers))
    }

    fn new(link: Link, map: NodeMap, limit: Duration) -> (Arc<Self>, Newcomers) {
        let (joining, newcomers) = mpsc::unbounded_channel();
        let router = Self {
            queue: RequestQueue::default(),
            first_error: FirstError::default(),
            limit,
            names: link.names(),
            first: link,
            map: RwLock::new(map),
            joining,
            learning: tokio::sync::Mutex::new(()),
        };
        (Arc::new(router), newcomers)
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.map().slots.is_some()
    }

    pub(super) fn nodes(&self) -> Vec<Arc<Node>> {
        self.map().nodes.clone()
    }

    /// A connection to the node that serves the lock of this seat.
    ///
    /// # Errors
    /// When the node cannot be reached within the limit.
    pub(super) async fn link(&self, seat: SeatId) -> Result<Link, LockError> {
        let node = self.node_of(seat);
        self.live(&node).await
    }

    /// Asks the node that serves the lock of this seat; another, when that says that it does no more.
    ///
    /// # Errors
    /// What it was answered.
    pub(super) async fn at<T, F>(
        self: &Arc<Self>,
        seat: SeatId,
        ask: impl Fn(Link) -> F,
    ) -> Result<T, LockError>
    where
        F: Future<Output = Result<T, LockError>>,
    {
        let mut tries = Tries::new(self);
        loop {
            let node = self.node_of(seat);
            let link = match self.live(&node).await {
                Ok(link) => link,
                Err(error) if tries.is_to_look_elsewhere(&error).await => continue,
                Err(error) => return Err(error),
            };
            match ask(link).await {
                Err(error) if tries.is_to_go_on(&error).await => {}
                answered => return answered,
            }
        }
    }

    /// A connection to a node. A node of a cluster is waited for a moment only: another may serve its slots.
    async fn live(&self, node: &Node) -> Result<Link, LockError> {
        if self.is_cluster() {
            Box::pin(node.lifeline.live_within(SILENCE)).await
        } else {
            Box::pin(node.lifeline.live()).await
        }
    }

    /// Asks each node about those of the seats whose locks it serves; all of them again, when the cluster has
    /// changed meanwhile.
    ///
    /// # Errors
    /// What the first was answered that could not be asked; all the others were.
    pub(super) async fn at_each<T, F>(
        self: &Arc<Self>,
        seats: &[SeatId],
        ask: impl Fn(Link, Arc<Node>, Vec<SeatId>) -> F,
    ) -> Result<Vec<T>, LockError>
    where
        F: Future<Output = Result<T, LockError>>,
    {
        let mut tries = Tries::new(self);
        'again: loop {
            let mut answers = Vec::new();
            let mut failed = None;
            for (node, share) in self.by_node(seats) {
                let answered = match self.live(&node).await {
                    Ok(link) => Box::pin(ask(link, node, share)).await,
                    Err(error) => Err(error),
                };
                match answered {
                    Ok(answer) => answers.push(answer),
                    Err(error) if tries.is_to_go_on(&error).await => continue 'again,
                    // The others are asked all the same.
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
            return failed.map_or(Ok(answers), Err);
        }
    }

    /// The node that serves the lock of this seat.
    fn node_of(&self, seat: SeatId) -> Arc<Node> {
        let map = self.map();
        let at = map.number_of(|| self.names.key(seat));
        Arc::clone(&map.nodes[at])
    }

    /// The seats, by the nodes that serve their locks.
    fn by_node(&self, seats: &[SeatId]) -> Vec<(Arc<Node>, Vec<SeatId>)> {
        let map = self.map();
        let mut shares: Vec<Vec<SeatId>> = vec![Vec::new(); map.nodes.len()];
        for seat in seats {
            shares[map.number_of(|| self.names.key(*seat))].push(*seat);
        }
        let shares = map.nodes.iter().cloned().zip(shares);
        shares
            .filter(|(_, share)| map.slots.is_none() || !share.is_empty())
            .collect()
    }

    /// Hands requests to the nodes that serve them.
    pub(super) fn distribute(&self, requests: impl Iterator<Item = (RequestId, AddressedRequest)>) {
        let map = self.map();
        let mut shares = vec![Share::new(); map.nodes.len()];
        for (id, request) in requests {
            shares[map.number_of(|| self.names.key(request.0))].push((id, request));
        }
        for (node, share) in map.nodes.iter().zip(shares) {
            if share.is_empty() {
                continue;
            }
            let refused = node.hand(share).unwrap_or_default();
            let failed = refused.into_iter().map(|(id, _)| id);
            self.queue
                .deliver(failed.map(|id| (id, crate::step::Reply::Failed.into())));
        }
    }

    /// Whom a request is sent to that a node has answered with an error of the cluster's; `true` when that
    /// node is to serve it although the slot is not its own yet.
    pub(super) fn route_of(&self, seat: SeatId, error: Option<&RedisError>) -> (Arc<Node>, bool) {
        let usual = self.node_of(seat);
        let ask = error.filter(|error| error.kind() == ErrorKind::Server(ServerErrorKind::Ask));
        let named = ask
            .and_then(|error| named_by(error, &usual))
            .and_then(|address| self.map().known(&address));
        match named {
            Some(node) => (node, true),
            None => (usual, false),
        }
    }

    /// Learns what the errors of a node say of the cluster, and lets a moment pass where it is of no use to
    /// try again at once.
    pub(super) async fn follow(self: &Arc<Self>, errors: &[&RedisError], node: &Arc<Node>) {
        for error in errors {
            let Some(address) = named_by(error, node) else {
                // CLUSTERDOWN or TRYAGAIN.
                tokio::time::sleep(AGAIN).await;
                self.learn(None).await;
                return;
            };
            let is_news = {
                let map = self.map();
                let is_moved = error.kind() == ErrorKind::Server(ServerErrorKind::Moved);
                match (map.known(&address), error.redirect_node()) {
                    (Some(to), Some((_, slot))) if is_moved => {
                        !Arc::ptr_eq(&to, &map.serving(slot))
                    }
                    (known, _) => known.is_none(),
                }
            };
            if is_news {
                self.learn_of(&address).await;
            }
        }
    }

    /// Asks the node that another has named for its map.
    async fn learn_of(self: &Arc<Self>, address: &NodeAddress) {
        let _alone = self.learning.lock().await;
        if let Ok(node) = self.node_at(address, SILENCE).await {
            self.ask(&node).await;
        }
    }

    /// A lock that no seat has, and that this node serves, if it serves any.
    pub(super) fn probe_of(&self, node: &Arc<Node>) -> String {
        let map = self.map();
        let is_served = |key: &String| {
            let at = map.number_of(|| key.clone());
            Arc::ptr_eq(&map.nodes[at], node)
        };
        let mut probes = (0..PROBES_MAX).map(|number| self.names.probe(number));
        let found = probes.find(is_served);
        found.unwrap_or_else(|| self.names.probe(PROBES_MAX))
    }

    /// Ends all waiting.
    pub(super) fn give_up(&self) {
        for node in self.nodes() {
            node.lifeline.give_up();
        }
        self.queue.close();
    }

    /// Asks for the map: one that is not silent, if there is another.
    pub(super) async fn learn(self: &Arc<Self>, silent: Option<&Arc<Node>>) {
        let before = self.map().learned;
        let _alone = self.learning.lock().await;
        if self.map().learned != before {
            return;
        }
        let is_silent = |node: &Arc<Node>| silent.is_some_and(|it| Arc::ptr_eq(it, node));
        let mut nodes = self.nodes();
        nodes.sort_by_key(|node| (is_silent(node), node.lifeline.is_dropped()));
        for node in nodes {
            if self.ask(&node).await {
                return;
            }
        }
    }

    /// Asks a node for its map, and goes by it from now on; `false` when it does not say within a moment.
    async fn ask(self: &Arc<Self>, node: &Arc<Node>) -> bool {
        let asking = async {
            let mut link = node.lifeline.live_within(SILENCE).await.ok()?;
            link.slot_ranges(SILENCE).await.ok()
        };
        let asked = tokio::time::timeout(SILENCE, asking).await;
        let Ok(Some(ranges)) = asked else {
            return false;
        };
        let mut primaries: Vec<_> = ranges.iter().map(|range| &range.primary).collect();
        primaries.sort_unstable();
        primaries.dedup();
        for primary in primaries {
            // One that cannot be reached is tried again with the next request for it.
            let _ = self.node_at(primary, SILENCE).await;
        }
        self.map_mut().apply(&ranges);
        true
    }

    /// The node at an address, connected to if it is new.
    async fn node_at(
        self: &Arc<Self>,
        address: &NodeAddress,
        limit: Duration,
    ) -> Result<Arc<Node>, LockError> {
        if let Some(node) = self.map().known(address) {
            return Ok(node);
        }
        let link = self.first.to(address, limit).await?;
        let lifeline = Lifeline::new(link, None, self.limit);
        let (node, inbox) = Node::of_cluster(address.clone(), lifeline);
        let node = Arc::new(node);
        self.map_mut().nodes.push(Arc::clone(&node));
        // Refused when nothing is carried any more.
        let _ = self.joining.send((Arc::clone(&node), inbox));
        Ok(node)
    }

    fn map(&self) -> RwLockReadGuard<'_, NodeMap> {
        self.map.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn map_mut(&self) -> RwLockWriteGuard<'_, NodeMap> {
        self.map.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a cluster that changes is asked again.
struct Tries<'a> {
    router: &'a Arc<Router>,
    began: Instant,
}

impl<'a> Tries<'a> {
    fn new(router: &'a Arc<Router>) -> Self {
        Self {
            router,
            began: Instant::now(),
        }
    }

    /// Whether what was not served is worth another try, once the map has been learned again.
    async fn is_to_go_on(&mut self, error: &LockError) -> bool {
        self.is_worth_it(error.is_redirection()).await
    }

    /// Whether a node that cannot be reached may have another in its place.
    async fn is_to_look_elsewhere(&mut self, error: &LockError) -> bool {
        self.is_worth_it(self.router.is_cluster() && error.may_pass())
            .await
    }

    async fn is_worth_it(&mut self, is_passing: bool) -> bool {
        let is_worth_it = is_passing && self.began.elapsed() < self.router.limit;
        if is_worth_it {
            tokio::time::sleep(AGAIN).await;
            Box::pin(self.router.learn(None)).await;
        }
        is_worth_it
    }
}

/// Where an error sends its reader; `None` for one that does not.
fn named_by(error: &RedisError, asked: &Node) -> Option<NodeAddress> {
    let asked = asked.address.as_ref().map_or("", |address| &*address.host);
    let (text, _) = error.redirect_node()?;
    NodeAddress::of_redirection(text, asked)
}
