//! The lock on a server: `SET key token NX EX`, freed by a compare-and-delete script.
//!
//! One task for each node takes everything that waits for it and sends it in pipelines over one connection;
//! a server that is no cluster is the only node there is. There is no response limit per command, for a
//! queued command is not a late one; the engine gives the service up when it answers no request
//! ([`RequestQueue::close`]).

mod answer;
mod carrier;
mod commands;
mod conditional;
mod connection;
mod dial;
mod late;
mod lifeline;
mod node;
mod node_map;
mod ready;
mod refused;
mod router;
mod scripts;
mod server;
mod slots;
mod url;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use answer::understand;
use carrier::{ON_ITS_WAY, carry_all};
pub use commands::KeyPrefix;
use connection::Link;
use dial::why_closed;
pub use late::{LateRequest, NotSent};
use lifeline::Lifeline;
use ready::Introduction;
use router::{Newcomers, Router};
pub(in crate::services::lock) use scripts::LockScript;
#[cfg(test)]
pub(in crate::services::lock) use server::find_program;
pub(in crate::services::lock) use server::start_server;
pub use server::{PrivateServer, find_server};
pub use url::{Url, may_hold_a_secret, redact};

use super::own_server::OwnServer;
use super::{
    AddressedRequest, Held, LockError, LockUpkeep, ServerIdentity, ServerOwner, Token, Unfit,
};
use crate::seat::SeatId;
use crate::services::private_server::ProcessEnd;
use crate::services::queue::RequestQueue;

/// The most commands that are late at once: each has a connection.
const LATE_MAX: usize = 64;

