//! A connection to a Redis server: made ready for a race, and the commands on it.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, Pipeline, RedisError,
    ServerErrorKind, Value,
};

use super::commands::{COMPARE_AND_DELETE, LEFT, Names, SHORTEN, SWEEP, Words};
use super::late::LateRequest;
use super::redis::{KeyPrefix, Order, PIPELINE_MAX};
use super::{Held, LockError, Request, Url};
use crate::duration::Millis;
use crate::exchange::{Answer, Response, Ticket};
use crate::seat::SeatId;

/// How often a lock that is running out is looked at.
const EXPIRY_POLL: Duration = Duration::from_millis(1);

/// A connection and the names of our keys on it.
#[derive(Clone, Debug)]
pub(super) struct Link {
    connection: MultiplexedConnection,
    /// How to connect once more.
    client: Client,
    address: String,
    names: Arc<Names>,
}

impl Link {
    /// Connects, without a limit on how long a command may wait.
    pub(super) async fn open(
        url: &Url,
        prefix: KeyPrefix,
        limit: Duration,
    ) -> Result<Self, LockError> {
        let (connection, client) = connect(url, limit).await?;
        let address = client.get_connection_info().addr().to_string();
        Ok(Self {
            connection,
            client,
            names: Arc::new(Names::new(prefix.0, nonce(&address)?)),
            address,
        })
    }

    /// Where the server is, without its password.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Connects again, with the same names for our keys and the same tokens.
    pub(super) async fn reconnect(&mut self, url: &Url, limit: Duration) -> Result<(), LockError> {
        (self.connection, self.client) = connect(url, limit).await?;
        let address = self.client.get_connection_info().addr().to_string();
        within(limit, &address, self.load_script()).await
    }

    /// Shortens the life of a lock, and waits until the server says that the key is gone; `false` when
    /// no token of this run holds it with a time to live.
    pub(super) async fn expire(
        &mut self,
        seat: SeatId,
        limit: Duration,
    ) -> Result<bool, LockError> {
        let (key, address) = (self.names.key(seat), self.address.clone());
        let mut shorten = redis::cmd("EVAL");
        let ours = format!("{}:", self.names.run);
        shorten.arg(SHORTEN).arg(1).arg(&key).arg(ours).arg(1);
        let mut exists = redis::cmd("EXISTS");
        exists.arg(&key);
        within(limit, &address, async {
            let is_ending: bool = shorten.query_async(&mut self.connection).await?;
            while is_ending && exists.query_async::<bool>(&mut self.connection).await? {
                tokio::time::sleep(EXPIRY_POLL).await;
            }
            Ok::<_, RedisError>(is_ending)
        })
        .await
    }

    /// Who holds the lock of this seat.
    pub(super) async fn held(
        &mut self,
        seat: SeatId,
        limit: Duration,
    ) -> Result<Option<Held>, LockError> {
        let (key, address) = (self.names.key(seat), self.address.clone());
        let mut looks = redis::pipe();
        looks.cmd("GET").arg(&key).cmd("PTTL").arg(&key);
        let looking = looks.query_async::<(Option<String>, i64)>(&mut self.connection);
        let (value, life_ms) = within(limit, &address, looking).await?;
        // PTTL answers -1 for a key that does not expire.
        Ok(value.map(|value| Held::of_value(&value, &self.names.run, life_ms >= 0)))
    }

    /// Frees the locks of these seats that any token of this run holds, and no other, and forgets how
    /// often they were granted.
    pub(super) async fn sweep(
        &mut self,
        seats: &[SeatId],
        limit: Duration,
    ) -> Result<(), LockError> {
        let (address, names) = (self.address.clone(), Arc::clone(&self.names));
        for some in seats.chunks(PIPELINE_MAX) {
            let mut pipeline = redis::pipe();
            for seat in some {
                pipeline.cmd("EVAL").arg(SWEEP).arg(1);
                pipeline
                    .arg(names.key(*seat))
                    .arg(format!("{}:", names.run));
                pipeline.cmd("DEL").arg(names.counter(*seat));
            }
            within(limit, &address, pipeline.exec_async(&mut self.connection)).await?;
        }
        Ok(())
    }

