//! The lock on a server: `SET key token NX EX`, freed by a compare-and-delete script.
//!
//! One task takes everything that waits and sends it in pipelines over one connection. There is no
//! response limit per command, for a queued command is not a late one; the engine gives
//! the service up when it answers no request ([`RequestQueue::close`]).

mod answer;
mod commands;
mod connection;
mod dial;
mod late;
mod lifeline;
mod ready;
mod refused;
mod scripts;
mod server;
mod url;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use answer::understand;
pub use commands::KeyPrefix;
use connection::{Link, PIPELINE_MAX};
use dial::why_closed;
pub use late::{LateRequest, NotSent};
use lifeline::Lifeline;
use ready::Introduction;
pub(in crate::services::lock) use scripts::LockScript;
#[cfg(test)]
pub(in crate::services::lock) use server::find_program;
pub(in crate::services::lock) use server::start_server;
pub use server::{PrivateServer, find_server};
pub use url::{Url, may_hold_a_secret, redact};

use super::own_server::OwnServer;
use super::{AddressedRequest, Held, LockError, LockUpkeep, ServerIdentity, ServerOwner, Token};
use crate::seat::SeatId;
use crate::services::queue::{FirstError, RequestQueue};
use crate::step::Reply;
/// The most pipelines under way: beyond it the gain is below the noise.
const PIPELINES_MAX: usize = 4;

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
    lifeline: Arc<Lifeline>,
    /// How long the server may take to answer what is no user's step.
    limit: Duration,
    /// Room for what arrives late.
    late: Arc<Semaphore>,
    queue: Arc<RequestQueue<AddressedRequest>>,
    identity: ServerIdentity,
    run_id: Option<String>,
    first_error: FirstError,
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
            let introduction = link.prepare(seats, limit).await?;
            Ok((link, introduction))
        };
        let (link, introduction) = match opening.await {
            Err(LockError::Closed(_)) => return Err(why_closed(&url).await),
            opened => opened?,
        };
        let identity = introduction.identity(server, &link.url().address());
        let queue = Arc::new(RequestQueue::default());
        let first_error = FirstError::default();
        let lifeline = Arc::new(Lifeline::new(link, end, limit));
        tokio::spawn(serve(
            Arc::clone(&lifeline),
            Arc::clone(&queue),
            first_error.clone(),
        ));
        Ok(Self {
            lifeline,
            limit,
            late: Arc::new(Semaphore::new(LATE_MAX)),
            queue,
            identity,
            run_id: introduction.run_id,
            first_error,
        })
    }

    /// Where requests wait for it.
    #[must_use]
    pub fn queue(&self) -> &RequestQueue<AddressedRequest> {
        &self.queue
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
        let mut link = self.lifeline.live().await?;
        let done = link.upkeep((seat, token), upkeep, self.limit).await;
        // What becomes of a connection is told by those who wait for a reply.
        if let Some(error) = done.as_ref().err().filter(|error| !error.may_pass()) {
            self.first_error.note(error.to_string());
        }
        done
    }

    /// Lets the lock of this seat run out, and waits until the server itself says that it has; `false`
    /// when it has no time to live.
    ///
    /// # Errors
    /// When the server does not say so within the limit.
    pub async fn expire(&self, seat: SeatId, limit: Duration) -> Result<bool, LockError> {
        self.lifeline.live().await?.expire(seat, limit).await
    }

    /// Who holds the lock of this seat; `None` when nobody does.
    ///
    /// # Errors
    /// When the server does not answer within the limit.
    pub async fn held(&self, seat: SeatId, limit: Duration) -> Result<Option<Held>, LockError> {
        self.lifeline.live().await?.held(seat, limit).await
    }

    /// Frees the locks of these seats that any token of this run holds, and forgets their grants.
    ///
    /// # Errors
    /// When the server does not answer within the limit.
    pub async fn sweep(&self, seats: &[SeatId], limit: Duration) -> Result<(), LockError> {
        self.lifeline.live().await?.sweep(seats, limit).await
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
        self.lifeline.live().await?.left(seats, limit).await
    }

    /// The run's own server is about to be killed, and another to be started in its place.
    pub fn expect_another_server(&self) {
        self.lifeline.expect_another_server();
    }

    /// Connects to the server of the run's own that was started in the place of another.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn reconnect(&self, server: &OwnServer, limit: Duration) -> Result<(), LockError> {
        self.lifeline.move_to(server.end(), limit).await
    }

    /// Sends a request that is carried out later, and waits until it is on its way: on a connection of
    /// its own, all but its last byte.
    ///
    /// # Errors
    /// When it could not be sent, or too many are on their way.
    pub async fn send_late(&self, request: AddressedRequest) -> Result<LateRequest, NotSent> {
        let room = Arc::clone(&self.late).try_acquire_owned();
        let room = room.map_err(|_| NotSent)?;
        let first_error = self.first_error.clone();
        let sending = async {
            let link = self.lifeline.live().await?;
            let url = link.url().clone();
            let understood = move |answer| {
                drop(room);
                understand(request.2, answer, &url, &first_error)
            };
            link.send_late(request, self.limit, understood).await
        };
        sending.await.map_err(|error| {
            self.first_error.note(error.to_string());
            NotSent
        })
    }

    /// Makes sure that requests on their way here can be held back.
    ///
    /// # Errors
    /// [`LockError::NeverLate`] when they cannot.
    pub fn can_hold_back(&self) -> Result<(), LockError> {
        if self.lifeline.is_encrypted() {
            return Err(LockError::NeverLate(self.identity.description.clone()));
        }
        Ok(())
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
        let is_dropped = self.lifeline.is_dropped();
        let dropped = || is_dropped.then(|| format!("its connection was dropped: {ON_ITS_WAY}"));
        self.first_error.first().or_else(dropped)
    }

    /// Ends all waiting for it, because it answers nobody; `why` is kept as what went wrong first.
    pub fn give_up(&self, why: &str) {
        self.first_error.note(why.to_owned());
        self.lifeline.give_up();
        self.queue.close();
    }
}

