//! The four rows of a comparison, measured: consistency, performance, user experience, scaling.

use super::data::{ComparedValue, Comparison, ComparisonRow, Measure, Probes};
use crate::history::LockRecord;
use crate::report::figures::Figures;
use crate::report::metrics::{Metric, Metrics, Unit};
use crate::report::race::RaceReport;
use crate::stats::{Better, Estimate, best};

/// A value for a person and for a machine, and how sure it is.
struct Figure {
    text: String,
    value: Option<f64>,
    estimate: Option<Estimate>,
}

/// A column of the comparison while it is made.
struct ComparisonColumn<'a> {
    race: &'a RaceReport,
    probes: &'a Probes,
    /// Whether it takes the steps that a lock is put around, and nothing else.
    is_bare: bool,
}

impl ComparisonColumn<'_> {
    /// Whether its locks are those of racesim's own lock server, which is not as fast as a Redis is.
    fn is_embedded(&self) -> bool {
        let lock = self.race.header.lock.as_ref();
        lock.is_some_and(LockRecord::is_embedded)
    }
}

impl Comparison {
    /// Compares races, each with its probes; `bare` is the place of the one that takes the steps that a
    /// lock is put around, and nothing else.
    #[must_use]
    pub fn of(races: &[RaceReport], probes: Vec<Probes>, bare: Option<usize>) -> Self {
        let columns = races.iter().zip(&probes).enumerate();
        let columns: Vec<ComparisonColumn<'_>> = columns
            .map(|(place, (race, probes))| ComparisonColumn {
                race,
                probes,
                is_bare: bare == Some(place),
            })
            .collect();
        let row = |name: &str, measures| ComparisonRow {
            name: name.to_owned(),
            measures,
        };
        let rows = vec![
            row("Consistency", consistency(&columns)),
            row("Performance", performance(&columns)),
            row("User experience", experience(&columns)),
            row("Scaling", scaling(&columns)),
        ];
        let strategies = races.iter().map(|race| race.header.strategy.clone());
        Self {
            strategies: strategies.collect(),
            rows,
            repeated: probes.first().map_or(0, |one| one.each.rounds().len()),
            probes,
        }
    }
}

/// What was measured, race by race; `None` when a race has no such figure.
type Samples = Option<Vec<f64>>;

/// A speed, and which of two is the better one.
type Speed = (fn(&Probes) -> Samples, Better);

/// Whether every speed that is compared has its best by now, so that no more races are needed.
#[must_use]
pub fn are_clear(probes: &[Probes]) -> bool {
    let speeds: [Speed; 3] = [
        (booked_per_second, Better::Higher),
        (
            |probes| probes.each.samples(|it| it.value("latency_p99")),
            Better::Lower,
        ),
        (
            |probes| probes.alone.samples(|it| it.value("confirmed_p50")),
            Better::Lower,
        ),
    ];
    speeds.into_iter().all(|(speed, better)| {
        let estimates: Vec<Option<Estimate>> = probes
            .iter()
            .map(|one| speed(one).and_then(|samples| Estimate::of_median(&samples)))
            .collect();
        best(&estimates, better).contains(&true)
    })
}

/// Bookings a second of one race; whoever was refused or failed counts for nothing.
fn bookings_per_second(metrics: &Metrics) -> Option<f64> {
    let (bookings, ms) = metrics.value("bookings").zip(metrics.value("duration"))?;
    (ms > 0.0).then(|| bookings * 1e3 / ms)
}

fn booked_per_second(probes: &Probes) -> Samples {
    probes.each.samples(bookings_per_second)
}

