//! Which services a run races on, and how they are made ready.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::SharedServices;
use super::lock::{
    EmbeddedReason, KeyPrefix, LockError, LockService, OwnServer, OwnServerKind, RedisServer, Url,
};
use super::private_server::{self, RunFolder};
use super::store::{DatabaseChoice, Store, StoreError, StoreOptions};
use crate::fault::Fault;
use crate::plan::Plan;
use crate::seat::SeatId;

/// The most connections for transactions, as a server's pool has them.
const CONNECTIONS_MAX: usize = 16;

/// Which services to race on.
#[derive(Debug, Clone, Default)]
pub struct ServiceChoice {
    /// The database.
    pub database: DatabaseChoice,
    /// The lock service.
    pub redis: RedisChoice,
    /// What the key of every lock begins with.
    pub key_prefix: KeyPrefix,
}

/// Which lock service to race on.
#[derive(Debug, Clone, Default)]
pub enum RedisChoice {
    /// A private server when one is installed, else racesim's own lock server.
    #[default]
    Any,
    /// Servers that the person runs.
    Urls(Vec<Url>),
    /// A private server and nothing else.
    Private,
    /// racesim's own lock server, although a Redis may be installed.
    Embedded,
}

impl RedisChoice {
    /// What is started for the locks; `None` when the person runs it.
    fn own(&self) -> Result<Option<OwnServerKind>, LockError> {
        let embedded = OwnServerKind::Embedded;
        Ok(match self {
            Self::Urls(_) => None,
            Self::Private => Some(OwnServerKind::installed()?),
            Self::Any => {
                let installed = OwnServerKind::installed();
                Some(installed.unwrap_or(embedded(EmbeddedReason::NoRedis)))
            }
            Self::Embedded => Some(embedded(EmbeddedReason::Asked)),
        })
    }
}

/// Which services a strategy uses beside the bookings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// How many lock services.
    pub locks: u8,
    /// Whether the lock services count how often they grant a lock.
    pub counts_grants: bool,
    /// Whether transactions stay open while their users do something else.
    pub transactions: bool,
    /// Whether the lock services delete a key on the condition of its value, in one command.
    pub conditional_delete: bool,
}

impl Needs {
    /// What is needed for both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            locks: self.locks.max(other.locks),
            counts_grants: self.counts_grants || other.counts_grants,
            transactions: self.transactions || other.transactions,
            conditional_delete: self.conditional_delete || other.conditional_delete,
        }
    }
}

