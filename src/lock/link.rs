//! A connection to a Redis server: made ready for a race, and the commands on it.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, Pipeline, RedisError, Script, ServerErrorKind,
    Value,
};

use super::redis::{KeyPrefix, PIPELINE_MAX, Request};
use super::{LockError, Token, Url};
use crate::duration::Millis;
use crate::exchange::Ticket;
use crate::seat::SeatId;

/// Frees a lock only for the token that holds it
/// (<https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/>).
const COMPARE_AND_DELETE: &str = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end";

/// Frees a lock whose value begins with the name of this run.
const SWEEP: &str = "local held = redis.call('get', KEYS[1]) \
    if held and string.sub(held, 1, #ARGV[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end";

/// Room for the longest command under a prefix of usual length, so that it need not grow.
const COMMAND_WORDS: usize = 6;
const COMMAND_BYTES: usize = 112;

/// How often a lock that is running out is looked at.
const EXPIRY_POLL: Duration = Duration::from_millis(1);

/// A connection and the names of our keys on it.
#[derive(Clone, Debug)]
pub(super) struct Link {
    connection: MultiplexedConnection,
    address: String,
    prefix: KeyPrefix,
    /// Tells this run's tokens from those of every other run on the same server.
    run: Arc<str>,
    script: Arc<str>,
}

impl Link {
    /// Connects, without a limit on how long a command may wait.
    pub(super) async fn open(
        url: &Url,
        prefix: KeyPrefix,
        limit: Duration,
    ) -> Result<Self, LockError> {
        let (connection, address) = connect(url, limit).await?;
        let script = Script::new(COMPARE_AND_DELETE).get_hash().into();
        Ok(Self {
            connection,
            run: nonce(&address)?.into(),
            address,
            prefix,
            script,
        })
    }

    /// Where the server is, without its password.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Connects again, with the same names for our keys and the same tokens.
    pub(super) async fn reconnect(&mut self, url: &Url, limit: Duration) -> Result<(), LockError> {
        let (connection, address) = connect(url, limit).await?;
        self.connection = connection;
        within(limit, &address, self.load_script()).await
    }

    /// Shortens the life of a lock, and waits until the server says that the key is gone.
    pub(super) async fn expire(&mut self, seat: SeatId, limit: Duration) -> Result<(), LockError> {
        let (key, address) = (self.key(seat), self.address.clone());
        let mut shorten = redis::cmd("PEXPIRE");
        shorten.arg(&key).arg(1);
        let mut exists = redis::cmd("EXISTS");
        exists.arg(&key);
        within(limit, &address, async {
            shorten.exec_async(&mut self.connection).await?;
            while exists.query_async::<bool>(&mut self.connection).await? {
                tokio::time::sleep(EXPIRY_POLL).await;
            }
            Ok::<_, RedisError>(())
        })
        .await
    }

    /// Frees a lock that any token of this run holds, and no other.
    pub(super) async fn sweep(&mut self, seat: SeatId, limit: Duration) -> Result<(), LockError> {
        let address = self.address.clone();
        let mut sweep = redis::cmd("EVAL");
        sweep
            .arg(SWEEP)
            .arg(1)
            .arg(self.key(seat))
            .arg(format!("{}:", self.run));
        within(limit, &address, sweep.exec_async(&mut self.connection)).await
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
        let key = format!("{}probe:{}", self.prefix.0, self.run);
        redis::cmd("SET")
            .arg(&key)
            .arg(&*self.run)
            .arg("NX")
            .arg("PX")
            .arg(1000)
            .exec_async(&mut self.connection)
            .await?;
        redis::cmd("EVALSHA")
            .arg(&*self.script)
            .arg(1)
            .arg(&key)
            .arg(&*self.run)
            .exec_async(&mut self.connection)
            .await
    }

