//! Steps that arrive late at the database.

use super::sqlite::LateStatement;
use crate::services::queue::ServiceReply;

/// A step that was sent, and waits. Dropped, it is never carried out.
#[derive(Debug)]
pub(crate) enum LateStep {
    /// In `SQLite`.
    Sqlite(LateStatement),
}

impl LateStep {
    /// Lets it be carried out: what it is answered.
    pub(crate) async fn arrive(self) -> ServiceReply {
        match self {
            Self::Sqlite(statement) => statement.arrive().await,
        }
    }
}