fn consistency(columns: &[ComparisonColumn<'_>]) -> Vec<Measure> {
    let mut measures = vec![raced(
        columns,
        "double-bookings",
        "double_bookings",
        Better::Lower,
    )];
    if columns.iter().any(|column| column.race.rounds > 1) {
        let values = columns.iter().map(|column| {
            let rate = column.race.rounds_double_booked;
            Figure {
                text: format!("{} of {}", rate.hits, rate.of),
                value: Some(rate.share()),
                estimate: Some(rate.estimate()),
            }
        });
        measures.push(measure("rounds that oversold", Some(Better::Lower), values));
    }
    measures
}

fn performance(columns: &[ComparisonColumn<'_>]) -> Vec<Measure> {
    let p99 =
        |column: &ComparisonColumn<'_>| column.probes.each.samples(|it| it.value("latency_p99"));
    vec![
        speed(
            columns,
            ("bookings, one seat per user", Unit::PerSecond),
            Better::Higher,
            |column| booked_per_second(column.probes),
        ),
        speed(
            columns,
            ("latency p99, one seat per user", Unit::Millis),
            Better::Lower,
            p99,
        ),
        speed(
            columns,
            ("one booking, no contention", Unit::Millis),
            Better::Lower,
            alone,
        ),
        price(columns),
    ]
}

fn alone(column: &ComparisonColumn<'_>) -> Samples {
    let alone = &column.probes.alone;
    alone.samples(|metrics| metrics.value("confirmed_p50"))
}

/// What the lock costs an attempt that nobody hinders: a ratio of two medians, which is told and never
/// marked.
fn price(columns: &[ComparisonColumn<'_>]) -> Measure {
    let alone = |column: &ComparisonColumn<'_>| value(alone(column), Unit::Millis).value;
    // Without a strategy that takes no lock there is nothing that a lock could be compared with.
    let unlocked = columns
        .iter()
        .filter(|column| column.race.header.lock.is_none());
    // The same steps without the lock, if they were raced too.
    let bare = columns.iter().find(|column| column.is_bare);
    let baseline = bare
        .and_then(alone)
        .or_else(|| unlocked.filter_map(alone).min_by(f64::total_cmp));
    let values = columns.iter().map(|column| {
        let ratio = alone(column)
            .zip(baseline)
            .map(|(alone, baseline)| alone / baseline);
        let text = match (&column.race.header.lock, ratio) {
            (Some(_), Some(ratio)) => format!("×{ratio:.2}"),
            (None, _) => "no lock".to_owned(),
            (Some(_), None) => "n/a".to_owned(),
        };
        Figure {
            text,
            value: ratio,
            estimate: None,
        }
    });
    measure(&spoken(columns, "cost of the lock"), None, values)
}

fn experience(columns: &[ComparisonColumn<'_>]) -> Vec<Measure> {
    let refusal = |column: &ComparisonColumn<'_>| {
        let refusal = |metrics: &Metrics| metrics.value("refusal_p50");
        column.race.figures.samples(refusal)
    };
    vec![
        raced(
            columns,
            "refused before payment",
            "refused_before_payment",
            Better::Higher,
        ),
        raced(columns, "paid in vain", "paid_in_vain", Better::Lower),
        speed(
            columns,
            ("time to a refusal, p50", Unit::Millis),
            Better::Lower,
            refusal,
        ),
    ]
}

fn scaling(columns: &[ComparisonColumn<'_>]) -> Vec<Measure> {
    let Some(first) = columns.first() else {
        return Vec::new();
    };
    let users = |figures: &Figures| {
        let users = figures.median("attempts").unwrap_or(0.0);
        Unit::Count.shown(users)
    };
    if first.probes.tenth.rounds().is_empty() {
        // Stopped before it was measured how they scale.
        return Vec::new();
    }
    let (few, many) = (users(&first.probes.tenth), users(&first.race.figures));
    let doubles = columns.iter().map(|column| {
        let large = raced_value(column, "double_bookings", Unit::Count);
        let small = value(
            counted(&column.probes.tenth, "double_bookings"),
            Unit::Count,
        );
        Figure {
            text: format!("{} → {}", small.text, large.text),
            ..large
        }
    });
    let bookings = columns.iter().map(|column| {
        let rate = |figures: &Figures| value(figures.samples(bookings_per_second), Unit::PerSecond);
        let (small, large) = (rate(&column.probes.each_tenth), rate(&column.probes.each));
        Figure {
            text: format!("{} → {}", small.text, large.text),
            ..large
        }
    });
    vec![
        measure(
            &format!("double-bookings, {few} → {many} users"),
            Some(Better::Lower),
            doubles,
        ),
        measure(
            &spoken(
                columns,
                &format!("bookings, one seat per user, {few} → {many} users"),
            ),
            None,
            bookings,
        ),
    ]
}

fn counted(figures: &Figures, metric: &str) -> Samples {
    figures.samples(|metrics| metrics.value(metric))
}

/// The figures of the races themselves.
fn raced(columns: &[ComparisonColumn<'_>], name: &str, metric: &str, better: Better) -> Measure {
    let unit = Metric::named(metric).map_or(Unit::Count, |metric| metric.unit);
    let values = columns
        .iter()
        .map(|column| raced_value(column, metric, unit));
    measure(name, Some(better), values)
}

fn raced_value(column: &ComparisonColumn<'_>, metric: &str, unit: Unit) -> Figure {
    Figure {
        text: column.race.figures.shown(metric),
        ..value(counted(&column.race.figures, metric), unit)
    }
}

/// How fast something was. On racesim's own lock server nothing is marked: who is faster there may be
/// slower on a Redis.
fn speed(
    columns: &[ComparisonColumn<'_>],
    (name, unit): (&str, Unit),
    better: Better,
    of: impl Fn(&ComparisonColumn<'_>) -> Samples,
) -> Measure {
    let values = columns.iter().map(|column| value(of(column), unit));
    let better = (!columns.iter().any(ComparisonColumn::is_embedded)).then_some(better);
    measure(&spoken(columns, name), better, values)
}

/// The name of a speed, with the lock server on which it was measured if that is no Redis.
fn spoken(columns: &[ComparisonColumn<'_>], name: &str) -> String {
    if columns.iter().any(ComparisonColumn::is_embedded) {
        format!("{name} (racesim's own lock server)")
    } else {
        name.to_owned()
    }
}

/// The median of what was measured.
fn value(samples: Samples, unit: Unit) -> Figure {
    let mut samples = samples.unwrap_or_default();
    samples.sort_unstable_by(f64::total_cmp);
    let median = samples.get(samples.len().saturating_sub(1) / 2).copied();
    Figure {
        text: median.map_or_else(|| "n/a".to_owned(), |median| unit.shown(median)),
        value: median,
        estimate: Estimate::of_median(&samples),
    }
}

/// A line of the comparison; without a better side nothing in it is marked.
fn measure(name: &str, better: Option<Better>, values: impl Iterator<Item = Figure>) -> Measure {
    let values: Vec<Figure> = values.collect();
    let estimates: Vec<Option<Estimate>> = values.iter().map(|value| value.estimate).collect();
    // A value without an interval may be better than all others.
    let are_all_sure = values
        .iter()
        .all(|it| it.value.is_none() || it.estimate.is_some());
    let marks = better.filter(|_| are_all_sure).map_or_else(
        || vec![false; values.len()],
        |better| best(&estimates, better),
    );
    let cells = values
        .into_iter()
        .zip(marks)
        .map(|(value, best)| ComparedValue {
            text: value.text,
            value: value.value,
            interval: value.estimate.map(|estimate| (estimate.low, estimate.high)),
            best,
        });
    Measure {
        name: name.to_owned(),
        cells: cells.collect(),
    }
}