    /// How long the locks of these seats live on, of those that any token of this run holds; `None`
    /// for ever.
    pub(super) async fn left(
        &mut self,
        seats: &[SeatId],
        limit: Duration,
    ) -> Result<Vec<(SeatId, Option<Duration>)>, LockError> {
        let (address, names) = (self.address.clone(), Arc::clone(&self.names));
        let mut left = Vec::new();
        for some in seats.chunks(PIPELINE_MAX) {
            let mut pipeline = redis::pipe();
            for seat in some {
                pipeline.cmd("EVAL").arg(LEFT).arg(1);
                pipeline
                    .arg(names.key(*seat))
                    .arg(format!("{}:", names.run));
            }
            let asking = pipeline.query_async::<Vec<i64>>(&mut self.connection);
            let lives = within(limit, &address, asking).await?;
            let held = some.iter().zip(lives).filter(|(_, life)| *life != -2);
            left.extend(
                held.map(|(seat, life)| {
                    (*seat, u64::try_from(life).ok().map(Duration::from_millis))
                }),
            );
        }
        Ok(left)
    }

    /// Makes ready for a race: the server's name and version.
    pub(super) async fn prepare(
        &mut self,
        seats: &[SeatId],
        limit: Duration,
    ) -> Result<String, LockError> {
        let address = self.address.clone();
        within(limit, &address, async {
            self.load_script().await?;
            self.try_a_lock().await?;
            self.refuse_held(seats).await?;
            Ok::<_, RedisOrHeld>(self.version().await)
        })
        .await
    }

    async fn load_script(&mut self) -> Result<(), RedisError> {
        let mut load = redis::cmd("SCRIPT");
        load.arg("LOAD").arg(COMPARE_AND_DELETE);
        load.exec_async(&mut self.connection).await
    }

    /// Takes and frees a lock that no seat has, so that a server which takes no writes is known
    /// before the race.
    async fn try_a_lock(&mut self) -> Result<(), RedisError> {
        let key = self.names.probe();
        redis::cmd("SET")
            .arg(&key)
            .arg(&*self.names.run)
            .arg("NX")
            .arg("PX")
            .arg(1000)
            .exec_async(&mut self.connection)
            .await?;
        redis::cmd("EVALSHA")
            .arg(&self.names.release)
            .arg(1)
            .arg(&key)
            .arg(&*self.names.run)
            .exec_async(&mut self.connection)
            .await
    }

    async fn refuse_held(&mut self, seats: &[SeatId]) -> Result<(), RedisOrHeld> {
        for some in seats.chunks(PIPELINE_MAX) {
            let mut pipeline = redis::pipe();
            for seat in some {
                pipeline.cmd("PTTL").arg(self.names.key(*seat));
            }
            let lives: Vec<i64> = pipeline.query_async(&mut self.connection).await?;
            // PTTL answers -2 for no such key, -1 for one that does not expire.
            if let Some((seat, life)) = some.iter().zip(lives).find(|(_, life)| *life != -2) {
                return Err(RedisOrHeld::Held {
                    key: self.names.key(*seat),
                    ttl_ms: u64::try_from(life).ok(),
                });
            }
        }
        Ok(())
    }

    async fn version(&mut self) -> String {
        let info: String = redis::cmd("INFO")
            .arg("server")
            .query_async(&mut self.connection)
            .await
            .unwrap_or_default();
        let field = |name: &str| {
            info.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        };
        match (field("valkey_version"), field("redis_version")) {
            (Some(version), _) => format!("Valkey {version}"),
            (None, Some(version)) => format!("Redis {version}"),
            (None, None) => "Redis of unknown version".to_owned(),
        }
    }

    /// Sends a batch in one pipeline: the reply to each. What fails because the server has
    /// forgotten the script (it was restarted, or flushed) is sent again, once.
    pub(super) async fn send(mut self, batch: Vec<(Ticket, Order)>) -> Vec<(Ticket, Reply)> {
        let (tickets, requests): (Vec<Ticket>, Vec<Order>) = batch.into_iter().unzip();
        let mut replies = self.pipeline(&requests).await;
        let forgotten: Vec<usize> = (0..replies.len())
            .filter(|at| is_script_unknown(&replies[*at]))
            .collect();
        if !forgotten.is_empty() && self.load_script().await.is_ok() {
            let again: Vec<Order> = forgotten.iter().map(|at| requests[*at]).collect();
            for (at, reply) in forgotten.into_iter().zip(self.pipeline(&again).await) {
                replies[at] = reply;
            }
        }
        tickets.into_iter().zip(replies).collect()
    }

    /// Whether bytes on their way cannot be told from each other.
    pub(super) fn is_encrypted(&self) -> bool {
        matches!(
            self.client.get_connection_info().addr(),
            ConnectionAddr::TcpTls { .. }
        )
    }

    /// Sends a command on a connection of its own, all but its last byte.
    pub(super) async fn send_late(
        self,
        order: Order,
        limit: Duration,
        understood: impl FnOnce(Reply) -> Answer<Response> + Send + 'static,
    ) -> Result<LateRequest, LockError> {
        let command = Words::default().command(&self.names, order);
        let sending = LateRequest::send(&self.client, command, limit, understood);
        within(limit, &self.address, sending).await
    }