impl Drop for LockService {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl Introduction {
    /// What the server is, and where.
    fn identity(&self, server: RedisServer<'_>, address: &str) -> ServerIdentity {
        let version = self.version.as_deref().unwrap_or("of unknown version");
        let named = format!("{} {version}", self.server);
        let (owner, description) = match server {
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

/// What is not known after a connection was dropped. What comes after it is.
const ON_ITS_WAY: &str = "what was on its way is unknown";

/// Carries requests to the server until the queue is closed. What was handed in while there was no
/// connection is sent on the next; what was sent is never sent again.
async fn serve(
    lifeline: Arc<Lifeline>,
    queue: Arc<RequestQueue<AddressedRequest>>,
    first_error: FirstError,
) {
    let mut pipelines = JoinSet::new();
    let mut batch = Vec::new();
    while queue.take(&mut batch).await {
        let mut waiting = batch.drain(..).peekable();
        while waiting.peek().is_some() {
            if queue.is_halted() {
                let refused = waiting.map(|(id, _)| (id, Reply::Failed.into()));
                queue.deliver(refused);
                break;
            }
            if pipelines.len() == PIPELINES_MAX {
                pipelines.join_next().await;
            }
            let was_dropped = lifeline.is_dropped() && !lifeline.is_expecting();
            let link = match lifeline.live().await {
                Ok(link) => link,
                Err(error) => {
                    first_error.note(format!("its connection was dropped: {error}"));
                    queue.deliver(waiting.map(|(id, _)| (id, Reply::Failed.into())));
                    queue.close();
                    return;
                }
            };
            if was_dropped {
                first_error.note(format!(
                    "its connection was dropped, and made again: {ON_ITS_WAY}"
                ));
            }
            let some: Vec<_> = waiting.by_ref().take(PIPELINE_MAX).collect();
            let (queue, first_error) = (Arc::clone(&queue), first_error.clone());
            pipelines.spawn(async move {
                queue.deliver(link.send(some, &first_error).await);
            });
        }
    }
}
