//! Errors of outputs: why a result did not reach its place.

use std::io;
use std::path::PathBuf;

use super::exit::Exit;

/// Why a result did not reach its place.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutputError {
    /// A file that cannot be written, known before anything ran.
    #[error("cannot write '{}': {source}", path.display())]
    Open { path: PathBuf, source: io::Error },
    /// A file that is read, kept, or another result's already.
    #[error("'{}' is {owner} too: give each result a file of its own", path.display())]
    Shared { path: PathBuf, owner: &'static str },
    /// The name of another database's log.
    #[error("'{}' is where SQLite keeps a log of the database '{}': give another name", path.display(), database.display())]
    Companion { path: PathBuf, database: PathBuf },
    /// A pipe with only one end.
    #[error("nobody reads the pipe '{}': start its reader first", .0.display())]
    Unread(PathBuf),
    /// A place that failed when the result was there.
    #[error("cannot write all of the result to {place}: {source}")]
    Write { place: String, source: io::Error },
}

impl OutputError {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Open { .. } | Self::Shared { .. } | Self::Companion { .. } => Exit::Usage,
            Self::Unread(_) | Self::Write { .. } => Exit::Service,
        }
    }
}
