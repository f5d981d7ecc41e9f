//! The task that carries requests to a node, in pipelines, and hands their replies to those who wait.

use std::sync::Arc;
use std::time::Instant;

use redis::{ErrorKind, RedisError};
use tokio::task::JoinSet;

use super::answer::{RedisAnswer, understand};
use super::connection::{Link, PIPELINE_MAX};
use super::lifeline::{AGAIN, SILENCE};
use super::node::{Inbox, Node, Share};
use super::router::{Newcomers, Router};
use crate::duration::Millis;
use crate::services::lock::AddressedRequest;
use crate::services::queue::RequestId;
use crate::step::Reply;

/// The most pipelines under way to a node: beyond it the gain is below the noise.
const PIPELINES_MAX: usize = 4;

/// What is not known after a connection was dropped. What comes after it is.
pub(super) const ON_ITS_WAY: &str = "what was on its way is unknown";

/// A request, and what it was answered.
type Exchanged = ((RequestId, AddressedRequest), RedisAnswer);

/// Carries what waits in the queue to the nodes, those that are known and those that join them, until the
/// queue is closed.
pub(super) async fn carry_all(router: Arc<Router>, mut newcomers: Newcomers) {
    if !router.is_cluster() {
        if let Some((node, inbox)) = newcomers.recv().await {
            carry(router, node, inbox).await;
        }
        return;
    }
    let mut carriers = JoinSet::new();
    let mut batch = Share::new();
    loop {
        tokio::select! {
            Some((node, inbox)) = newcomers.recv() => {
                carriers.spawn(carry(Arc::clone(&router), node, inbox));
            }
            is_open = router.queue.take(&mut batch) => {
                if !is_open {
                    break;
                }
                router.distribute(batch.drain(..));
            }
        }
    }
    for node in router.nodes() {
        node.close();
    }
    carriers.join_all().await;
}

/// Carries requests to the node until its inbox is closed. What was handed in while there was no
/// connection is sent on the next; what was sent is never sent again, unless the server says that it has
/// done nothing.
async fn carry(router: Arc<Router>, node: Arc<Node>, mut inbox: Inbox) {
    let mut batch = Share::new();
    let mut carrier = Carrier {
        router: Arc::clone(&router),
        node,
        pipelines: JoinSet::new(),
    };
    while inbox.take(&router.queue, &mut batch).await {
        let mut waiting = batch.drain(..);
        while waiting.len() > 0 {
            match carrier.ready().await {
                Turn::Send(link) => {
                    carrier.send(link, waiting.by_ref().take(PIPELINE_MAX).collect());
                }
                Turn::Elsewhere => router.distribute(waiting.by_ref()),
                Turn::Over => router
                    .queue
                    .deliver(waiting.by_ref().map(|(id, _)| (id, Reply::Failed.into()))),
            }
        }
    }
}

/// What is to be done with requests that wait for a node.
enum Turn {
    /// They are sent to it.
    Send(Link),
    /// Whose they are is asked once more.
    Elsewhere,
    /// Nothing is sent any more.
    Over,
}

struct Carrier {
    router: Arc<Router>,
    node: Arc<Node>,
    pipelines: JoinSet<()>,
}

impl Carrier {
    async fn ready(&mut self) -> Turn {
        let router = Arc::clone(&self.router);
        if router.queue.is_halted() {
            return Turn::Over;
        }
        if self.pipelines.len() == PIPELINES_MAX && !self.is_there_room().await {
            router.learn(Some(&self.node)).await;
            return Turn::Elsewhere;
        }
        let lifeline = &self.node.lifeline;
        let was_dropped = lifeline.is_dropped() && !lifeline.is_expecting();
        let live = if router.is_cluster() {
            lifeline.live_within(SILENCE).await
        } else {
            lifeline.live().await
        };
        match live {
            Ok(link) => {
                self.node.silent.stop();
                if was_dropped {
                    router.first_error.note(format!(
                        "its connection was dropped, and made again: {ON_ITS_WAY}"
                    ));
                }
                Turn::Send(link)
            }
            Err(error) if router.is_cluster() => {
                let since = self.node.silent.start(Instant::now());
                tokio::time::sleep(AGAIN).await;
                router.learn(Some(&self.node)).await;
                if since.elapsed() < router.limit {
                    return Turn::Elsewhere;
                }
                // Other nodes go on: what they serve is not concerned.
                router.first_error.note(format!("a node is gone: {error}"));
                Turn::Over
            }
            Err(error) => {
                let error = format!("its connection was dropped: {error}");
                router.first_error.note(error);
                router.queue.close();
                Turn::Over
            }
        }
    }

    /// Waits until another pipeline may go; `false` when a node of a cluster keeps silent meanwhile.
    async fn is_there_room(&mut self) -> bool {
        let room = self.pipelines.join_next();
        if self.router.is_cluster() {
            return tokio::time::timeout(SILENCE, room).await.is_ok();
        }
        room.await;
        true
    }

    fn send(&mut self, link: Link, batch: Share) {
        let (router, node) = (Arc::clone(&self.router), Arc::clone(&self.node));
        self.pipelines.spawn(async move {
            if router.is_cluster() {
                carry_through(&router, &node, link, batch).await;
            } else {
                let answered = exchange(link.clone(), batch, false).await;
                deliver(&router, &link, answered);
            }
        });
    }
}

