//! Rows for a machine, none of whose cells a spreadsheet takes for a formula (the only csv).

use std::io::{self, Write};

use crate::escape;

/// Writes rows, the headings first.
pub(super) fn write(records: &[Vec<String>], to: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(to);
    for record in records {
        for cell in record {
            writer.write_field(escape::csv(cell).as_bytes())?;
        }
        writer.write_record(None::<&[u8]>)?;
    }
    writer.flush()
}