    async fn pipeline(&mut self, requests: &[Order]) -> Vec<Reply> {
        let mut pipeline = Pipeline::with_capacity(requests.len());
        pipeline.ignore_errors();
        let mut words = Words::default();
        for request in requests {
            pipeline.add_command(words.command(&self.names, *request));
        }
        let answers: Result<Vec<Value>, _> = pipeline.query_async(&mut self.connection).await;
        let compared = |(value, request): (Value, &Order)| match (value, *request) {
            (Value::BulkString(found), (seat, token, Request::Verify)) => {
                let is_own = words.is_held_by(&self.names, (seat, token), &found);
                Ok(Value::Int(i64::from(is_own)))
            }
            // What SETNX answers is no token.
            (Value::Int(0), (_, _, Request::Acquire { fence: false, .. })) => Ok(Value::Nil),
            (Value::Int(_), (_, _, Request::Acquire { fence: false, .. })) => Ok(Value::Okay),
            (value, _) => value.extract_error(),
        };
        match answers {
            Ok(values) => values.into_iter().zip(requests).map(compared).collect(),
            Err(error) => vec![Err(error); requests.len()],
        }
    }
}

/// A connection without a limit on how long a command may wait, and where it leads.
async fn connect(url: &Url, limit: Duration) -> Result<(MultiplexedConnection, Client), LockError> {
    // Whichever provider is installed first serves; a second one is refused, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::open(url.secret()).map_err(|_| LockError::Url(url.to_string()))?;
    let address = client.get_connection_info().addr().to_string();
    let config = AsyncConnectionConfig::new()
        .set_response_timeout(None)
        .set_connection_timeout(Some(limit));
    let connecting = client.get_multiplexed_async_connection_with_config(&config);
    let connection = within(limit, &address, connecting).await?;
    Ok((connection, client))
}

/// What the server said to one command.
pub(super) type Reply = Result<Value, RedisError>;

fn is_script_unknown(reply: &Reply) -> bool {
    let no_script = ErrorKind::Server(ServerErrorKind::NoScript);
    reply.as_ref().is_err_and(|error| error.kind() == no_script)
}

/// What can go wrong while a server is made ready.
enum RedisOrHeld {
    Redis(RedisError),
    Held { key: String, ttl_ms: Option<u64> },
}

impl From<RedisError> for RedisOrHeld {
    fn from(error: RedisError) -> Self {
        Self::Redis(error)
    }
}

/// What `work` gives, unless the server keeps silent past the limit.
async fn within<T, E: Into<RedisOrHeld>>(
    limit: Duration,
    address: &str,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, LockError> {
    let address = address.to_owned();
    let Ok(result) = tokio::time::timeout(limit, work).await else {
        return Err(LockError::Silent {
            address,
            limit: Millis(limit).to_string(),
        });
    };
    result.map_err(|error| match error.into() {
        RedisOrHeld::Held { key, ttl_ms } => {
            let expiry = ttl_ms.map_or_else(String::new, |ms| {
                format!(", for {} more", Millis(Duration::from_millis(ms)))
            });
            LockError::AlreadyHeld {
                key,
                address,
                expiry,
            }
        }
        RedisOrHeld::Redis(error) => explain(&error, address, limit),
    })
}

/// The error that says best what the server meant.
fn explain(error: &RedisError, address: String, limit: Duration) -> LockError {
    let reason = super::redact(&error.to_string());
    match (error.kind(), error.code()) {
        (_, Some("NOAUTH")) => LockError::PasswordWanted(address),
        (ErrorKind::AuthenticationFailed, _) | (_, Some("WRONGPASS")) => {
            LockError::PasswordWrong(address)
        }
        (ErrorKind::Server(ServerErrorKind::ReadOnly), _) => LockError::ReadOnly(address),
        (_, Some("OOM")) => LockError::OutOfMemory(address),
        (ErrorKind::Io, _) if error.is_timeout() => LockError::Silent {
            address,
            limit: Millis(limit).to_string(),
        },
        (ErrorKind::Io, _) => LockError::Unreachable { address, reason },
        _ => LockError::Refused { address, reason },
    }
}

/// A number that no other run draws, whatever its seed.
fn nonce(address: &str) -> Result<String, LockError> {
    use rand::TryRng;
    let number = rand::rngs::SysRng.try_next_u64();
    number
        .map(|number| format!("{number:016x}"))
        .map_err(|error| LockError::Refused {
            address: address.to_owned(),
            reason: error.to_string(),
        })
}
