//! Which services a run races on, and how they are made ready.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::client::World;
use crate::folder::RunFolder;
use crate::lock::{
    InProcess, KeyPrefix, LockError, LockService, Redis, Url, find_server, start_server,
};
use crate::plan::{Commit, Plan};
use crate::seat::SeatId;
use crate::store::{Settings, Sqlite, StoreError};

/// Which services to race on.
#[derive(Debug, Clone, Default)]
pub struct ServiceChoice {
    /// The database's file; `None` for a temporary one.
    pub database: Option<PathBuf>,
    /// The lock service.
    pub redis: RedisChoice,
    /// What the key of every lock begins with.
    pub key_prefix: KeyPrefix,
}

/// Which lock service to race on.
#[derive(Debug, Clone, Default)]
pub enum RedisChoice {
    /// A private server when one can be started, else locks inside this process.
    #[default]
    Any,
    /// A server that the person runs.
    Url(Url),
    /// A private server and nothing else.
    Private,
    /// Locks inside this process: no Redis is raced.
    InProcess,
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
    pub(super) world: Arc<World>,
    /// The database in words, for the header.
    pub(super) database: String,
    /// Kept for its end; `None` when nothing of the run is temporary.
    folder: Mutex<Option<RunFolder>>,
    /// What was started as the private server; `None` when none was.
    program: Option<PathBuf>,
}

impl Services {
    /// Opens the database and, when `seats` are to be locked, a lock service for them.
    ///
    /// # Errors
    /// [`ServiceError`] when one of them cannot be used; the others are ended again.
    pub async fn start(
        choice: &ServiceChoice,
        plan: &Plan,
        seats: Option<&[SeatId]>,
    ) -> Result<Self, ServiceError> {
        let program = match choice.redis {
            RedisChoice::Any | RedisChoice::Private if seats.is_some() => find_server(),
            _ => None,
        };
        let mut folder = match (&choice.database, &program) {
            (Some(_), None) => None,
            _ => Some(folder()?),
        };
        // Before any server is started: a database that is refused costs nothing then.
        let (store, database) = open_store(choice, plan.commit, folder.as_ref()).await?;
        let lock = match seats {
            Some(seats) => {
                Some(open_lock(choice, program.clone(), &mut folder, seats, plan.timeout).await?)
            }
            None => None,
        };
        Ok(Self {
            world: Arc::new(World { store, lock }),
            database,
            folder: Mutex::new(folder),
            program,
        })
    }

    /// Makes sure that a restart would not kill a server that is somebody else's.
    pub(super) fn refuse_a_restart_of_others(&self) -> Result<(), LockError> {
        match (&self.world.lock, &self.program) {
            (Some(lock @ LockService::Redis(_)), None) => {
                Err(LockError::NotOurs(lock.description().to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Kills the private lock server and starts it again; it has forgotten everything.
    ///
    /// # Errors
    /// When the server is the person's own, or does not come up again.
    pub(super) async fn restart(&self, limit: Duration) -> Result<(), LockError> {
        let Some(lock) = &self.world.lock else {
            return Ok(());
        };
        let mut folder = self.folder.lock().await;
        let url = match (lock, &self.program, folder.as_mut()) {
            (LockService::InProcess(locks), ..) => {
                locks.forget();
                return Ok(());
            }
            (_, Some(program), Some(folder)) => {
                Url::of_socket(&start_server(program, folder).await?)?
            }
            _ => return Err(LockError::NotOurs(lock.description().to_owned())),
        };
        lock.reconnect(&url, limit).await
    }

    /// Whether the locks are only simulated inside this process.
    #[must_use]
    pub fn is_lock_simulated(&self) -> bool {
        matches!(self.world.lock, Some(LockService::InProcess(_)))
    }

    /// What the services did wrong, a line each.
    #[must_use]
    pub fn troubles(&self) -> Vec<String> {
        let store = self
            .world
            .store
            .trouble()
            .map(|text| format!("SQLite: {text}"));
        let lock = self.world.lock.as_ref().and_then(LockService::trouble);
        store
            .into_iter()
            .chain(lock.map(|text| format!("Redis: {text}")))
            .collect()
    }
}

fn folder() -> Result<RunFolder, ServiceError> {
    RunFolder::create().map_err(|source| ServiceError::Folder {
        folder: std::env::temp_dir(),
        source,
    })
}

async fn open_store(
    choice: &ServiceChoice,
    commit: Commit,
    folder: Option<&RunFolder>,
) -> Result<(Sqlite, String), StoreError> {
    let temporary = folder.map(|folder| folder.path().join("race.db"));
    let (path, place) = match (&choice.database, temporary) {
        (Some(path), _) => (path.clone(), path.display().to_string()),
        (None, Some(path)) => (path, "a temporary file".to_owned()),
        (None, None) => return Err(StoreError::Gone("it has no file".to_owned())),
    };
    let settings = match commit {
        Commit::Group => Settings::group_commit(path),
        Commit::Each => Settings::commit_each(path),
    };
    let store = Sqlite::open(settings).await?;
    let description = format!("{}, {commit}, in {place}", store.description());
    Ok((store, description))
}

async fn open_lock(
    choice: &ServiceChoice,
    program: Option<PathBuf>,
    folder: &mut Option<RunFolder>,
    seats: &[SeatId],
    limit: Duration,
) -> Result<LockService, LockError> {
    let prefix = choice.key_prefix.clone();
    let (url, whose) = match (&choice.redis, program, folder) {
        (RedisChoice::Url(url), ..) => (url.clone(), "a server of yours"),
        (RedisChoice::Any | RedisChoice::Private, Some(program), Some(folder)) => {
            let socket = start_server(&program, folder).await?;
            (Url::of_socket(&socket)?, "a private server")
        }
        (RedisChoice::Private, ..) => return Err(LockError::NoServer),
        _ => return Ok(LockService::InProcess(InProcess::default())),
    };
    Redis::connect(&url, whose, prefix, seats, limit)
        .await
        .map(LockService::Redis)
}
