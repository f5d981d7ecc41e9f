//! A connection to a Redis server, and the commands on it.

use std::sync::Arc;
use std::time::Duration;

use redis::{ConnectionAddr, ErrorKind, Pipeline, RedisError, ServerErrorKind, Value};

use super::answer::RedisAnswer;
use super::commands::{KeyAndValue, KeyPrefix, Names};
use super::dial::WatchedConnection;
use super::late::LateRequest;
use super::scripts::LockScript;
use super::slots::NodeAddress;
use crate::duration::Millis;
use crate::seat::SeatId;
use crate::services::lock::{
    AddressedRequest, Held, LockError, LockRequest, LockUpkeep, Token, Unfit, Url,
};
use crate::services::queue::ServiceReply;

/// The most commands in one pipeline: beyond it the gain is below the noise.
pub(super) const PIPELINE_MAX: usize = 512;

/// How often racesim looks whether a lock has expired.
const EXPIRY_POLL: Duration = Duration::from_millis(1);

/// A connection and the names of our keys on it.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) line: WatchedConnection,
    pub(super) url: Arc<Url>,
    pub(super) names: Arc<Names>,
}

impl Link {
    /// Connects, without a limit on how long a command may wait.
    pub(super) async fn open(
        url: Url,
        prefix: KeyPrefix,
        limit: Duration,
    ) -> Result<Self, LockError> {
        Ok(Self {
            line: WatchedConnection::open(&url, limit).await?,
            names: Arc::new(Names::new(prefix.0, nonce(&url)?)),
            url: Arc::new(url),
        })
    }

    /// A connection to another node of the same cluster, as the same user, with the same names.
    pub(super) async fn to(
        &self,
        address: &NodeAddress,
        limit: Duration,
    ) -> Result<Self, LockError> {
        let url = Arc::new(self.url.at(address));
        Self {
            url,
            ..self.clone()
        }
        .another(limit)
        .await
    }

    /// The names of our keys.
    pub(super) fn names(&self) -> Arc<Names> {
        Arc::clone(&self.names)
    }

    /// The server.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Whether the connection was dropped.
    pub(super) fn is_dropped(&self) -> bool {
        self.line.is_dropped()
    }

    /// Drops the connection.
    pub(super) fn hang_up(&self) {
        self.line.hang_up();
    }

    /// Another connection to the same server, with the same names for our keys and the same tokens.
    pub(super) async fn another(&self, limit: Duration) -> Result<Self, LockError> {
        let mut another = Self {
            line: WatchedConnection::open(&self.url, limit).await?,
            ..self.clone()
        };
        let url = Arc::clone(&another.url);
        within(limit, &url, another.load_script()).await?;
        Ok(another)
    }

    /// Does what is no user's step, or looks: whether it was done, or is so.
    pub(super) async fn upkeep(
        &mut self,
        (seat, token): (SeatId, Token),
        upkeep: LockUpkeep,
        limit: Duration,
    ) -> Result<bool, LockError> {
        let command = KeyAndValue::default().upkeep(&self.names, (seat, token), upkeep);
        let asking = command.query_async::<i64>(&mut self.line.connection);
        Ok(within(limit, &self.url, asking).await? > 0)
    }

