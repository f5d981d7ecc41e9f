//! Races of one strategy, round by round and added up.

use std::collections::HashSet;

use super::data::{LockLeftReport, RaceReport, RoundsApart, SeatReport};
use crate::checker::explain::{Explanation, explain};
use crate::checker::{Property, Verdict, VerdictKind, judge_by};
use crate::history::{FaultCount, HeaderWords, History};
use crate::report::figures::{Figures, Round};
use crate::report::metrics::Metrics;
use crate::report::timing::TimingReport;
use crate::report::verdicts::{JUDGED, VerdictReport, verdict_report};
use crate::seat::SeatId;
use crate::stats::{Rate, SeatStats, Stats};

/// How many seats are listed; of more, the worst.
const SEATS_LISTED: usize = 10;

/// Which seats a report lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SeatsListed {
    /// The ten worst.
    #[default]
    Worst,
    /// Every one.
    All,
}

impl SeatsListed {
    const fn most(self) -> usize {
        match self {
            Self::Worst => SEATS_LISTED,
            Self::All => usize::MAX,
        }
    }
}

/// Races of one strategy as they come in; a history need not be kept once it was added.
#[derive(Debug, Clone)]
pub struct Tally {
    header: HeaderWords,
    properties: &'static [Property],
    total: Stats,
    figures: Figures,
    double_booked: u64,
    apart: RoundsApart,
    verdicts: Vec<VerdictReport>,
    explanation: Option<Explanation>,
    interrupted: bool,
    troubles: Vec<String>,
    damage: Option<String>,
    faults: Vec<FaultCount>,
    locks_left: Vec<LockLeftReport>,
}

impl Tally {
    /// A tally that begins with this race.
    #[must_use]
    pub fn begin(history: &History) -> Self {
        Self::begin_by(&JUDGED, history)
    }

    /// The same, judged by these properties.
    #[must_use]
    pub fn begin_by(properties: &'static [Property], history: &History) -> Self {
        let stats = Stats::of(history);
        let first = round(history, &stats);
        let mut tally = Self {
            header: history.header.in_words(),
            properties,
            figures: Figures::default(),
            double_booked: 0,
            apart: RoundsApart::default(),
            total: stats,
            verdicts: Vec::new(),
            explanation: None,
            interrupted: false,
            troubles: Vec::new(),
            damage: None,
            faults: Vec::new(),
            locks_left: Vec::new(),
        };
        tally.count(history, first);
        tally.judge(history);
        tally
    }

    /// Something of the recording is lost: what holds in the rest may not hold in all.
    pub fn lose(&mut self, damage: &str) {
        self.damage.get_or_insert_with(|| damage.to_owned());
        let holding = self.verdicts.iter_mut();
        for report in holding.filter(|report| report.verdict == VerdictKind::Holds) {
            report.verdict = VerdictKind::Unknown;
            report.detail = format!("the history is damaged: {damage}");
        }
    }

    /// Counts a round where it belongs: only what was raced to its end and can be judged makes a rate.
    fn count(&mut self, history: &History, round: Round) {
        let is_double_booked = round.metrics.value("double_bookings") > Some(0.0);
        self.figures.push(round);
        let apart = &mut self.apart;
        let count = match (&history.damage, history.footer.interrupted) {
            (Some(_), _) => &mut apart.unjudged,
            (None, true) if is_double_booked => &mut apart.stopped_double_booked,
            (None, true) => &mut apart.stopped,
            (None, false) if is_double_booked => &mut self.double_booked,
            (None, false) => return,
        };
        *count += 1;
    }

    /// Adds another race of the same strategy.
    pub fn add(&mut self, history: &History) {
        let stats = Stats::of(history);
        self.count(history, round(history, &stats));
        self.total.add(&stats);
        self.judge(history);
    }

