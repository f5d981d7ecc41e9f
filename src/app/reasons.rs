//! Reasons for a status other than 0, a line each, for those who see only stderr.

use super::Exit;
use crate::checker::{Property, VerdictKind};
use crate::cli::Expectation;
use crate::report::{ExploreReport, MatrixReport, RaceReport, ReplayReport};

/// What went wrong with the services and what is not known of a race; of a violated property, and of an
/// unknown one, what shows it, where that is what the status comes from.
pub(super) fn of_race(race: &RaceReport, promises_one_booking: bool, exit: Exit) -> Vec<String> {
    let strategy = &race.header.strategy;
    let troubles = race.troubles.iter();
    let mut reasons: Vec<String> = troubles
        .map(|trouble| format!("{strategy}: a service failed during the race: {trouble}"))
        .collect();
    let damage = race.damage.iter();
    reasons.extend(damage.map(|damage| format!("{strategy}: {damage}")));
    match exit {
        Exit::Violated => {
            let violated = race.violated(promises_one_booking);
            reasons.extend(violated.map(|report| {
                format!(
                    "{strategy}: {} is violated: {}",
                    report.property, report.detail
                )
            }));
        }
        Exit::Unknown => reasons.extend(unknown(race)),
        Exit::Holds | Exit::Usage | Exit::Service | Exit::Signal(_) => {}
    }
    reasons
}

/// The properties that are unknown, but for those of which the damage says it; those with the same reason
/// in one line.
fn unknown(race: &RaceReport) -> Vec<String> {
    let mut by_reason: Vec<(&str, Vec<Property>)> = Vec::new();
    let is_said = |why: &str| {
        let damage = race.damage.as_deref();
        damage.is_some_and(|damage| why.contains(damage))
    };
    let unknown = race
        .verdicts
        .iter()
        .filter(|one| one.verdict == VerdictKind::Unknown);
    let unknown = unknown.filter(|one| !is_said(&one.detail));
    for report in unknown {
        match by_reason.iter_mut().find(|(why, _)| *why == report.detail) {
            Some((_, properties)) => properties.push(report.property),
            None => by_reason.push((&report.detail, vec![report.property])),
        }
    }
    let told = by_reason.into_iter().map(|(why, properties)| {
        let are = if properties.len() == 1 { "is" } else { "are" };
        let names: Vec<String> = properties.iter().map(ToString::to_string).collect();
        let strategy = &race.header.strategy;
        format!("{strategy}: {} {are} unknown: {why}", names.join(", "))
    });
    told.collect()
}

/// The properties whose answers a search was not expected to give.
pub(super) fn of_search(report: &ExploreReport, expected: Expectation, exit: Exit) -> Vec<String> {
    let strategy = report.in_full();
    let with = |verdict: VerdictKind| {
        let properties = report.properties.iter();
        properties.filter(move |property| property.verdict == verdict)
    };
    match (exit, expected) {
        (Exit::Violated, Expectation::Violated) => vec![format!(
            "{strategy}: no property is violated, and --expect violated asks for one"
        )],
        (Exit::Violated, Expectation::Holds) => with(VerdictKind::Violated)
            .map(|property| {
                let schedule = property.schedule.iter().map(ToString::to_string);
                let schedule: String = schedule.collect();
                format!("{strategy}: {} is violated: {schedule}", property.property)
            })
            .collect(),
        (Exit::Unknown, _) => with(VerdictKind::Unknown)
            .map(|property| {
                let (name, verdict) = (property.property, property.verdict_in_full());
                format!("{strategy}: {name} is {verdict}")
            })
            .collect(),
        (Exit::Holds | Exit::Usage | Exit::Service | Exit::Signal(_), _) => Vec::new(),
    }
}

/// Where the real stores do something else than the model.
pub(super) fn of_replay(report: &ReplayReport) -> Vec<String> {
    let strategy = &report.strategy;
    let stores = report.stores();
    let differences = report.differences.iter();
    let lines = differences
        .map(|difference| format!("{strategy}: the model and {stores} differ: {difference}"));
    lines.collect()
}

/// The cells that are not as they are to be; where all are, those that are unknown.
pub(super) fn of_matrix(report: &MatrixReport, exit: Exit) -> Vec<String> {
    let named = report.rows.iter().flat_map(|row| {
        let cells = row.cells.iter().zip(&report.columns);
        cells.map(|(cell, column)| (format!("{} under {}", row.strategy, column.name), cell))
    });
    let lines = named.filter_map(|(name, cell)| match exit {
        Exit::Violated => {
            let objection = cell.objection.as_ref()?;
            Some(format!("{name}: {objection}"))
        }
        Exit::Unknown => {
            let limit = cell.limit?;
            Some(format!("{name} is unknown: {limit}"))
        }
        Exit::Holds | Exit::Usage | Exit::Service | Exit::Signal(_) => None,
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::Limit;
    use crate::explore::matrix::Expectations;
    use crate::report::{MatrixCell, MatrixRow, Report, ReportKind};

    #[test]
    fn a_replay_that_differs_names_the_strategy_and_what_differs() {
        let report = ReplayReport {
            version: 2,
            kind: ReportKind::Replay,
            racesim: Report::RACESIM.to_owned(),
            strategy: "locked".to_owned(),
            settings: String::new(),
            users: 2,
            database: String::new(),
            lock: None,
            interleavings: 1,
            by_bookings: std::collections::BTreeMap::new(),
            differences: vec!["move 1, A.check".to_owned()],
            stopped: false,
            single: None,
        };
        let line = "locked: the model and the real stores differ: move 1, A.check";
        assert_eq!(of_replay(&report), [line]);
    }

    // Whatever had ended a search, its limit was said to be reached.
    #[test]
    fn a_matrix_names_the_cells_that_are_not_as_they_are_to_be() {
        let cell = |verdict, limit, objection: Option<&str>| MatrixCell {
            verdict,
            limit,
            moves: None,
            schedule: None,
            states: 1,
            forced: 1,
            fewest_bookings: 1,
            most_bookings: 1,
            expected: None,
            source: None,
            objection: objection.map(str::to_owned),
        };
        let columns = Expectations::built_in().columns;
        let (first, second) = (columns[0].name.clone(), columns[1].name.clone());
        let report = MatrixReport {
            version: 2,
            kind: ReportKind::Matrix,
            racesim: Report::RACESIM.to_owned(),
            database: String::new(),
            lock: None,
            columns,
            rows: vec![MatrixRow {
                strategy: "unique".to_owned(),
                cells: vec![
                    cell(VerdictKind::Unknown, Some(Limit::Memory), None),
                    cell(VerdictKind::Holds, None, Some("it was to hold")),
                ],
            }],
            judged: 0,
            disagreeing: 1,
            stopped: false,
            took_ms: 0.0,
        };
        let wrong = format!("unique under {second}: it was to hold");
        assert_eq!(of_matrix(&report, Exit::Violated), [wrong]);
        let unknown = format!("unique under {first} is unknown: no memory is left for more states");
        assert_eq!(of_matrix(&report, Exit::Unknown), [unknown]);
    }
}
