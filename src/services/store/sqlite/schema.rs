//! What a racesim database looks like, and how one is told from everybody else's.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::services::store::StoreError;

/// "RACE": marks a file as ours in the header field that `SQLite` keeps for this
/// (<https://www.sqlite.org/fileformat2.html#application_id>).
const APPLICATION_ID: u32 = 0x5241_4345;

/// The version of the tables below. The first had no guard, the second no seats.
const SCHEMA_VERSION: u32 = 3;

/// A seat can be booked by many: nothing in the tables keeps two users from one seat. Only rows that
/// say so are `guarded`, and of those a seat has one.
///
/// One tree serves the check and the insert; `position` is the order in which the bookings arrived.
const TABLES: &str = "
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    began TEXT NOT NULL,
    strategy TEXT NOT NULL,
    round INTEGER NOT NULL,
    users INTEGER NOT NULL,
    seed INTEGER NOT NULL
);
CREATE TABLE bookings (
    run INTEGER NOT NULL REFERENCES runs (id),
    seat INTEGER NOT NULL,
    user INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (run, seat, user)
) WITHOUT ROWID;
";

/// What strategies rely on that leave the last word to the database.
const GUARD: &str = "
ALTER TABLE bookings ADD COLUMN guarded INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX one_booking_for_a_guarded_seat ON bookings (run, seat) WHERE guarded = 1;
";

/// What strategies rely on that write on the seat itself: its version, the latest token of a lock that
/// was seen, who holds it and until when. A seat without a row has never been written on.
const SEATS: &str = "
CREATE TABLE seats (
    run INTEGER NOT NULL REFERENCES runs (id),
    seat INTEGER NOT NULL,
    version INTEGER NOT NULL DEFAULT 0,
    fence INTEGER NOT NULL DEFAULT 0,
    holder INTEGER,
    until_ms INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run, seat)
) WITHOUT ROWID;
";

/// How long `SQLite` waits for another process that is writing to the same file.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// What the header of a file says it is.
enum Owner {
    Nobody,
    /// Ours, with tables of this version.
    Racesim(u32),
}

/// A connection to the racesim database at `path`, made when nothing is there.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let owner = owner(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let failed = |source| failure(path, source);
    let connection = Connection::open_with_flags(literal(path), flags).map_err(failed)?;
    if connection.is_readonly("main").map_err(failed)? {
        return Err(StoreError::ReadOnly(path.to_owned()));
    }
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    if !matches!(owner, Owner::Racesim(SCHEMA_VERSION)) {
        make_ours(&connection).map_err(failed)?;
    }
    Ok(connection)
}

/// The path as `SQLite` takes it for nothing but a file: it has a meaning of its own for `:memory:`,
/// for what begins with `file:`, and for an empty name (<https://www.sqlite.org/uri.html>).
pub(super) fn literal(path: &Path) -> PathBuf {
    // Only an empty name has no absolute form, and that is refused before.
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Makes what is missing of the tables and marks the file, unless another racesim has just done so.
fn make_ours(connection: &Connection) -> rusqlite::Result<()> {
    // Before the switch to WAL, so that the mark is in the file itself from the first moment.
    connection.execute_batch("BEGIN EXCLUSIVE")?;
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version < 1 {
        connection.execute_batch(&format!(
            "PRAGMA application_id = {APPLICATION_ID}; {TABLES}"
        ))?;
    }
    if version < 2 {
        connection.execute_batch(GUARD)?;
    }
    if version < SCHEMA_VERSION {
        connection.execute_batch(&format!("PRAGMA user_version = {SCHEMA_VERSION}; {SEATS}"))?;
    }
    connection.execute_batch("COMMIT")
}

/// The error that says best what is wrong with the file at `path`.
pub(super) fn failure(path: &Path, source: rusqlite::Error) -> StoreError {
    let owned = path.to_owned();
    match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => StoreError::NotADatabase(owned),
        Some(rusqlite::ErrorCode::ReadOnly) => StoreError::ReadOnly(owned),
        // Its text is the path, once more or alone.
        Some(rusqlite::ErrorCode::CannotOpen) => StoreError::Open {
            reason: why_not_opened(path),
            path: owned,
        },
        Some(rusqlite::ErrorCode::OutOfMemory) => StoreError::Memory(owned),
        _ => StoreError::Failed {
            path: owned,
            source: Box::new(source),
        },
    }
}

/// Why a file cannot be opened, which `SQLite` does not say: the system is asked again. It opens more than
/// this one file.
fn why_not_opened(path: &Path) -> String {
    let opened = File::options().read(true).write(true).open(path);
    opened.err().map_or_else(
        || "it, or a file beside it, could not be opened: see ulimit -n".to_owned(),
        |error| error.to_string(),
    )
}

/// Whose file it is, by its first hundred bytes; it is only read.
fn owner(path: &Path) -> Result<Owner, StoreError> {
    let reason = |error: std::io::Error| StoreError::Open {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    // Looked at before it is opened: a pipe that nobody writes would not open.
    match path.metadata() {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(reason(std::io::Error::other("it is not a file"))),
        Err(error) if error.kind() == ErrorKind::NotFound && !path.as_os_str().is_empty() => {
            return Ok(Owner::Nobody);
        }
        Err(error) => return Err(reason(error)),
    }
    let mut file = File::open(path).map_err(reason)?;
    let mut header = Vec::with_capacity(100);
    file.by_ref()
        .take(100)
        .read_to_end(&mut header)
        .map_err(reason)?;
    if header.is_empty() {
        return Ok(Owner::Nobody);
    }
    if header.len() < 100 || !header.starts_with(b"SQLite format 3\0") {
        return Err(StoreError::NotADatabase(path.to_owned()));
    }
    // Offsets from https://www.sqlite.org/fileformat2.html#the_database_header
    if number_at(&header, 68) != APPLICATION_ID {
        return Err(StoreError::Foreign(path.to_owned()));
    }
    match number_at(&header, 60) {
        version @ 1..=SCHEMA_VERSION => Ok(Owner::Racesim(version)),
        found => Err(StoreError::Newer {
            path: path.to_owned(),
            found,
        }),
    }
}

/// The big-endian number at this offset of a header.
fn number_at(header: &[u8], offset: usize) -> u32 {
    header[offset..offset + 4]
        .iter()
        .fold(0, |number, byte| number << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    /// What is told of such a failure, whose text `rusqlite` takes from the path.
    fn told(code: i32, text: &str, path: &str) -> String {
        let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some(text.to_owned()));
        failure(Path::new(path), error).to_string()
    }

    // "the database 'X' failed: X" hid the cause.
    #[test]
    fn a_database_that_is_not_opened_is_named_once_with_the_cause() {
        let path = "/no/such/folder/race.db";
        assert_eq!(
            told(ffi::SQLITE_NOMEM, path, path),
            format!("no memory is left for the database '{path}': raise the limit, see ulimit -v")
        );
        let text = format!("unable to open database file: {path}");
        assert_eq!(
            told(ffi::SQLITE_CANTOPEN, &text, path),
            format!("cannot open the database '{path}': No such file or directory (os error 2)")
        );
    }
}