    fn judge(&mut self, history: &History) {
        let judgements = judge_by(self.properties, history);
        if self.explanation.is_none() {
            let witness = judgements
                .iter()
                .find_map(|judgement| match &judgement.verdict {
                    Verdict::Violated(witness) => Some(witness),
                    _ => None,
                });
            self.explanation = witness.map(|witness| explain(history, witness));
        }
        let verdicts = judgements
            .iter()
            .map(|judgement| verdict_report(judgement.property, &judgement.verdict, history));
        if self.verdicts.is_empty() {
            self.verdicts = verdicts.collect();
        } else {
            let worse = self
                .verdicts
                .iter_mut()
                .zip(verdicts)
                .filter(|(worst, next)| next.verdict > worst.verdict);
            worse.for_each(|(worst, next)| *worst = next);
        }
        self.add_faults(&history.footer.faults);
        if self.locks_left.is_empty() {
            self.locks_left = locks_left(history);
        }
        self.interrupted |= history.footer.interrupted;
        if self.damage.is_none() {
            self.damage.clone_from(&history.damage);
        }
        for trouble in &history.footer.troubles {
            if !self.troubles.contains(trouble) {
                self.troubles.push(trouble.clone());
            }
        }
    }

    fn add_faults(&mut self, faults: &[FaultCount]) {
        if self.faults.is_empty() {
            self.faults = faults.to_vec();
            return;
        }
        for (sum, more) in self.faults.iter_mut().zip(faults) {
            sum.happened += more.happened;
        }
    }

    /// The report on all that was added.
    #[must_use]
    pub fn report(mut self, listed: SeatsListed) -> RaceReport {
        self.locks_left.truncate(listed.most());
        let rounds = u64::try_from(self.figures.rounds().len()).unwrap_or(u64::MAX);
        let apart = self.apart;
        let whole = rounds - apart.stopped - apart.stopped_double_booked - apart.unjudged;
        let worst = self.verdicts.iter().map(|report| report.verdict).max();
        RaceReport {
            header: self.header,
            rounds,
            figures: self.figures,
            seats: worst_seats(&self.total, listed.most()),
            seats_wanted: self.total.seats.iter().count(),
            outcomes: self
                .total
                .outcomes
                .iter()
                .map(|(outcome, timing)| TimingReport::of(*outcome, timing))
                .collect(),
            steps: self
                .total
                .steps
                .iter()
                .map(|(step, timing)| TimingReport::of(*step, timing))
                .collect(),
            verdict: worst.unwrap_or(VerdictKind::Unknown),
            verdicts: self.verdicts,
            rounds_double_booked: Rate::of(self.double_booked, whole),
            rounds_apart: apart,
            explanation: self.explanation,
            interrupted: self.interrupted,
            troubles: self.troubles,
            damage: self.damage,
            faults: self.faults,
            locks_left: self.locks_left,
        }
    }
}

/// A round, and why it was not as it was to be.
fn round(history: &History, stats: &Stats) -> Round {
    let footer = &history.footer;
    Round {
        metrics: Metrics::of(stats),
        disturbed: if !footer.troubles.is_empty() {
            Some("a service failed")
        } else if footer.interrupted {
            Some("the race was stopped")
        } else if !stats.is_whole {
            Some("its history is not whole")
        } else {
            None
        },
    }
}

/// The locks that were left behind.
fn locks_left(history: &History) -> Vec<LockLeftReport> {
    let sold: HashSet<SeatId> = history.bookings.iter().map(|it| it.seat).collect();
    let left = history.footer.locks_left.iter();
    left.map(|left| LockLeftReport {
        seat: left.seat,
        left_ms: left.left_ms,
        is_sold: sold.contains(&left.seat),
    })
    .collect()
}

/// The worst seats, so many at the most.
fn worst_seats(stats: &Stats, most: usize) -> Vec<SeatReport> {
    let mut worst: Vec<_> = stats.seats.iter().collect();
    let badness = |(seat, stats): &(SeatId, &SeatStats)| {
        let doubles = std::cmp::Reverse(stats.double_bookings);
        (doubles, stats.bookings > 0, *seat)
    };
    // Of a million seats only these need to be put in order.
    if worst.len() > most {
        worst.select_nth_unstable_by_key(most, badness);
        worst.truncate(most);
    }
    worst.sort_unstable_by_key(badness);
    let counted = |number: u64| stats.all_seats.map(|_| number);
    worst
        .into_iter()
        .map(|(seat, stats)| SeatReport {
            seat,
            total_attempts: stats.attempts,
            total_bookings: counted(stats.bookings),
            total_double_bookings: counted(stats.double_bookings),
            first_users: stats.first_users.to_vec(),
        })
        .collect()
}
