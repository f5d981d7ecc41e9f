//! What a lock server is, and whose.

/// What a lock server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerIdentity {
    /// Whose it is.
    pub owner: ServerOwner,
    /// What it is: Redis, Valkey or racesim.
    pub server: &'static str,
    /// Its version; `None` when it does not say.
    pub version: Option<String>,
    /// The same in words, with where it is.
    pub description: String,
}

/// Whose a lock server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerOwner {
    /// The person's, who runs it.
    Person,
    /// The run's: a process.
    Run,
    /// racesim's own lock server.
    Embedded,
}
