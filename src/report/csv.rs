//! A row of metrics for each strategy.

use std::io::{self, Write};

use super::{METRICS, Report};

pub(super) fn write(report: &Report, to: &mut impl Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(to);
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
    writer.flush()
}
