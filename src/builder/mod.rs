//! Builders: a race, a search and a replay of your own strategy, that read like a test.
//!
//! What cannot run is refused with a [`BuilderError`] before anything is started; what does not hold is
//! a panic with all that a person needs to see why, as in any test.

mod error;
mod explore;
mod race;
mod replay;
mod story;

pub use error::BuilderError;
pub use explore::{ExploreBuilder, ExploreResult, explore};
pub use race::{RaceBuilder, RaceResult, race};
pub use replay::{ReplayBuilder, replay};

/// The first of several refusals: the later ones may follow from it.
#[derive(Debug, Default)]
struct Refused(Option<BuilderError>);

impl Refused {
    /// The value, unless it is refused.
    fn accept<T, E: Into<BuilderError>>(&mut self, value: Result<T, E>) -> Option<T> {
        match value {
            Ok(value) => Some(value),
            Err(error) => {
                self.0.get_or_insert_with(|| error.into());
                None
            }
        }
    }

    /// A whole number above zero.
    fn accept_number(&mut self, number: u32, of: &'static str) -> Option<std::num::NonZeroU32> {
        self.accept(number.try_into().map_err(|_| BuilderError::None { of }))
    }

    fn or_none(self) -> Result<(), BuilderError> {
        self.0.map_or(Ok(()), Err)
    }
}