/// Where a lock server is.
#[derive(Debug, Clone, Copy)]
pub enum RedisServer<'a> {
    /// A server that the person runs.
    Theirs(&'a Url),
    /// A server of the run's own.
    Own(&'a OwnServer),
}

/// A lock service: one lock per seat, on a server.
#[derive(Debug)]
pub struct LockService {
    router: Arc<Router>,
    /// How long the server may take to answer what is no user's step.
    limit: Duration,
    /// Room for what arrives late.
    late: Arc<Semaphore>,
    identity: ServerIdentity,
    /// Whether it deletes a key on the condition of its value, in one command.
    has_conditional_delete: bool,
    run_id: Option<String>,
}

impl LockService {
    /// Connects, makes sure that the server can serve as a lock, and that none of the seats' locks
    /// is held already.
    ///
    /// # Errors
    /// [`LockError`], naming the server without its password.
    pub async fn connect(
        server: RedisServer<'_>,
        prefix: KeyPrefix,
        seats: &[SeatId],
        limit: Duration,
    ) -> Result<Self, LockError> {
        let (url, end) = match server {
            RedisServer::Theirs(url) => (url.clone(), None),
            RedisServer::Own(server) => (Url::of_socket(server.socket())?, server.end()),
        };
        let opening = async {
            let mut link = Link::open(url.clone(), prefix, limit).await?;
            let mut introduction = link.introduction(limit).await?;
            let (router, newcomers) = route(link, &mut introduction, end, limit).await?;
            make_ready(&router, seats, limit).await?;
            tokio::spawn(carry_all(Arc::clone(&router), newcomers));
            Ok((router, introduction))
        };
        let (router, introduction) = match Box::pin(opening).await {
            Err(LockError::Closed(_)) => return Err(why_closed(&url).await),
            opened => opened?,
        };
        let identity = introduction.identity(server, &url.address(), router.nodes().len());
        Ok(Self {
            router,
            limit,
            late: Arc::new(Semaphore::new(LATE_MAX)),
            identity,
            has_conditional_delete: introduction.conditional_delete().is_some(),
            run_id: introduction.run_id,
        })
    }

    /// Where requests wait for it.
    #[must_use]
    pub fn queue(&self) -> &RequestQueue<AddressedRequest> {
        &self.router.queue
    }

    /// Does this with the lock of the seat, or looks, beside what waits in the queue.
    ///
    /// # Errors
    /// When the server cannot be reached, or does not answer in time.
    pub async fn upkeep(
        &self,
        (seat, token): (SeatId, Token),
        upkeep: LockUpkeep,
    ) -> Result<bool, LockError> {
        let limit = self.limit;
        let ask = |mut link: Link| async move { link.upkeep((seat, token), upkeep, limit).await };
        let done = self.router.at(seat, ask).await;
        // What becomes of a connection is told by those who wait for a reply.
        if let Some(error) = done.as_ref().err().filter(|error| !error.may_pass()) {
            self.router.first_error.note(error.to_string());
        }
        done
    }

    /// Ends the time to live of this seat's lock, and waits until the server itself says that the lock is
    /// gone; `false` when it has no time to live.
    ///
    /// # Errors
    /// When the server does not say so within the limit.
    pub async fn expire(&self, seat: SeatId, limit: Duration) -> Result<bool, LockError> {
        let ask = |mut link: Link| async move { link.expire(seat, limit).await };
        self.router.at(seat, ask).await
    }

    /// Who holds the lock of this seat; `None` when nobody does.
    ///
    /// # Errors
    /// When the server does not answer within the limit.
    pub async fn held(&self, seat: SeatId, limit: Duration) -> Result<Option<Held>, LockError> {
        let ask = |mut link: Link| async move { link.held(seat, limit).await };
        self.router.at(seat, ask).await
    }

    /// Frees the locks of these seats that any token of this run holds, and forgets their grants.
    ///
    /// # Errors
    /// When the server does not answer within the limit.
    pub async fn sweep(&self, seats: &[SeatId], limit: Duration) -> Result<(), LockError> {
        let sweep =
            |mut link: Link, _, share: Vec<SeatId>| async move { link.sweep(&share, limit).await };
        self.router.at_each(seats, sweep).await.map(drop)
    }

    /// How long the locks of these seats live on, of those that any token of this run holds; `None`
    /// for a lock without an end.
    ///
    /// # Errors
    /// When the server does not answer within the limit.
    pub async fn left(
        &self,
        seats: &[SeatId],
        limit: Duration,
    ) -> Result<Vec<(SeatId, Option<Duration>)>, LockError> {
        let left =
            |mut link: Link, _, share: Vec<SeatId>| async move { link.left(&share, limit).await };
        Ok(self.router.at_each(seats, left).await?.concat())
    }

    /// The run's own server is about to be killed, and another to be started in its place.
    pub fn expect_another_server(&self) {
        self.router.nodes()[0].lifeline.expect_another_server();
    }

    /// Connects to the server of the run's own that was started in the place of another.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn reconnect(&self, server: &OwnServer, limit: Duration) -> Result<(), LockError> {
        let node = &self.router.nodes()[0];
        node.lifeline.move_to(server.end(), limit).await
    }

    /// Sends a request that is carried out later, and waits until it is on its way: on a connection of
    /// its own, all but its last byte.
    ///
    /// # Errors
    /// When it could not be sent, or too many are on their way.
    pub async fn send_late(&self, request: AddressedRequest) -> Result<LateRequest, NotSent> {
        let room = Arc::clone(&self.late).try_acquire_owned();
        let room = room.map_err(|_| NotSent)?;
        let first_error = self.router.first_error.clone();
        let sending = async {
            let link = self.router.link(request.0).await?;
            let url = link.url().clone();
            let understood = move |answer| {
                drop(room);
                understand(request.2, answer, &url, &first_error)
            };
            link.send_late(request, self.limit, understood).await
        };
        sending.await.map_err(|error| {
            self.router.first_error.note(error.to_string());
            NotSent
        })
    }

    /// Makes sure that requests on their way here can be held back.
    ///
    /// # Errors
    /// [`LockError::NeverLate`] when they cannot.
    pub fn can_hold_back(&self) -> Result<(), LockError> {
        let mut nodes = self.router.nodes().into_iter();
        if nodes.any(|node| node.lifeline.is_encrypted()) {
            return Err(LockError::NeverLate(self.identity.description.clone()));
        }
        Ok(())
    }

    /// Makes sure that the server deletes a key on the condition of its value, in one command.
    ///
    /// # Errors
    /// [`LockError::NoConditionalDelete`] when it cannot.
    pub fn can_delete_if_equal(&self) -> Result<(), LockError> {
        if self.has_conditional_delete {
            return Ok(());
        }
        let server = self.identity.description.clone();
        Err(LockError::NoConditionalDelete(server))
    }

    /// What it is, for the header.
    #[must_use]
    pub const fn identity(&self) -> &ServerIdentity {
        &self.identity
    }

    /// What tells the server from every other; `None` when it does not say.
    #[must_use]
    pub fn run_id(&self) -> Option<&str> {
        self.run_id.as_deref()
    }

    /// What went wrong first; `None` when nothing did. A connection that was dropped when nobody was
    /// waiting has gone wrong too.
    #[must_use]
    pub fn first_error(&self) -> Option<String> {
        let mut nodes = self.router.nodes().into_iter();
        let is_dropped = nodes.any(|node| node.lifeline.is_dropped());
        let dropped = || is_dropped.then(|| format!("its connection was dropped: {ON_ITS_WAY}"));
        self.router.first_error.first().or_else(dropped)
    }

    /// Ends all waiting for it, because it answers nobody; `why` is kept as what went wrong first.
    pub fn give_up(&self, why: &str) {
        self.router.first_error.note(why.to_owned());
        self.router.give_up();
    }
}

