//! Kinds of reports, as their JSON says them.

use serde::{Deserialize, Serialize};

/// What a document tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum ReportKind {
    /// A race of one strategy.
    Race,
    /// Races of strategies, side by side.
    Comparison,
    /// Races that were recorded, judged again.
    Check,
    /// A search of every interleaving.
    Exploration,
    /// Interleavings that were forced on the real stores.
    Replay,
    /// Strategies against faults.
    Matrix,
}

/// The version of the JSON form that this build writes.
pub(super) const VERSION: u32 = 2;
