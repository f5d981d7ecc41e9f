//! Services of a run: what is raced on, made ready, watched while users race, and ended with the run.

mod health;
pub mod lock;
mod pace;
pub(crate) mod private_server;
#[doc(hidden)]
pub mod queue;
pub(crate) mod request;
mod shared;
mod start;
pub(crate) mod store;

pub(crate) use health::watch;
pub(crate) use pace::Pace;
pub(crate) use shared::{OnItsWay, SharedServices, Submitted};
pub use start::{Needs, RedisChoice, ServiceChoice, ServiceError, Services};
pub use store::{DatabaseChoice, StoreError};