    async fn refuse_held(&mut self, seats: &[SeatId]) -> Result<(), RedisOrHeld> {
        for some in seats.chunks(PIPELINE_MAX) {
            let mut pipeline = redis::pipe();
            for seat in some {
                pipeline.cmd("PTTL").arg(self.key(*seat));
            }
            let lives: Vec<i64> = pipeline.query_async(&mut self.connection).await?;
            // PTTL answers -2 for no such key, -1 for one that does not expire.
            if let Some((seat, life)) = some.iter().zip(lives).find(|(_, life)| *life != -2) {
                return Err(RedisOrHeld::Held {
                    key: self.key(*seat),
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

    fn key(&self, seat: SeatId) -> String {
        format!("{}{seat}", self.prefix.0)
    }

    /// The command for a request: one round trip each, atomic on the server.
    fn command(&self, request: Request, words: &mut Words) -> Cmd {
        let mut cmd = Cmd::with_capacity(COMMAND_WORDS, COMMAND_BYTES);
        match request {
            Request::Acquire { seat, token, ttl } => {
                words.fill(self, seat, token);
                cmd.arg("SET").arg(&words.key).arg(&words.value).arg("NX");
                let ttl_ms = ttl.as_millis();
                if ttl_ms.is_multiple_of(1000) {
                    cmd.arg("EX").arg(ttl_ms / 1000);
                } else {
                    cmd.arg("PX").arg(ttl_ms);
                }
            }
            Request::Release { seat, token } => {
                words.fill(self, seat, token);
                cmd.arg("EVALSHA").arg(&*self.script).arg(1);
                cmd.arg(&words.key).arg(&words.value);
            }
        }
        cmd
    }

    /// Sends a batch in one pipeline: the reply to each. What fails because the server has
    /// forgotten the script (it was restarted, or flushed) is sent again, once.
    pub(super) async fn send(mut self, batch: Vec<(Ticket, Request)>) -> Vec<(Ticket, Reply)> {
        let (tickets, requests): (Vec<Ticket>, Vec<Request>) = batch.into_iter().unzip();
        let mut replies = self.pipeline(&requests).await;
        let forgotten: Vec<usize> = (0..replies.len())
            .filter(|at| is_script_unknown(&replies[*at]))
            .collect();
        if !forgotten.is_empty() && self.load_script().await.is_ok() {
            let again: Vec<Request> = forgotten.iter().map(|at| requests[*at]).collect();
            for (at, reply) in forgotten.into_iter().zip(self.pipeline(&again).await) {
                replies[at] = reply;
            }
        }
        tickets.into_iter().zip(replies).collect()
    }

    async fn pipeline(&mut self, requests: &[Request]) -> Vec<Reply> {
        let mut pipeline = Pipeline::with_capacity(requests.len());
        pipeline.ignore_errors();
        let mut words = Words::default();
        for request in requests {
            pipeline.add_command(self.command(*request, &mut words));
        }
        let sent: Result<Vec<Value>, _> = pipeline.query_async(&mut self.connection).await;
        match sent {
            Ok(values) => values.into_iter().map(Value::extract_error).collect(),
            Err(error) => vec![Err(error); requests.len()],
        }
    }
}

/// The key and the value of a command; written again only as far as they change.
#[derive(Default)]
struct Words {
    seat: Option<SeatId>,
    key: String,
    value: String,
}

impl Words {
    fn fill(&mut self, link: &Link, seat: SeatId, token: Token) {
        let mut digits = itoa::Buffer::new();
        if self.seat != Some(seat) {
            self.seat = Some(seat);
            self.key.clear();
            self.key.push_str(&link.prefix.0);
            self.key.push_str(digits.format(seat.number()));
        }
        self.value.clear();
        self.value.push_str(&link.run);
        for number in [token.user.0, token.request] {
            self.value.push(':');
            self.value.push_str(digits.format(number));
        }
    }
}

/// A connection without a limit on how long a command may wait, and where it leads.
async fn connect(url: &Url, limit: Duration) -> Result<(MultiplexedConnection, String), LockError> {
    // Whichever provider is installed first serves; a second one is refused, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::open(url.secret()).map_err(|_| LockError::Url(url.to_string()))?;
    let address = client.get_connection_info().addr().to_string();
    let config = AsyncConnectionConfig::new()
        .set_response_timeout(None)
        .set_connection_timeout(Some(limit));
    let connecting = client.get_multiplexed_async_connection_with_config(&config);
    let connection = within(limit, &address, connecting).await?;
    Ok((connection, address))
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