impl Drop for LockService {
    fn drop(&mut self) {
        self.router.queue.close();
    }
}

impl Introduction {
    /// What the server is, and where.
    fn identity(&self, server: RedisServer<'_>, address: &str, nodes: usize) -> ServerIdentity {
        let version = self.version.as_deref().unwrap_or("of unknown version");
        let named = format!("{} {version}", self.server);
        let (owner, description) = match server {
            RedisServer::Theirs(_) if self.is_of_cluster => {
                let cluster = format!("a cluster of yours ({nodes} primaries) at {address}");
                (ServerOwner::Person, format!("{named}, {cluster}"))
            }
            RedisServer::Theirs(_) => {
                let description = format!("{named}, a server of yours at {address}");
                (ServerOwner::Person, description)
            }
            RedisServer::Own(OwnServer::Process(_)) => (
                ServerOwner::Run,
                format!("{named}, a private server at {address}"),
            ),
            RedisServer::Own(OwnServer::Embedded(_, reason)) => {
                let description = format!("racesim's own lock server ({reason})");
                (ServerOwner::Embedded, description)
            }
        };
        ServerIdentity {
            owner,
            server: self.server,
            version: self.version.clone(),
            description,
        }
    }
}

/// The way to a server, or to the nodes of the cluster that it belongs to.
async fn route(
    mut link: Link,
    introduction: &mut Introduction,
    end: Option<ProcessEnd>,
    limit: Duration,
) -> Result<(Arc<Router>, Newcomers), LockError> {
    if introduction.is_of_cluster {
        if !link.names().are_together() {
            return Err(LockError::Unfit {
                address: link.url().address(),
                why: Unfit::TwoSlots,
            });
        }
        let ranges = link.slot_ranges(limit).await?;
        // Every node of it is the same lock service.
        introduction.run_id = ranges.iter().map(|range| range.id.clone()).min();
        return Router::to_cluster(link, ranges, limit).await;
    }
    let lifeline = Lifeline::new(link.clone(), end, limit);
    Ok(Router::to_one(link, lifeline, limit))
}

/// Makes sure that each node can serve as a lock, and that none of the seats' locks is held.
async fn make_ready(
    router: &Arc<Router>,
    seats: &[SeatId],
    limit: Duration,
) -> Result<(), LockError> {
    let prepare = |mut link: Link, node, share: Vec<SeatId>| async move {
        let probe = router.probe_of(&node);
        link.prepare(&probe, &share, limit).await
    };
    router.at_each(seats, prepare).await.map(drop)
}
