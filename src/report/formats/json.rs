//! The whole report for a machine.

use std::io::{self, Write};

use crate::escape;

/// Writes a report that is JSON already.
pub(super) fn write(json: &str, to: &mut dyn Write) -> io::Result<()> {
    writeln!(to, "{}", escape::json(json))
}
