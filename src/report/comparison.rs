//! The four rows of a comparison, measured: consistency, performance, user experience, scaling.

use serde::Serialize;

use super::metrics::{Metrics, Unit};
use super::race::RaceReport;

/// What is measured beside the races themselves.
#[derive(Debug, Clone, Serialize)]
pub struct Probes {
    /// The same race with a tenth of the users.
    pub tenth: Metrics,
    /// Users one at a time, each after a seat of its own: what an attempt costs when nobody waits.
    pub alone: Metrics,
}

/// Strategies side by side.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// The strategies, in the order of the columns.
    pub strategies: Vec<String>,
    /// The rows.
    pub rows: Vec<Row>,
    /// What was measured beside the races, per strategy.
    pub probes: Vec<Probes>,
}

/// One question that people ask of a strategy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The question.
    pub name: &'static str,
    /// What was measured to answer it.
    pub measures: Vec<Measure>,
}

/// One number of every strategy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measure {
    /// What it is.
    pub name: String,
    /// The values, in the order of the columns.
    pub cells: Vec<Cell>,
}

/// One strategy's value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cell {
    /// The value for a person.
    pub text: String,
    /// The value; `None` when the strategy has none.
    pub value: Option<f64>,
    /// Whether no other strategy has a better one, and some have a worse one.
    pub best: bool,
}

#[derive(Clone, Copy)]
enum Better {
    Lower,
    Higher,
}

/// A column of the comparison while it is made.
struct Column<'a> {
    race: &'a RaceReport,
    probes: &'a Probes,
}

impl Comparison {
    /// Compares races, each with its probes.
    #[must_use]
    pub fn of(races: &[RaceReport], probes: Vec<Probes>) -> Self {
        let columns: Vec<Column<'_>> = races
            .iter()
            .zip(&probes)
            .map(|(race, probes)| Column { race, probes })
            .collect();
        let rows = vec![
            Row {
                name: "Consistency",
                measures: consistency(&columns),
            },
            Row {
                name: "Performance",
                measures: performance(&columns),
            },
            Row {
                name: "User experience",
                measures: experience(&columns),
            },
            Row {
                name: "Scaling",
                measures: scaling(&columns),
            },
        ];
        let strategies = races
            .iter()
            .map(|race| race.header.strategy.clone())
            .collect();
        Self {
            strategies,
            rows,
            probes,
        }
    }
}

fn consistency(columns: &[Column<'_>]) -> Vec<Measure> {
    let mut measures = vec![plain(
        "double-bookings",
        "double_bookings",
        Better::Lower,
        columns,
    )];
    if columns.iter().any(|column| column.race.rounds > 1) {
        let cells = columns.iter().map(|column| {
            let rate = column.race.rounds_double_booked;
            (Some(rate.share()), format!("{} of {}", rate.hits, rate.of))
        });
        measures.push(measure("rounds with one", Better::Lower, cells));
    }
    measures
}

fn performance(columns: &[Column<'_>]) -> Vec<Measure> {
    let alone = |column: &Column<'_>| column.probes.alone.value("confirmed_p50");
    // Without a strategy that takes no lock there is nothing that a lock could be compared with.
    let unlocked = columns
        .iter()
        .filter(|column| column.race.header.lock.is_none());
    // The same steps without the lock, if they were raced too.
    let naive = columns
        .iter()
        .find(|column| column.race.header.strategy == "naive");
    let baseline = naive
        .and_then(alone)
        .or_else(|| unlocked.filter_map(alone).min_by(f64::total_cmp));
    let overhead = columns.iter().map(|column| {
        let ratio = alone(column)
            .zip(baseline)
            .map(|(alone, baseline)| alone / baseline);
        match (&column.race.header.lock, ratio) {
            (Some(_), Some(ratio)) => (Some(ratio), format!("×{ratio:.2}")),
            (None, _) => (Some(1.0), "no lock".to_owned()),
            (Some(_), None) => (None, "n/a".to_owned()),
        }
    });
    let alone_cells = columns
        .iter()
        .map(|column| shown(alone(column), Unit::Millis));
    vec![
        plain("throughput", "throughput", Better::Higher, columns),
        plain("latency p99", "latency_p99", Better::Lower, columns),
        measure("one attempt, nobody else there", Better::Lower, alone_cells),
        measure("what the lock costs it", Better::Lower, overhead),
    ]
}

fn experience(columns: &[Column<'_>]) -> Vec<Measure> {
    vec![
        plain(
            "refused before payment",
            "refused_before_payment",
            Better::Higher,
            columns,
        ),
        plain("paid in vain", "paid_in_vain", Better::Lower, columns),
        plain(
            "time to a refusal, p50",
            "refusal_p50",
            Better::Lower,
            columns,
        ),
    ]
}

fn scaling(columns: &[Column<'_>]) -> Vec<Measure> {
    let users = |metrics: &Metrics| Unit::Count.shown(metrics.value("attempts").unwrap_or(0.0));
    let Some(first) = columns.first() else {
        return Vec::new();
    };
    let whole = &first.race.figures;
    let grows = format!(
        "{} → {} users",
        users(&first.probes.tenth),
        Unit::Count.shown(whole.median("attempts").unwrap_or(0.0))
    );
    let growth = |name: &str, unit: Unit, better| {
        let cells = columns.iter().map(|column| {
            let (small, large) = (
                column.probes.tenth.value(name),
                column.race.figures.median(name),
            );
            (
                large,
                format!("{} → {}", shown(small, unit).1, shown(large, unit).1),
            )
        });
        measure(
            &format!("{}, {grows}", name.replace('_', "-")),
            better,
            cells,
        )
    };
    vec![
        growth("double_bookings", Unit::Count, Better::Lower),
        growth("throughput", Unit::PerSecond, Better::Higher),
    ]
}

fn plain(name: &str, metric: &str, better: Better, columns: &[Column<'_>]) -> Measure {
    let unit = super::metrics::Metric::named(metric).map_or(Unit::Count, |metric| metric.unit);
    measure(
        name,
        better,
        columns
            .iter()
            .map(|column| shown(column.race.figures.median(metric), unit)),
    )
}

fn shown(value: Option<f64>, unit: Unit) -> (Option<f64>, String) {
    (
        value,
        value.map_or_else(|| "n/a".to_owned(), |value| unit.shown(value)),
    )
}

fn measure(
    name: &str,
    better: Better,
    cells: impl Iterator<Item = (Option<f64>, String)>,
) -> Measure {
    let cells: Vec<_> = cells.collect();
    let rank = |value: f64| {
        if matches!(better, Better::Lower) {
            value
        } else {
            -value
        }
    };
    let ranks = || cells.iter().filter_map(|(value, _)| value.map(rank));
    let best = ranks().min_by(f64::total_cmp);
    let worst = ranks().max_by(f64::total_cmp);
    let is_best = |value: Option<f64>| best < worst && value.map(rank) == best;
    let cells = cells
        .iter()
        .map(|(value, text)| Cell {
            text: text.clone(),
            value: *value,
            best: is_best(*value),
        })
        .collect();
    Measure {
        name: name.to_owned(),
        cells,
    }
}
