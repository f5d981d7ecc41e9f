//! Services of a run: what is raced on, and what is started for it.

pub mod lock;
pub mod private_server;
pub mod queue;
pub mod store;
