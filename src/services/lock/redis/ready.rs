//! How a server is made ready for a race: what it is, and whether it can serve as a lock.

use std::sync::Arc;
use std::time::Duration;

use redis::{ErrorKind, InfoDict, RedisError};

use super::conditional::ConditionalDelete;
use super::connection::{Link, PIPELINE_MAX, RedisOrHeld, within};
use super::scripts::LockScript;
use super::slots::{SlotRange, slot_ranges};
use crate::seat::SeatId;
use crate::services::lock::{LockError, Unfit};

/// What a server is taken for that does not say.
const REDIS: &str = "Redis";

/// What a server says about itself.
#[derive(Debug, Default)]
pub(super) struct Introduction {
    /// What it is.
    pub(super) server: &'static str,
    /// Its version; `None` when it does not say.
    pub(super) version: Option<String>,
    /// What tells it from every other server; `None` when it does not say.
    pub(super) run_id: Option<String>,
    /// Whether it is a node of a cluster.
    pub(super) is_of_cluster: bool,
}

impl Introduction {
    /// How the server deletes a key if it has a value; `None` when it cannot.
    pub(super) fn conditional_delete(&self) -> Option<ConditionalDelete> {
        ConditionalDelete::of(self.server, self.version.as_deref())
    }
}

impl Link {
    /// What the server says about itself. One that holds no locks is none to race on; one that does not say
    /// is taken for what it does.
    pub(super) async fn introduction(
        &mut self,
        limit: Duration,
    ) -> Result<Introduction, LockError> {
        let url = Arc::clone(&self.url);
        let introduction = within(limit, &url, self.info()).await?;
        Arc::make_mut(&mut self.names).conditional_delete = introduction.conditional_delete();
        Ok(introduction)
    }

    /// Makes ready for a race: a lock can be taken under the name of the `probe`, and none of the seats' is
    /// held.
    pub(super) async fn prepare(
        &mut self,
        probe: &str,
        seats: &[SeatId],
        limit: Duration,
    ) -> Result<(), LockError> {
        let url = Arc::clone(&self.url);
        within(limit, &url, async {
            self.load_script().await?;
            self.try_a_lock(probe).await?;
            self.refuse_held(seats).await
        })
        .await
    }

    /// Which primary serves which slots, as this node of a cluster knows it.
    pub(super) async fn slot_ranges(
        &mut self,
        limit: Duration,
    ) -> Result<Vec<SlotRange>, LockError> {
        let url = Arc::clone(&self.url);
        let mut ask = redis::cmd("CLUSTER");
        let asking = ask.arg("SLOTS").query_async(&mut self.line.connection);
        let answer = within(limit, &url, asking).await?;
        slot_ranges(answer, url.host()).ok_or_else(|| LockError::NotRedis(url.address()))
    }

    pub(super) async fn load_script(&mut self) -> Result<(), RedisError> {
        let mut load = redis::cmd("SCRIPT");
        load.arg("LOAD").arg(LockScript::CompareAndDelete.text());
        load.exec_async(&mut self.line.connection).await
    }

    /// Takes and frees a lock that no seat has, so that a server which takes no writes is known
    /// before the race.
    async fn try_a_lock(&mut self, key: &str) -> Result<(), RedisError> {
        redis::cmd("SET")
            .arg(key)
            .arg(&*self.names.run)
            .arg("NX")
            .arg("PX")
            .arg(1000)
            .exec_async(&mut self.line.connection)
            .await?;
        redis::cmd("EVALSHA")
            .arg(&self.names.release)
            .arg(1)
            .arg(key)
            .arg(&*self.names.run)
            .exec_async(&mut self.line.connection)
            .await
    }

    async fn refuse_held(&mut self, seats: &[SeatId]) -> Result<(), RedisOrHeld> {
        for some in seats.chunks(PIPELINE_MAX) {
            let mut pipeline = redis::pipe();
            for seat in some {
                pipeline.cmd("PTTL").arg(self.names.key(*seat));
            }
            let lives: Vec<i64> = pipeline.query_async(&mut self.line.connection).await?;
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

    async fn info(&mut self) -> Result<Introduction, RedisOrHeld> {
        let mut ask = redis::cmd("INFO");
        let asked = ask.arg("server").query_async(&mut self.line.connection);
        let info: InfoDict = match asked.await {
            Ok(info) => info,
            // Not everybody may ask. What else is wrong with it will be met again.
            Err(error) if matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension) => {
                return Ok(Introduction {
                    server: REDIS,
                    ..Introduction::default()
                });
            }
            Err(error) => return Err(error.into()),
        };
        let field = |name: &str| info.get::<String>(name);
        let mode = field("redis_mode").or_else(|| field("server_mode"));
        if let Some(why) = mode.as_deref().and_then(Unfit::by_mode) {
            return Err(RedisOrHeld::Unfit(why));
        }
        // A Valkey says that it is a Redis too.
        let named = [
            ("racesim", "racesim_version"),
            ("Valkey", "valkey_version"),
            (REDIS, "redis_version"),
        ];
        let mut named = named.into_iter();
        let named = named.find_map(|(server, name)| Some((server, field(name)?)));
        let (server, version) = named.unzip();
        Ok(Introduction {
            server: server.unwrap_or(REDIS),
            version: version.map(|version| self.url.scrub(&version)),
            run_id: field("run_id"),
            is_of_cluster: mode.as_deref() == Some("cluster"),
        })
    }
}
