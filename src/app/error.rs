//! Errors of commands: why one has no result.

use std::io;

use super::exit::Exit;
use super::output_error::OutputError;
use crate::engine::EngineError;
use crate::explore::replay::ReplayError;
use crate::explore::{Limit, SearchVerdict};
use crate::services::ServiceError;

/// Why a command has no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum AppError {
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error("cannot read the history '{path}': {reason}")]
    History { path: String, reason: String },
    #[error(
        "no redis-server or valkey-server on PATH, and an assertion about locks would say nothing of Redis: \
        install one (apt-get install redis-server), or say --redis embedded to assert about racesim's own lock server"
    )]
    NoRedisToAssert,
    #[error("{0}")]
    Words(String),
    #[error("cannot repeat '{path}': {reason}")]
    Repeat { path: String, reason: String },
    #[error("cannot replay '{path}': {reason}")]
    Recording { path: String, reason: String },
    #[error("out of threads or file descriptors ({0}): raise its limits, see ulimit -n, -u and -v")]
    System(#[source] io::Error),
}

impl AppError {
    /// A search that the system gave no thread is no answer.
    pub(super) fn unless_on_a_thread(verdict: &SearchVerdict) -> Result<(), Self> {
        if *verdict == SearchVerdict::Unknown(Limit::Threads) {
            let error = io::Error::from_raw_os_error(libc::EAGAIN);
            return Err(Self::System(error));
        }
        Ok(())
    }

    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Output(error) => error.exit(),
            Self::Service(ServiceError::Lock(error)) if error.is_of_usage() => Exit::Usage,
            Self::Service(_) | Self::NoRedisToAssert | Self::System(_) => Exit::Service,
            Self::Engine(error) | Self::Replay(ReplayError::Engine(error)) => match error {
                EngineError::Lock(error) if error.is_of_usage() => Exit::Usage,
                EngineError::Store(_)
                | EngineError::Lock(_)
                | EngineError::Unguarded(_)
                | EngineError::Silent => Exit::Service,
                EngineError::Panicked(_)
                | EngineError::Diverged(_)
                | EngineError::Unread(_)
                | EngineError::Stopped => Exit::Unknown,
                EngineError::TooLarge { .. } => Exit::Usage,
            },
            Self::History { .. }
            | Self::Repeat { .. }
            | Self::Recording { .. }
            | Self::Words(_)
            | Self::Replay(_) => Exit::Usage,
        }
    }
}
