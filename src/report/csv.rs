//! Rows for a machine: a strategy, a property or a move each.

use std::io::{self, Write};

use super::{AnyReport, ExploreReport, MatrixReport, ReplayReport, Report};
use crate::escape;

/// Rows of cells, none of which a spreadsheet takes for a formula.
struct CsvRows<W: Write>(csv::Writer<W>);

impl<W: Write> CsvRows<W> {
    fn write_record<T: AsRef<str>>(
        &mut self,
        cells: impl IntoIterator<Item = T>,
    ) -> csv::Result<()> {
        for cell in cells {
            self.0.write_field(escape::csv(cell.as_ref()).as_bytes())?;
        }
        self.0.write_record(None::<&[u8]>)
    }
}

pub(super) fn write(report: AnyReport<'_>, to: &mut impl Write) -> io::Result<()> {
    let mut writer = CsvRows(csv::Writer::from_writer(to));
    match report {
        AnyReport::Races(report) => races(report, &mut writer)?,
        AnyReport::Exploration(report) => exploration(report, &mut writer)?,
        AnyReport::Replay(report) => replay(report, &mut writer)?,
        AnyReport::Matrix(report) => matrix(report, &mut writer)?,
    }
    writer.0.flush()
}

fn exploration(report: &ExploreReport, writer: &mut CsvRows<impl Write>) -> csv::Result<()> {
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

fn replay(report: &ReplayReport, writer: &mut CsvRows<impl Write>) -> csv::Result<()> {
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

fn races(report: &Report, writer: &mut CsvRows<impl Write>) -> csv::Result<()> {
    let fixed = ["strategy", "users", "rounds", "seed", "verdict"].map(str::to_owned);
    let headings = super::Figures::default().row().into_iter().map(|it| it.0);
    writer.write_record(fixed.into_iter().chain(headings))?;
    for race in &report.races {
        let header = &race.header;
        let fixed = [
            header.strategy.clone(),
            header.users.to_string(),
            race.rounds.to_string(),
            header.seed.to_string(),
            race.verdict.to_owned(),
        ];
        let values = race.figures.row().into_iter().map(|it| it.1);
        writer.write_record(fixed.into_iter().chain(values))?;
    }
    Ok(())
}

fn matrix(report: &MatrixReport, writer: &mut CsvRows<impl Write>) -> csv::Result<()> {
    writer.write_record([
        "strategy",
        "fault",
        "property",
        "verdict",
        "moves",
        "forced",
        "fewest_bookings",
        "most_bookings",
        "expected",
        "objection",
        "schedule",
    ])?;
    for row in &report.rows {
        for (cell, column) in row.cells.iter().zip(&report.columns) {
            let moves = cell.moves.map(|moves| moves.to_string());
            let schedule = cell.schedule.as_ref().map(ToString::to_string);
            writer.write_record([
                row.strategy.clone(),
                column.name.clone(),
                column.property.to_string(),
                cell.verdict.to_owned(),
                moves.unwrap_or_default(),
                cell.forced.to_string(),
                cell.fewest_bookings.to_string(),
                cell.most_bookings.to_string(),
                cell.expected.clone().unwrap_or_default(),
                cell.objection.clone().unwrap_or_default(),
                schedule.unwrap_or_default(),
            ])?;
        }
    }
    Ok(())
}