/// Sends requests, and sends them again wherever the nodes say that they are served, as long as they say
/// that nothing was done.
async fn carry_through(router: &Arc<Router>, node: &Arc<Node>, link: Link, batch: Share) {
    let answered = watched(router, node, link.clone(), batch, false).await;
    if !answered.iter().any(|(_, answer)| is_redirection(answer)) {
        node.unserved.stop();
        deliver(router, &link, answered);
        return;
    }
    // Those who are refused one after another wait for one limit, not for one each.
    let began = node.unserved.start(Instant::now());
    let mut redirected = deliver_known(router, &link, answered, began);
    while !redirected.is_empty() {
        router.follow(&redirected_errors(&redirected), node).await;
        let mut again = Vec::new();
        for route in by_route(router, redirected) {
            let (node, unserved) = (route.node, route.requests);
            match node.lifeline.live_within(SILENCE).await {
                Ok(link) => {
                    let requests = unserved.into_iter().map(|(request, _)| request).collect();
                    let sent = watched(router, &node, link.clone(), requests, route.is_asking);
                    again.extend(deliver_known(router, &link, sent.await, began));
                }
                Err(_) if began.elapsed() < router.limit => {
                    tokio::time::sleep(AGAIN).await;
                    again.extend(unserved);
                }
                Err(_) => deliver_failed(router, unserved),
            }
        }
        redirected = again;
    }
    if began.elapsed() < router.limit {
        node.unserved.stop();
    }
}

fn is_redirection(answer: &RedisAnswer) -> bool {
    answer.as_ref().is_err_and(RedisError::is_cluster_error)
}

fn redirected_errors(redirected: &[Exchanged]) -> Vec<&RedisError> {
    let errors = redirected.iter().map(|(_, answer)| answer.as_ref().err());
    errors.flatten().collect()
}

fn deliver_failed(router: &Router, some: Vec<Exchanged>) {
    let failed = some.into_iter().map(|((id, _), _)| id);
    router
        .queue
        .deliver(failed.map(|id| (id, Reply::Failed.into())));
}

/// Requests that a node has not served, and where they are to go now.
struct Route {
    node: Arc<Node>,
    /// Whether the node is asked to serve a slot that it is only taking over.
    is_asking: bool,
    requests: Vec<Exchanged>,
}

fn by_route(router: &Router, redirected: Vec<Exchanged>) -> Vec<Route> {
    let mut found: Vec<Route> = Vec::new();
    for (request, answer) in redirected {
        let (node, is_asking) = router.route_of(request.1.0, answer.as_ref().err());
        let known = found
            .iter_mut()
            .find(|it| Arc::ptr_eq(&it.node, &node) && it.is_asking == is_asking);
        match known {
            Some(route) => route.requests.push((request, answer)),
            None => found.push(Route {
                node,
                is_asking,
                requests: vec![(request, answer)],
            }),
        }
    }
    found
}

/// Sends requests to a node of a cluster. While it keeps silent, another is asked whose its slots are; after
/// the limit what it was sent counts as lost.
async fn watched(
    router: &Arc<Router>,
    node: &Arc<Node>,
    link: Link,
    batch: Share,
    is_asking: bool,
) -> Vec<Exchanged> {
    let silent = batch.clone();
    let began = Instant::now();
    let stalled = link.clone();
    let mut exchange = std::pin::pin!(exchange(link, batch, is_asking));
    loop {
        match tokio::time::timeout(SILENCE, &mut exchange).await {
            Ok(answered) => {
                let answered: Vec<_> = answered.collect();
                if answered.iter().any(|(_, answer)| !is_broken(answer)) {
                    node.silent.stop();
                }
                return answered;
            }
            Err(_) if began.elapsed() < router.limit => {
                // While it is asked, answers are listened to as well.
                let learning = Box::pin(router.learn(Some(node)));
                tokio::select! {
                    answered = &mut exchange => return answered.collect(),
                    () = learning => {}
                }
            }
            Err(_) => break,
        }
    }
    node.silent.start(began);
    let why = format!("a node gave no answer for {}", Millis(router.limit));
    router.first_error.note(why);
    // What comes next goes on another connection, if the node takes one.
    stalled.hang_up();
    let lost = || RedisError::from((ErrorKind::Io, "no answer"));
    silent.into_iter().map(|it| (it, Err(lost()))).collect()
}

fn is_broken(answer: &RedisAnswer) -> bool {
    answer
        .as_ref()
        .is_err_and(|error| error.kind() == ErrorKind::Io)
}

/// Sends requests in one pipeline: each with its answer, of which no list is made on the way.
async fn exchange(
    mut link: Link,
    batch: Share,
    is_asking: bool,
) -> impl Iterator<Item = Exchanged> {
    let requests: Vec<AddressedRequest> = batch.iter().map(|(_, request)| *request).collect();
    let answers = link.exchange(&requests, is_asking).await;
    batch.into_iter().zip(answers)
}

fn deliver(router: &Router, link: &Link, answered: impl IntoIterator<Item = Exchanged>) {
    let (url, first_error) = (link.url(), &router.first_error);
    let replies: Vec<_> = answered
        .into_iter()
        .map(|((id, request), answer)| (id, understand(request.2, answer, url, first_error)))
        .collect();
    router.queue.deliver(replies);
}

/// Delivers what is known: what is not, because the nodes have done nothing.
fn deliver_known(
    router: &Router,
    link: &Link,
    answered: Vec<Exchanged>,
    began: Instant,
) -> Vec<Exchanged> {
    let is_in_time = began.elapsed() < router.limit;
    let is_to_go_on = |answer: &RedisAnswer| is_in_time && is_redirection(answer);
    let (redirected, known): (Vec<_>, Vec<_>) = answered
        .into_iter()
        .partition(|(_, answer)| is_to_go_on(answer));
    deliver(router, link, known);
    redirected
}
