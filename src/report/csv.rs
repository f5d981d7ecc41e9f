//! Rows for a machine: a strategy, a property or a move each.

use std::io::{self, Write};

use super::{ExploreReport, METRICS, ReplayReport, Report, Shown};

pub(super) fn write(report: Shown<'_>, to: &mut impl Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(to);
    match report {
        Shown::Races(report) => races(report, &mut writer)?,
        Shown::Exploration(report) => exploration(report, &mut writer)?,
        Shown::Replay(report) => replay(report, &mut writer)?,
    }
    writer.flush()
}

fn exploration(report: &ExploreReport, writer: &mut csv::Writer<impl Write>) -> csv::Result<()> {
    writer.write_record([
        "strategy", "users", "faults", "property", "verdict", "moves", "states", "depth",
        "schedule",
    ])?;
    report.properties.iter().try_for_each(|property| {
        writer.write_record([
            report.strategy.clone(),
            report.users.to_string(),
            report.faults.join(" "),
            property.property.to_string(),
            property.verdict.clone(),
            property
                .steps()
                .map_or_else(String::new, |steps| steps.to_string()),
            property.states.to_string(),
            property.depth.to_string(),
            property
                .schedule
                .as_ref()
                .map_or_else(String::new, ToString::to_string),
        ])
    })
}

fn replay(report: &ReplayReport, writer: &mut csv::Writer<impl Write>) -> csv::Result<()> {
    writer.write_record([
        "strategy",
        "users",
        "bookings",
        "interleavings",
        "differences",
    ])?;
    report
        .by_bookings
        .iter()
        .try_for_each(|(bookings, interleavings)| {
            writer.write_record([
                report.strategy.clone(),
                report.users.to_string(),
                bookings.to_string(),
                interleavings.to_string(),
                report.differences.len().to_string(),
            ])
        })
}

fn races(report: &Report, writer: &mut csv::Writer<impl Write>) -> csv::Result<()> {
    let fixed = ["strategy", "users", "rounds", "seed", "verdict"].map(str::to_owned);
    writer.write_record(
        fixed
            .into_iter()
            .chain(METRICS.iter().map(super::Metric::heading)),
    )?;
    for race in &report.races {
        let header = &race.header;
        let fixed = [
            header.strategy.clone(),
            header.users.to_string(),
            race.rounds.to_string(),
            header.seed.to_string(),
            race.verdict.to_owned(),
        ];
        let values = race.total.iter().map(|(metric, value)| {
            value.map_or_else(String::new, |value| metric.unit.plain(value))
        });
        writer.write_record(fixed.into_iter().chain(values))?;
    }
    Ok(())
}
