//! Errors of the database: why it cannot be used.

use std::path::PathBuf;

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
    /// It refused to do something that is no user's step.
    #[error("the database '{}' failed: {source}", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What the database says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no memory to open it with.
    #[error("no memory is left for the database '{}': raise the limit, see ulimit -v", .0.display())]
    Memory(PathBuf),
    /// A connection has no thread.
    #[error("out of threads for the database ({0}): raise its limits, see ulimit -u and -v")]
    Thread(std::io::Error),
    /// The store's thread is gone.
    #[error("the database does not answer any more: {0}")]
    Gone(String),
}
