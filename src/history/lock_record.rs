//! The lock service of a race: whose server it was, and which.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The lock service of a race, or what an earlier version of the format says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LockRecord {
    /// What it is.
    Server(LockServerRecord),
    /// In words.
    Words(String),
}

/// What the locks of a race were kept in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockServerRecord {
    /// Whose it is.
    pub kind: LockKind,
    /// What it is: redis, valkey or racesim.
    pub server: String,
    /// Its version; `None` when it does not say.
    pub version: Option<String>,
    /// How many of them were asked.
    pub servers: usize,
    /// The same in words, with where it is.
    pub description: String,
}

/// Whose a lock server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LockKind {
    /// racesim's own lock server: no Redis was raced.
    Embedded,
    /// One that was started for the run.
    Private,
    /// One that the person runs.
    Yours,
}

impl LockRecord {
    /// Whether the locks were those of racesim's own lock server, and no Redis was raced.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        match self {
            Self::Server(server) => server.kind == LockKind::Embedded,
            Self::Words(_) => false,
        }
    }
}

impl fmt::Display for LockRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server(server) => &server.description,
            Self::Words(words) => words,
        })
    }
}
