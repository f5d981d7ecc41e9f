//! Strategies side by side: what is measured, and how it is told.

mod blocks;
mod data;
mod measures;

pub(super) use blocks::compared;
pub use data::{ComparedValue, Comparison, ComparisonRow, Measure, Probes};
pub use measures::are_clear;
