//! Strategies side by side: what is measured, and how it is told.

mod blocks;
mod data;

pub(super) use blocks::compared;
pub use data::{ComparedValue, Comparison, ComparisonRow, Measure, Probes, are_clear};
