//! The run's own lock servers: which kind is started, ended and paused.

use std::path::{Path, PathBuf};

use super::embedded::EmbeddedServer;
use super::redis::{PrivateServer, start_server};
use super::{LockError, find_server};
use crate::services::private_server::{ProcessEnd, RunFolder, SOCKET_TOO_LONG};

/// What a run starts for its locks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnServerKind {
    /// The program of a Redis or a Valkey.
    Program(PathBuf),
    /// racesim's own lock server.
    Embedded(EmbeddedReason),
}

/// Why racesim's own lock server is raced on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
pub enum EmbeddedReason {
    /// There is no other.
    #[strum(to_string = "no Redis installed")]
    NoRedis,
    /// The person asked for it.
    #[strum(to_string = "as asked")]
    Asked,
}

impl OwnServerKind {
    /// A Redis or a Valkey that is installed.
    ///
    /// # Errors
    /// [`LockError::NoServer`] when there is none on PATH.
    pub fn installed() -> Result<Self, LockError> {
        find_server().map(Self::Program).ok_or(LockError::NoServer)
    }

    /// Starts the run's server with this number in its folder.
    ///
    /// # Errors
    /// [`LockError::Server`] or [`LockError::Embedded`] when it does not come up.
    pub async fn start(&self, folder: &RunFolder, number: usize) -> Result<OwnServer, LockError> {
        match self {
            Self::Program(program) => {
                let server = start_server(program, folder, number).await?;
                Ok(OwnServer::Process(server))
            }
            Self::Embedded(reason) => {
                let socket = folder.socket(number);
                let socket =
                    socket.ok_or_else(|| LockError::Embedded(SOCKET_TOO_LONG.to_owned()))?;
                let server = EmbeddedServer::start(&socket);
                let server = server.map_err(|error| LockError::Embedded(error.to_string()))?;
                Ok(OwnServer::Embedded(server, *reason))
            }
        }
    }
}

/// A lock server of the run's own. It ends when this is dropped.
#[derive(Debug)]
pub enum OwnServer {
    /// A process.
    Process(PrivateServer),
    /// A thread of this process.
    Embedded(EmbeddedServer, EmbeddedReason),
}

impl OwnServer {
    /// Where it listens.
    #[must_use]
    pub fn socket(&self) -> &Path {
        match self {
            Self::Process(server) => server.socket(),
            Self::Embedded(server, _) => server.socket(),
        }
    }

    /// How it ends; `None` for one that ends with this process only.
    #[must_use]
    pub fn end(&self) -> Option<ProcessEnd> {
        match self {
            Self::Process(server) => Some(server.end()),
            Self::Embedded(..) => None,
        }
    }

    /// Ends it at once; what it held is forgotten.
    pub async fn kill(self) {
        match self {
            Self::Process(server) => server.kill().await,
            Self::Embedded(server, _) => drop(server),
        }
    }

    /// Makes it stand still; `false` when it is gone.
    #[must_use]
    pub fn pause(&self) -> bool {
        match self {
            Self::Process(server) => server.process().pause().is_ok(),
            Self::Embedded(server, _) => {
                server.pause();
                true
            }
        }
    }

    /// Lets it go on when it stands still.
    pub fn resume(&self) {
        match self {
            // One that is gone is noticed by those who wait for it.
            Self::Process(server) => drop(server.process().resume()),
            Self::Embedded(server, _) => server.resume(),
        }
    }
}
