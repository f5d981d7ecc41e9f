//! What is reported of one strategy's races.

use serde::{Deserialize, Serialize};

use crate::checker::explain::Explanation;
use crate::checker::{Property, VerdictKind};
use crate::history::{FaultCount, HeaderWords, Outcome, Step};
use crate::report::figures::Figures;
use crate::report::timing::TimingReport;
use crate::report::verdicts::VerdictReport;
use crate::seat::{SeatId, UserId};
use crate::stats::Rate;

/// What is reported of one strategy's races.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RaceReport {
    /// What was raced, on what; of the first round.
    pub header: HeaderWords,
    /// How many rounds were raced.
    pub rounds: u64,
    /// The metrics of the median round, their range over the rounds, and the sums.
    #[serde(flatten)]
    pub figures: Figures,
    /// The seats, worst first.
    pub seats: Vec<SeatReport>,
    /// How many seats were wanted in all.
    pub seats_wanted: usize,
    /// How the attempts ended, and how fast.
    pub outcomes: Vec<TimingReport<Outcome>>,
    /// How long each kind of step took.
    pub steps: Vec<TimingReport<Step>>,
    /// What the checker says; of several rounds, the worst.
    pub verdicts: Vec<VerdictReport>,
    /// The worst of the verdicts.
    pub verdict: VerdictKind,
    /// How often a round had a double booking, of those that were raced to their end and can be judged.
    pub rounds_double_booked: Rate,
    /// The other rounds.
    pub rounds_apart: RoundsApart,
    /// The interleaving that broke the first property that was violated.
    pub explanation: Option<Explanation>,
    /// Whether the race was stopped before every user had its try.
    pub interrupted: bool,
    /// What the services did wrong, a line each.
    pub troubles: Vec<String>,
    /// Why nothing can be concluded from a round, of the first such round; `None` when there is none.
    pub damage: Option<String>,
    /// What went wrong as was asked for, and how often in all rounds.
    pub faults: Vec<FaultCount>,
    /// Locks that were left behind, of the first round that left any; the first few seats.
    pub locks_left: Vec<LockLeftReport>,
}

/// Rounds that no rate is of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoundsApart {
    /// Stopped before everybody had its try: without a double booking so far.
    pub stopped: u64,
    /// Stopped, and had a double booking already.
    pub stopped_double_booked: u64,
    /// Not whole, or not what racesim can have written: nothing is known of them.
    pub unjudged: u64,
}

/// A lock that was left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockLeftReport {
    /// Whose lock it is.
    pub seat: SeatId,
    /// How long it lived on; `None` for ever.
    pub left_ms: Option<u64>,
    /// Whether the seat was sold.
    pub is_sold: bool,
}

/// One seat's row in the table of bookings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeatReport {
    /// The seat.
    pub seat: SeatId,
    /// How many tried for it in all rounds.
    pub total_attempts: u64,
    /// Its rows in the database of all rounds; `None` when some could not be read.
    pub total_bookings: Option<u64>,
    /// Its rows beyond the first of each round; `None` when some could not be read.
    pub total_double_bookings: Option<u64>,
    /// The first users who got it.
    pub first_users: Vec<UserId>,
}

impl RaceReport {
    /// Whether any property is violated; double bookings count only where none were to be expected.
    #[must_use]
    pub fn breaks(&self, promises_one_booking: bool) -> bool {
        self.violated(promises_one_booking).next().is_some()
    }

    /// The properties that are violated; double bookings only where none were to be expected.
    pub fn violated(&self, promises_one_booking: bool) -> impl Iterator<Item = &VerdictReport> {
        self.verdicts.iter().filter(move |report| {
            report.verdict == VerdictKind::Violated
                && (promises_one_booking || report.property != Property::NoDoubleBooking)
        })
    }

    /// Whether any property is unknown.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.verdicts
            .iter()
            .any(|report| report.verdict == VerdictKind::Unknown)
    }
}
