//! The bookings database: who holds which seat.

mod record;
mod request;
mod sqlite;

use std::path::PathBuf;

pub use record::RunRecord;
pub use request::StoreRequest;
pub use sqlite::{BeginHow, Transactions, Work};
pub use sqlite::{Claim, LateStatement, Obstacle, Settings, Sqlite};

/// What the database itself holds against a second booking of one seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Guard {
    /// Nothing.
    #[default]
    None,
    /// A UNIQUE constraint on the seat.
    Unique,
    /// The insert looks for a booking in the same statement.
    NotExists,
    /// The seat's version is still the one that the user has read; the insert makes it a new one.
    Version,
}

/// How a transaction begins (<https://www.sqlite.org/lang_transaction.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Begin {
    /// It reads what is there at its first look, and becomes the writer at its first write.
    Deferred,
    /// It is the writer from its beginning.
    #[default]
    Immediate,
    /// The same under WAL; without it nobody reads either.
    Exclusive,
}

impl Begin {
    /// The statement.
    const fn statement(self) -> &'static str {
        match self {
            Self::Deferred => "BEGIN DEFERRED",
            Self::Immediate => "BEGIN IMMEDIATE",
            Self::Exclusive => "BEGIN EXCLUSIVE",
        }
    }
}

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file holds something that is not `SQLite`'s.
    #[error("'{}' is not an SQLite database: give another --database, or none for a temporary one", .0.display())]
    NotADatabase(PathBuf),
    /// The file is a database of another program.
    #[error("'{}' is another program's database and was left alone: give another --database, or none for a temporary one", .0.display())]
    Foreign(PathBuf),
    /// The file was written by a later racesim.
    #[error("'{}' was written by a later racesim (schema {found}): use that one, or another --database", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of its schema.
        found: u32,
    },
    /// The file cannot be written.
    #[error("'{}' is read-only: make it writable, or give another --database", .0.display())]
    ReadOnly(PathBuf),
    /// The file cannot be opened.
    #[error("cannot open the database '{}': {reason}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// `SQLite` refused to do something that is no user's step.
    #[error("the database '{}' failed: {source}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What `SQLite` says.
        source: rusqlite::Error,
    },
    /// There is no memory to open it with.
    #[error("no memory is left for the database '{}': raise the limit, see ulimit -v", .0.display())]
    Memory(PathBuf),
    /// A connection has no thread.
    #[error(
        "the system gives no more threads for the database ({0}): raise its limits, see ulimit -u and -v"
    )]
    Thread(std::io::Error),
    /// The store's thread is gone.
    #[error("the database does not answer any more: {0}")]
    Gone(String),
}
