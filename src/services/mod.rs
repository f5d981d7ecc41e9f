//! Services of a run: what is raced on, made ready, watched while users race, and ended with the run.

mod health;
pub mod lock;
pub mod private_server;
pub mod queue;
pub mod request;
mod shared;
mod start;
pub mod store;

pub(crate) use health::watch;
pub use shared::{OnItsWay, Pace, SharedServices};
pub use start::{Needs, RedisChoice, ServiceChoice, ServiceError, Services};