    /// Shortens the life of a lock, and waits until the server says that the key is gone; `false` when
    /// no token of this run holds it with a time to live.
    pub(super) async fn expire(
        &mut self,
        seat: SeatId,
        limit: Duration,
    ) -> Result<bool, LockError> {
        let (key, url) = (self.names.key(seat), Arc::clone(&self.url));
        let mut shorten = redis::cmd("EVAL");
        let ours = format!("{}:", self.names.run);
        shorten
            .arg(LockScript::Shorten.text())
            .arg(1)
            .arg(&key)
            .arg(ours)
            .arg(1);
        let mut exists = redis::cmd("EXISTS");
        exists.arg(&key);
        within(limit, &url, async {
            let is_ending: bool = shorten.query_async(&mut self.line.connection).await?;
            while is_ending
                && exists
                    .query_async::<bool>(&mut self.line.connection)
                    .await?
            {
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
        let (key, url) = (self.names.key(seat), Arc::clone(&self.url));
        let mut looks = redis::pipe();
        looks.cmd("GET").arg(&key).cmd("PTTL").arg(&key);
        let looking = looks.query_async::<(Option<String>, i64)>(&mut self.line.connection);
        let (value, life_ms) = within(limit, &url, looking).await?;
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
        let (url, names) = (Arc::clone(&self.url), Arc::clone(&self.names));
        for some in seats.chunks(PIPELINE_MAX) {
            let mut pipeline = redis::pipe();
            for seat in some {
                pipeline.cmd("EVAL").arg(LockScript::Sweep.text()).arg(1);
                pipeline
                    .arg(names.key(*seat))
                    .arg(format!("{}:", names.run));
                pipeline.cmd("DEL").arg(names.counter(*seat));
            }
            within(limit, &url, pipeline.exec_async(&mut self.line.connection)).await?;
        }
        Ok(())
    }

    /// How long the locks of these seats live on, of those that any token of this run holds; `None`
    /// for a lock without an end.
    pub(super) async fn left(
        &mut self,
        seats: &[SeatId],
        limit: Duration,
    ) -> Result<Vec<(SeatId, Option<Duration>)>, LockError> {
        let (url, names) = (Arc::clone(&self.url), Arc::clone(&self.names));
        let mut left = Vec::new();
        for some in seats.chunks(PIPELINE_MAX) {
            let mut pipeline = redis::pipe();
            for seat in some {
                pipeline.cmd("EVAL").arg(LockScript::Left.text()).arg(1);
                pipeline
                    .arg(names.key(*seat))
                    .arg(format!("{}:", names.run));
            }
            let asking = pipeline.query_async::<Vec<i64>>(&mut self.line.connection);
            let lives = within(limit, &url, asking).await?;
            let held = some.iter().zip(lives).filter(|(_, life)| *life != -2);
            left.extend(
                held.map(|(seat, life)| {
                    (*seat, u64::try_from(life).ok().map(Duration::from_millis))
                }),
            );
        }
        Ok(left)
    }

    /// Sends requests in one pipeline: the answer to each. What fails because the server has forgotten the
    /// script (it was restarted, or flushed) is sent again, once.
    pub(super) async fn exchange(
        &mut self,
        requests: &[AddressedRequest],
        is_asking: bool,
    ) -> Vec<RedisAnswer> {
        let mut answers = self.pipeline(requests, is_asking).await;
        let forgotten: Vec<usize> = (0..answers.len())
            .filter(|at| is_script_unknown(&answers[*at]))
            .collect();
        if !forgotten.is_empty() && self.load_script().await.is_ok() {
            let again: Vec<AddressedRequest> = forgotten.iter().map(|at| requests[*at]).collect();
            for (at, answer) in forgotten
                .into_iter()
                .zip(self.pipeline(&again, is_asking).await)
            {
                answers[at] = answer;
            }
        }
        answers
    }

    /// Whether bytes on their way cannot be told from each other.
    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self.url.place(), ConnectionAddr::TcpTls { .. })
    }

    /// Sends a command on a connection of its own, all but its last byte.
    pub(super) async fn send_late(
        self,
        request: AddressedRequest,
        limit: Duration,
        understood: impl FnOnce(RedisAnswer) -> ServiceReply + Send + 'static,
    ) -> Result<LateRequest, LockError> {
        let command = KeyAndValue::default().command(&self.names, request);
        let sending = LateRequest::send(&self.url, command, limit, understood);
        within(limit, &self.url, sending).await
    }

    /// A node of a cluster that is taking over a slot serves it before it is its own, where it is asked to
    /// (<https://redis.io/docs/latest/commands/asking/>).
    async fn pipeline(
        &mut self,
        requests: &[AddressedRequest],
        is_asking: bool,
    ) -> Vec<RedisAnswer> {
        let mut pipeline = Pipeline::with_capacity(requests.len());
        pipeline.ignore_errors();
        let mut words = KeyAndValue::default();
        for request in requests {
            if is_asking {
                pipeline.cmd("ASKING").ignore();
            }
            pipeline.add_command(words.command(&self.names, *request));
        }
        let answers: Result<Vec<Value>, _> = pipeline.query_async(&mut self.line.connection).await;
        let compared = |(value, request): (Value, &AddressedRequest)| match (value, *request) {
            (Value::BulkString(found), (seat, token, LockRequest::Verify)) => {
                let is_own = words.is_held_by(&self.names, (seat, token), &found);
                Ok(Value::Int(i64::from(is_own)))
            }
            (value, _) => value.extract_error(),
        };
        match answers {
            Ok(values) => values.into_iter().zip(requests).map(compared).collect(),
            Err(error) => vec![Err(error); requests.len()],
        }
    }
}

fn is_script_unknown(answer: &RedisAnswer) -> bool {
    let no_script = ErrorKind::Server(ServerErrorKind::NoScript);
    answer
        .as_ref()
        .is_err_and(|error| error.kind() == no_script)
}

/// What can go wrong while a server is made ready.
pub(super) enum RedisOrHeld {
    Redis(RedisError),
    Unfit(Unfit),
    Held { key: String, ttl_ms: Option<u64> },
}

impl From<RedisError> for RedisOrHeld {
    fn from(error: RedisError) -> Self {
        Self::Redis(error)
    }
}

/// What `work` gives, unless the server keeps silent past the limit.
pub(super) async fn within<T, E: Into<RedisOrHeld>>(
    limit: Duration,
    url: &Url,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, LockError> {
    let Ok(result) = tokio::time::timeout(limit, work).await else {
        return Err(LockError::silent(url, limit));
    };
    result.map_err(|error| match error.into() {
        RedisOrHeld::Held { key, ttl_ms } => {
            let expiry = ttl_ms.map_or_else(String::new, |ms| {
                format!(", for {} more", Millis(Duration::from_millis(ms)))
            });
            LockError::AlreadyHeld {
                key,
                address: url.address(),
                expiry,
            }
        }
        RedisOrHeld::Unfit(why) => LockError::Unfit {
            address: url.address(),
            why,
        },
        RedisOrHeld::Redis(error) => LockError::of_server(&error, url, limit),
    })
}

/// A number that no other run draws, whatever its seed.
fn nonce(url: &Url) -> Result<String, LockError> {
    use rand::TryRng;
    let number = rand::rngs::SysRng.try_next_u64();
    number
        .map(|number| format!("{number:016x}"))
        .map_err(|error| LockError::Refused {
            address: url.address(),
            reason: error.to_string(),
        })
}
