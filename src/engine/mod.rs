//! A plan becomes a history: services prepared, users released at once, results gathered.

#![warn(clippy::wildcard_enum_match_arm)]

mod cleanup;
mod error;
mod forced;
mod heading;
mod impossible;
mod memory;
mod race;
mod runner;
mod service_faults;
mod stopping;
mod users;

pub use error::EngineError;
pub(crate) use impossible::{outlasts, why_never, why_never_in_race};
pub use runner::{Engine, Forced};
pub use stopping::on_a_thread;