/// Why a run has no services.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The lock service cannot be used.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// There is no place for the run's files.
    #[error("cannot make a temporary folder in '{}': {source}", folder.display())]
    Folder {
        /// Where it was to be.
        folder: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// The services of a run, ready to be raced on. Dropped, they are ended and their files removed.
#[derive(Debug)]
pub struct Services {
    /// What the users see of them. Declared first: closed before its folder is removed.
    pub(crate) shared: Arc<SharedServices>,
    /// The database in words, for the header.
    pub(super) database: String,
    /// Whether the database is removed after the run.
    is_temporary: bool,
    /// The run's own server of each lock service, if it has any; ended before their folder is removed.
    /// One that could not be started again is not there.
    servers: Mutex<Vec<Option<OwnServer>>>,
    /// With the database, if that is temporary, and the sockets of the run's own servers; `None` when
    /// the run needs none.
    folder: Option<RunFolder>,
    /// What was started as the run's own servers; `None` when none was.
    kind: Option<OwnServerKind>,
}

impl Services {
    /// Opens the database and what else is needed; no lock on one of the `seats` may be held.
    ///
    /// # Errors
    /// [`ServiceError`] when one of them cannot be used; the others are ended again.
    pub async fn start(
        choice: &ServiceChoice,
        plan: &Plan,
        needs: Needs,
        seats: &[SeatId],
    ) -> Result<Self, ServiceError> {
        let nodes = usize::from(needs.locks);
        refuse_idle(choice, nodes)?;
        let kind = if nodes > 0 { choice.redis.own()? } else { None };
        let is_needed = choice.database.is_temporary() || kind.is_some();
        let folder = is_needed.then(folder).transpose()?;
        // Before any server is started: a database that is refused costs nothing then.
        let width = usize::try_from(plan.width()).unwrap_or(usize::MAX);
        let connections = if needs.transactions {
            width.min(CONNECTIONS_MAX)
        } else {
            0
        };
        let (store, database) = open_store(choice, plan, connections, folder.as_ref()).await?;
        let mut locks = Vec::new();
        let mut servers = Vec::new();
        for node in 0..nodes {
            let server = match (&kind, &folder) {
                (Some(kind), Some(folder)) => Some(kind.start(folder, node).await?),
                _ => None,
            };
            locks.push(open_lock(choice, node, server.as_ref(), seats, plan.timeout).await?);
            refuse_twice(choice, &locks)?;
            if needs.conditional_delete {
                locks
                    .iter()
                    .try_for_each(LockService::can_delete_if_equal)?;
            }
            servers.push(server);
        }
        Ok(Self {
            shared: Arc::new(SharedServices { store, locks }),
            database,
            is_temporary: choice.database.is_temporary(),
            servers: Mutex::new(servers),
            folder,
            kind,
        })
    }

    /// Makes sure that a fault strikes no server that the person runs.
    pub(crate) fn refuse_harm_to_others(&self, fault: &'static str) -> Result<(), LockError> {
        match (self.shared.locks.first(), &self.kind) {
            (Some(lock), None) => Err(LockError::NotOurs {
                fault,
                server: lock.identity().description.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// Makes sure that requests to the lock services can be held back on their way.
    pub(crate) fn can_hold_back(&self) -> Result<(), LockError> {
        let mut locks = self.shared.locks.iter();
        locks.try_for_each(LockService::can_hold_back)
    }

    /// Kills a lock server of the run's own and starts it again; it has forgotten everything.
    ///
    /// # Errors
    /// When the server is the person's own, or does not come up again.
    pub(crate) async fn restart(&self, node: usize, limit: Duration) -> Result<(), LockError> {
        let Some(lock) = self.shared.locks.get(node) else {
            return Ok(());
        };
        let mut servers = self.servers.lock().await;
        let (Some(kind), Some(folder), Some(place)) =
            (&self.kind, &self.folder, servers.get_mut(node))
        else {
            return self.refuse_harm_to_others(Fault::Restart.name());
        };
        lock.expect_another_server();
        if let Some(server) = place.take() {
            server.kill().await;
        }
        let server = kind.start(folder, node).await?;
        lock.reconnect(place.insert(server), limit).await
    }

    /// Makes the run's own lock servers stand still for this long: whether there are any.
    pub(crate) async fn pause(&self, time: Duration) -> bool {
        if self.kind.is_none() {
            return false;
        }
        let servers = self.servers.lock().await;
        let are_paused = servers.iter().flatten().all(OwnServer::pause);
        tokio::time::sleep(time).await;
        servers.iter().flatten().for_each(OwnServer::resume);
        are_paused
    }

    /// Waits until nothing would clean up any more if racesim were killed, gives the services up then,
    /// and says why.
    pub(crate) async fn unguarded(&self) -> String {
        let Some(folder) = &self.folder else {
            return std::future::pending().await;
        };
        let why = folder.unguarded().await;
        self.shared.store.give_up(&why);
        for lock in &self.shared.locks {
            lock.give_up(&why);
        }
        why
    }

    /// The database in words.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The database in words, as a strategy with these needs uses it.
    pub(crate) fn database_for(&self, needs: Needs) -> String {
        let transactions = self.shared.store.transactions();
        match transactions.filter(|_| needs.transactions) {
            Some(transactions) => format!(
                "{}, transactions on connections of their own ({})",
                self.database,
                transactions.connections()
            ),
            None => self.database.clone(),
        }
    }

    /// Whether the locks are those of racesim's own lock server.
    #[must_use]
    pub fn is_lock_embedded(&self) -> bool {
        matches!(self.kind, Some(OwnServerKind::Embedded(_)))
    }

    /// What the services did wrong, a line each; not what the lock services were made to do.
    #[must_use]
    pub fn troubles(&self, locks: usize, is_made_to: bool) -> Vec<String> {
        let SharedServices {
            store,
            locks: servers,
        } = &*self.shared;
        let of_store = store.first_errors();
        let of_store = of_store
            .into_iter()
            .map(|text| format!("{}: {text}", store.name()));
        let of_locks = servers
            .iter()
            .take(locks)
            .filter_map(LockService::first_error);
        let of_locks = of_locks.filter(|_| !is_made_to);
        of_store
            .chain(of_locks.map(|text| format!("Redis: {text}")))
            .collect()
    }
}

impl Drop for Services {
    /// The users of a race that was stopped may still hold on to the database, which is to have no log
    /// beside it when its file is kept.
    fn drop(&mut self) {
        if self.is_temporary {
            return;
        }
        self.shared.store.end();
    }
}

fn folder() -> Result<RunFolder, ServiceError> {
    RunFolder::create().map_err(|source| ServiceError::Folder {
        folder: private_server::temporary(),
        source,
    })
}

async fn open_store(
    choice: &ServiceChoice,
    plan: &Plan,
    connections: usize,
    folder: Option<&RunFolder>,
) -> Result<(Store, String), StoreError> {
    let place = match &choice.database {
        DatabaseChoice::Temporary => "a temporary file".to_owned(),
        DatabaseChoice::File(path) => path.display().to_string(),
    };
    let options = StoreOptions {
        commit: plan.commit,
        transactions: connections,
    };
    let folder = folder.map(RunFolder::path);
    let store = Store::open(&choice.database, folder, options).await?;
    let description = format!("{}, {}, in {place}", store.description(), plan.commit);
    Ok((store, description))
}

async fn open_lock(
    choice: &ServiceChoice,
    node: usize,
    server: Option<&OwnServer>,
    seats: &[SeatId],
    limit: Duration,
) -> Result<LockService, LockError> {
    let prefix = choice.key_prefix.clone();
    let server = match (&choice.redis, server) {
        (_, Some(server)) => RedisServer::Own(server),
        (RedisChoice::Urls(urls), None) => match urls.get(node) {
            Some(url) => RedisServer::Theirs(url),
            None => return Err(LockError::TooFew(urls.len())),
        },
        // Each of these has started its server.
        (RedisChoice::Any | RedisChoice::Private | RedisChoice::Embedded, None) => {
            return Err(LockError::NoServer);
        }
    };
    LockService::connect(server, prefix, seats, limit).await
}

/// A server that nobody would ask is one too many.
fn refuse_idle(choice: &ServiceChoice, wanted: usize) -> Result<(), LockError> {
    match &choice.redis {
        RedisChoice::Urls(urls) if wanted > 0 && urls.len() > wanted => Err(LockError::TooMany {
            servers: urls.len(),
            wanted,
        }),
        RedisChoice::Urls(_) | RedisChoice::Any | RedisChoice::Private | RedisChoice::Embedded => {
            Ok(())
        }
    }
}

/// Servers that are one and the same are no several: a strategy that locks on most of them would find
/// its own locks held.
fn refuse_twice(choice: &ServiceChoice, locks: &[LockService]) -> Result<(), LockError> {
    let RedisChoice::Urls(urls) = &choice.redis else {
        return Ok(());
    };
    let Some((last, before)) = locks.split_last() else {
        return Ok(());
    };
    let twice = before
        .iter()
        .position(|lock| lock.run_id().is_some() && lock.run_id() == last.run_id());
    match twice
        .and_then(|at| urls.get(at))
        .zip(urls.get(before.len()))
    {
        Some((first, second)) => Err(LockError::Twice {
            first: first.to_string(),
            second: second.to_string(),
        }),
        None => Ok(()),
    }
}
