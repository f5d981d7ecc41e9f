//! Which strategy withstands which fault? Each pair is searched through every interleaving, forced on
//! the real stores, and held against what is known.

mod expectations;

pub use expectations::{Expectations, Expected, ExpectedRow, MatrixColumn, Stated};

use crate::checker::Property;
use crate::engine::{Engine, EngineError};
use crate::explore::replay::{ReplayError, Replayed, replay};
use crate::explore::{Found, SearchVerdict, random_schedules, search_until};
use crate::plan::Plan;
use crate::schedule::Schedule;
use crate::strategy::Strategy;

/// Where nothing breaks a strategy, so many interleavings are forced.
const SAMPLES: usize = 6;

/// One strategy under one fault.
#[derive(Debug, Clone)]
pub struct TriedCell {
    /// What may go wrong, and what was asked.
    pub column: MatrixColumn,
    /// What the search says.
    pub found: Found,
    /// What the real stores did.
    pub real: Real,
    /// What is known; `None` when nothing was stated.
    pub expected: Option<Stated>,
}

/// What the real stores did when interleavings were forced on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Real {
    /// How many: the one that breaks it, or some that were drawn.
    pub forced: usize,
    /// The fewest and the most bookings of the seat.
    pub bookings: (usize, usize),
    /// Where they differ from the model, a line each.
    pub differences: Vec<String>,
}

impl TriedCell {
    /// What stands against this cell: `None` when the search, the real stores and what is known agree.
    #[must_use]
    pub fn objection(&self) -> Option<String> {
        if let Some(difference) = self.real.differences.first() {
            return Some(format!(
                "the model and the real stores differ: {difference}"
            ));
        }
        let (fewest, most) = self.real.bookings;
        let is_broken = match self.column.property {
            Property::NoDoubleBooking | Property::NoDoubleBookingInLease => most > 1,
            Property::SomeoneBooks => self.real.forced > 0 && fewest == 0,
            // Answers and outcomes say it, and they agree with the model.
            Property::MutualExclusion
            | Property::NoForeignRelease
            | Property::NoLockLeft
            | Property::NoEternalLock
            | Property::NoPhantomSuccess
            | Property::NoStrayBooking => {
                matches!(self.found.answer, SearchVerdict::Violated(_))
            }
        };
        match &self.found.answer {
            SearchVerdict::Violated(schedule) if !is_broken => {
                return Some(format!(
                    "the real stores are not broken by '{schedule}', which left {most} bookings"
                ));
            }
            // Bookings outside a lease are not what was asked about.
            SearchVerdict::Holds
                if is_broken && self.column.property != Property::NoDoubleBookingInLease =>
            {
                return Some(
                    "no interleaving of the model breaks it, one of the real stores does"
                        .to_owned(),
                );
            }
            SearchVerdict::Violated(_) | SearchVerdict::Holds | SearchVerdict::Unknown(_) => {}
        }
        let expected = self.expected.as_ref()?.expected;
        self.surprise(expected)
    }

    /// Where the search found something else than what is known.
    fn surprise(&self, expected: Expected) -> Option<String> {
        let can_happen = self.column.faults.is_empty() || self.real.forced > 0;
        match (&self.found.answer, expected) {
            (SearchVerdict::Violated(schedule), Expected::Breaks(moves)) => {
                let found = schedule.0.len();
                (found != moves).then(|| {
                    format!("it was to be broken in {moves} moves, and is by {found}: '{schedule}'")
                })
            }
            (SearchVerdict::Violated(schedule), _) => {
                Some(format!("it was to hold, and is broken by '{schedule}'"))
            }
            (SearchVerdict::Holds, Expected::Breaks(moves)) => Some(format!(
                "it was to be broken in {moves} moves, and nothing breaks it"
            )),
            (SearchVerdict::Holds, Expected::Holds) if !can_happen => {
                Some("what was to go wrong never happened".to_owned())
            }
            (SearchVerdict::Holds, Expected::CannotHappen) if can_happen => {
                Some("what could not go wrong has happened".to_owned())
            }
            (SearchVerdict::Holds, Expected::Holds | Expected::CannotHappen)
            | (SearchVerdict::Unknown(_), _) => None,
        }
    }
}

/// Searches a strategy under one fault, and forces what was found on the real stores.
///
/// # Errors
/// When a service fails, or the engine was told to stop.
pub async fn cell<S: Strategy>(
    engine: &Engine,
    strategy: &S,
    column: &MatrixColumn,
    expected: Option<Stated>,
) -> Result<TriedCell, ReplayError> {
    let searched = column.search();
    let found = search_until(
        strategy,
        column.property,
        &searched,
        engine.stopping(),
        None,
    );
    if engine.is_stopped() {
        return Err(ReplayError::Engine(EngineError::Stopped));
    }
    let schedules = match &found.answer {
        SearchVerdict::Violated(schedule) => vec![schedule.clone()],
        SearchVerdict::Holds | SearchVerdict::Unknown(_) => {
            random_schedules(strategy, &searched, SAMPLES)
        }
    };
    let users = std::num::NonZeroU32::new(column.users).unwrap_or(std::num::NonZeroU32::MIN);
    let real = force(engine, strategy, &Plan::new(users), schedules).await?;
    Ok(TriedCell {
        column: column.clone(),
        found,
        real,
        expected,
    })
}

async fn force<S: Strategy>(
    engine: &Engine,
    strategy: &S,
    plan: &Plan,
    schedules: Vec<Schedule>,
) -> Result<Real, ReplayError> {
    let forced = schedules.len();
    let mut real = Real {
        forced,
        bookings: (usize::MAX, 0),
        differences: Vec::new(),
    };
    for schedule in schedules {
        let Replayed {
            rows,
            differences,
            schedule,
            ..
        } = replay(engine, strategy, plan, schedule).await?;
        let (fewest, most) = real.bookings;
        real.bookings = (fewest.min(rows.len()), most.max(rows.len()));
        let told = differences.into_iter();
        real.differences
            .extend(told.map(|difference| format!("{schedule}: {difference}")));
    }
    Ok(real)
}
