//! The lock in a real Redis: `SET key token NX EX`, freed by a compare-and-delete script.
//!
//! One task takes everything that waits and sends it in pipelines over one connection. There is no
//! response limit per command, for a queued command is not a late one; whoever owns the race gives
//! the service up when it answers nobody ([`Exchange::close`]).

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use redis::{ErrorKind, RedisError, Value};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::late::LateRequest;
use super::link::Link;
use super::{Held, LockError, Request, Token, Url};
use crate::exchange::{Answer, CallError, Exchange, Pulse, Response, Said, Ticket, Trouble};
use crate::seat::SeatId;

/// The most commands in one pipeline, and the most pipelines under way: beyond these the gain is
/// below the noise.
pub(super) const PIPELINE_MAX: usize = 512;
const PIPELINES_MAX: usize = 4;

/// The most commands that are late at once: each has a connection.
const LATE_MAX: usize = 64;

/// What the key of every lock begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPrefix(pub String);

impl Default for KeyPrefix {
    fn default() -> Self {
        Self("lock:seat:".to_owned())
    }
}

/// A lock service on a Redis server.
#[derive(Debug)]
pub struct Redis {
    link: Arc<Mutex<Link>>,
    /// How long the server may take to answer what is no user's step.
    limit: Duration,
    /// Room for what arrives late.
    late: Arc<Semaphore>,
    exchange: Arc<Exchange<Order, Response>>,
    description: String,
    trouble: Trouble,
}

/// A request, for which seat and with which token.
pub(super) type Order = (SeatId, Token, Request);

impl Redis {
    /// Connects, makes sure that the server can serve as a lock, and that none of the seats' locks
    /// is held already. `whose` is what the header calls the server.
    ///
    /// # Errors
    /// [`LockError`], naming the server without its password.
    pub async fn connect(
        url: &Url,
        whose: &str,
        prefix: KeyPrefix,
        seats: &[SeatId],
        limit: Duration,
    ) -> Result<Self, LockError> {
        let mut link = Link::open(url, prefix, limit).await?;
        let version = link.prepare(seats, limit).await?;
        let description = format!("{version}, {whose} at {}", link.address());
        let exchange = Arc::new(Exchange::default());
        let trouble = Trouble::default();
        let link = Arc::new(Mutex::new(link));
        let served = (Arc::clone(&link), Arc::clone(&exchange));
        tokio::spawn(serve(served.0, served.1, trouble.clone()));
        Ok(Self {
            link,
            limit,
            late: Arc::new(Semaphore::new(LATE_MAX)),
            exchange,
            description,
            trouble,
        })
    }

    pub(super) fn hand_in(&self, order: Order) -> Ticket {
        self.exchange.hand_in(order)
    }

    pub(super) async fn call(&self, order: Order) -> Answer<Response> {
        self.exchange.call(order).await
    }

    pub(super) fn poll(&self, ticket: Ticket, cx: &mut Context<'_>) -> Poll<Answer<Response>> {
        self.exchange.poll(ticket, cx)
    }

    pub(super) fn abandon(&self, ticket: Ticket) {
        self.exchange.abandon(ticket);
    }

    pub(super) fn make_room_for(&self, users: usize) {
        self.exchange.make_room_for(users);
    }

    /// Lets the lock of this seat run out, and waits until the server itself says that it has.
    pub(super) async fn expire(&self, seat: SeatId, limit: Duration) -> Result<bool, LockError> {
        current(&self.link).expire(seat, limit).await
    }

    /// Who holds the lock of this seat.
    pub(super) async fn held(
        &self,
        seat: SeatId,
        limit: Duration,
    ) -> Result<Option<Held>, LockError> {
        current(&self.link).held(seat, limit).await
    }

    /// Frees the locks of these seats that any token of this run holds.
    pub(super) async fn sweep(&self, seats: &[SeatId], limit: Duration) -> Result<(), LockError> {
        current(&self.link).sweep(seats, limit).await
    }

    /// How long the locks of these seats will live on, of those that any token of this run holds.
    pub(super) async fn left(
        &self,
        seats: &[SeatId],
        limit: Duration,
    ) -> Result<Vec<(SeatId, Option<Duration>)>, LockError> {
        current(&self.link).left(seats, limit).await
    }

    /// Connects again to a server that was started anew.
    pub(super) async fn reconnect(&self, url: &Url, limit: Duration) -> Result<(), LockError> {
        let mut link = current(&self.link);
        link.reconnect(url, limit).await?;
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = link;
        Ok(())
    }

    /// Sends a request on a connection of its own, all but its last byte.
    pub(super) async fn send_late(&self, order: Order) -> Result<LateRequest, CallError> {
        let room = Arc::clone(&self.late).try_acquire_owned();
        let room = room.map_err(|_| CallError::Failed)?;
        let trouble = self.trouble.clone();
        let link = current(&self.link);
        let understood = move |reply| {
            drop(room);
            understand(reply, &trouble)
        };
        let sent = link.send_late(order, self.limit, understood).await;
        sent.map_err(|error| {
            self.trouble.note(error.to_string());
            CallError::Failed
        })
    }

    pub(super) fn can_hold_back(&self) -> Result<(), LockError> {
        if current(&self.link).is_encrypted() {
            return Err(LockError::NeverLate(self.description.clone()));
        }
        Ok(())
    }

    pub(super) fn description(&self) -> &str {
        &self.description
    }

    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.first()
    }

    pub(super) fn pulse(&self) -> Pulse {
        self.exchange.pulse()
    }

    pub(super) fn give_up(&self, why: &str) {
        self.trouble.note(why.to_owned());
        self.exchange.close();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.exchange.close();
    }
}

/// The connection as it is now.
fn current(link: &Mutex<Link>) -> Link {
    link.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Carries requests to the server until the exchange is closed.
async fn serve(link: Arc<Mutex<Link>>, exchange: Arc<Exchange<Order, Response>>, trouble: Trouble) {
    let mut pipelines = JoinSet::new();
    let mut batch = Vec::new();
    while exchange.take(&mut batch).await {
        let mut waiting = batch.drain(..).peekable();
        while waiting.peek().is_some() {
            if pipelines.len() == PIPELINES_MAX {
                pipelines.join_next().await;
            }
            let some: Vec<_> = waiting.by_ref().take(PIPELINE_MAX).collect();
            let (link, exchange, trouble) =
                (current(&link), Arc::clone(&exchange), trouble.clone());
            pipelines.spawn(async move {
                let replies = link.send(some).await;
                exchange.deliver(
                    replies
                        .into_iter()
                        .map(|(ticket, reply)| (ticket, understand(reply, &trouble))),
                );
            });
        }
    }
}

/// What a reply means: SET answers OK or nil, a script or DEL a number, that of a grant or 0 for "no". An error of the server's own means that nothing was done, a broken connection
/// that nobody knows.
fn understand(reply: Result<Value, RedisError>, trouble: &Trouble) -> Answer<Response> {
    match reply {
        Ok(Value::Okay) => Ok(true.into()),
        Ok(Value::Nil) => Ok(false.into()),
        Ok(Value::Int(number)) => Ok(Response {
            said: if number > 0 { Said::Yes } else { Said::No },
            number: u32::try_from(number).unwrap_or(0),
        }),
        Ok(other) => {
            trouble.note(format!("an answer that no lock gives: {other:?}"));
            Err(CallError::Lost)
        }
        Err(error) => {
            trouble.note(error.to_string());
            Err(
                if matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension) {
                    CallError::Failed
                } else {
                    CallError::Lost
                },
            )
        }
    }
}
