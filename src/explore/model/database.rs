//! The database of a model, an arm for each kind: what it answers to a step, and who sees which rows.

use super::rows::{By, Looked, ModelRows};
use super::sqlite::SqliteModel;
use crate::client::{Check, Insert, Isolation};
use crate::history::Reply;

/// The database of a model: its rows, and the transactions on them.
///
/// Each method is one step, an indivisible act; a step that would wait for another user is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::explore) enum ModelDatabase {
    /// `SQLite` under WAL.
    Sqlite(SqliteModel),
}

impl Default for ModelDatabase {
    fn default() -> Self {
        Self::Sqlite(SqliteModel::default())
    }
}

impl ModelDatabase {
    /// Looks whether the seat is free.
    pub(in crate::explore) fn check(&mut self, by: By, how: Check) -> Looked {
        match self {
            Self::Sqlite(it) => it.check(by, how),
        }
    }

    /// Inserts a booking.
    pub(in crate::explore) fn insert(&mut self, by: By, how: Insert) -> Reply {
        match self {
            Self::Sqlite(it) => it.insert(by, how),
        }
    }

    /// Books the seat if the user is the last who claimed it.
    pub(in crate::explore) fn confirm(&mut self, by: By) -> Reply {
        match self {
            Self::Sqlite(it) => it.confirm(by),
        }
    }

    /// Claims a seat that has no row and no claim that is still good.
    pub(in crate::explore) fn hold(&mut self, by: By) -> Reply {
        match self {
            Self::Sqlite(it) => it.hold(by),
        }
    }

    /// Begins a transaction.
    pub(in crate::explore) fn begin(&mut self, by: By, isolation: Isolation) -> Reply {
        match self {
            Self::Sqlite(it) => it.begin(by, isolation),
        }
    }

    /// Puts what the user's transaction wrote there for all to see.
    pub(in crate::explore) fn commit(&mut self, by: By) -> Reply {
        match self {
            Self::Sqlite(it) => it.commit(by),
        }
    }

    /// Undoes what the user's transaction wrote.
    pub(in crate::explore) fn roll_back(&mut self, by: By) -> Reply {
        match self {
            Self::Sqlite(it) => it.roll_back(by),
        }
    }

    /// The user's connection goes back; what is not committed is undone.
    pub(in crate::explore) fn disconnect(&mut self, user: usize) {
        match self {
            Self::Sqlite(it) => it.disconnect(user),
        }
    }

    /// Whether a late request could be carried out now, and waits for nobody's transaction.
    pub(in crate::explore) const fn can_write(&self) -> bool {
        match self {
            Self::Sqlite(it) => !it.has_writer(),
        }
    }

    /// What is committed.
    pub(in crate::explore) const fn rows(&self) -> &ModelRows {
        match self {
            Self::Sqlite(it) => it.rows(),
        }
    }

    /// What is committed, on which claims end as time passes.
    pub(in crate::explore) const fn rows_mut(&mut self) -> &mut ModelRows {
        match self {
            Self::Sqlite(it) => it.rows_mut(),
        }
    }
}
