//! Choice of the database: which one to race on, and how it is used.

use std::path::{Path, PathBuf};

use crate::plan::Commit;

/// Which database to race on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum DatabaseChoice {
    /// `SQLite` in a temporary file, which is removed after the run.
    #[default]
    Temporary,
    /// `SQLite` in this file, which is kept.
    File(PathBuf),
}

impl DatabaseChoice {
    /// Whether it is removed after the run.
    pub(crate) const fn is_temporary(&self) -> bool {
        match self {
            Self::Temporary => true,
            Self::File(_) => false,
        }
    }

    /// The file that is kept; `None` when none is.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Temporary => None,
            Self::File(file) => Some(file),
        }
    }
}

impl From<Option<PathBuf>> for DatabaseChoice {
    fn from(file: Option<PathBuf>) -> Self {
        file.map_or(Self::Temporary, Self::File)
    }
}

/// How a database is used in a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoreOptions {
    /// Whether statements that wait together share a commit.
    pub(crate) commit: Commit,
    /// How many transactions can be open at once.
    pub(crate) transactions: usize,
}
