//! Races of one strategy: what is told of them.

mod blocks;
mod data;
mod diagram;
mod tally;

pub(super) use blocks::{interleaving, raced, setting, warnings};
pub use data::{LockLeftReport, RaceReport, RoundsApart, SeatReport};
pub(super) use diagram::diagram;
pub use tally::{SeatsListed, Tally};
