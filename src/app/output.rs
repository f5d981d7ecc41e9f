//! Where results go: stdout, files that were opened before the race, and stderr for the rest.

use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::time::Duration;

use super::output_error::OutputError;
use super::place::{Uses, refuse_shared};
use super::target::Target;
use crate::cli::{ColourChoice, Output, Page};
use crate::escape;
use crate::report::{self, AnyReport, Colour, Format, Look};
use crate::services::lock::redact;

/// How long a pipe may have nobody at its other end, where no `--timeout` says so.
pub(super) const PIPE_LIMIT: Duration = Duration::from_secs(5);

/// The files that a report goes to, and what is printed.
#[derive(Debug)]
pub(super) struct Outputs {
    format: Format,
    look: Look,
    is_quiet: bool,
    exports: Vec<(Format, Target)>,
}

impl Outputs {
    /// Opens every file, before anything runs. None of them may be one that the command uses.
    pub(super) async fn open(
        output: &Output,
        uses: Uses<'_>,
        limit: Duration,
    ) -> Result<Self, OutputError> {
        let results = output.exports.iter().map(|(_, path)| path.as_path());
        refuse_shared(uses, results)?;
        let mut exports = Vec::new();
        for (format, path) in &output.exports {
            exports.push((*format, Target::whole(path, limit).await?));
        }
        Ok(Self {
            format: output.format,
            look: Look {
                colour: colour(output.colour),
                width: report::terminal_width(),
            },
            is_quiet: output.quiet,
            exports,
        })
    }

    /// Writes the report everywhere it is to go; a place that fails does not keep it from the others.
    pub(super) async fn publish(&mut self, report: AnyReport<'_>) -> Result<(), OutputError> {
        let mut published = if self.is_quiet {
            Ok(())
        } else {
            on_stdout(|out| report::write(report, self.format, self.look, out))
        };
        for (format, mut target) in self.exports.drain(..) {
            let mut exported = target
                .append(|mut to| report::write(report, format, Look::PLAIN, &mut to))
                .await;
            if exported.is_ok() {
                exported = target.finish();
            }
            published = published.and(exported);
        }
        published
    }

    /// Says something beside the result, unless only errors are wanted.
    pub(super) fn note(&self, text: &str) {
        if !self.is_quiet {
            print_error(text);
        }
    }

    /// Says on stderr why the status is not 0, where no table on stdout has said it. A stop is a reason of
    /// its own, and the person who stopped it knows that one.
    pub(super) fn warn(&self, is_stopped: bool, reasons: &[String]) {
        let is_told = self.format.tells_reasons();
        if is_stopped || (is_told && !self.is_quiet) {
            return;
        }
        for reason in reasons {
            print_error(reason);
        }
    }

    /// Whether the run may be watched.
    pub(super) const fn is_quiet(&self) -> bool {
        self.is_quiet
    }
}

/// Prints a text on stdout.
pub(super) fn print(text: &str) -> Result<(), OutputError> {
    on_stdout(|out| out.write_all(text.as_bytes()))
}

/// Writes to stdout. A reader that has seen enough (`| head`) is no error.
fn on_stdout(
    write: impl FnOnce(&mut BufWriter<io::StdoutLock<'_>>) -> io::Result<()>,
) -> Result<(), OutputError> {
    let mut out = BufWriter::new(io::stdout().lock());
    let written = write(&mut out).and_then(|()| out.flush());
    match written {
        // What is still buffered can go nowhere: it must not be tried again on drop.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => drop(out.into_parts()),
        Err(source) => {
            drop(out.into_parts());
            return Err(OutputError::Write {
                place: "stdout".to_owned(),
                source,
            });
        }
        Ok(()) => {}
    }
    Ok(())
}

/// One line on stderr about what is wrong. No URL in it shows its password.
pub(super) fn print_error(line: &str) {
    print_notice(&format!("racesim: {}\n", escape::line(&redact(line))));
}

/// A text on stderr. When not even that can be written there is nobody to tell.
pub(super) fn print_notice(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// The form of a page that suits where it goes.
pub(super) fn chosen<'a>(page: &'a Page, to: &impl IsTerminal) -> &'a str {
    if is_coloured(to) {
        &page.styled
    } else {
        &page.plain
    }
}

/// Whether colours are welcome there (<https://no-color.org>).
fn is_coloured(to: &impl IsTerminal) -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    to.is_terminal() && !no_color && !is_dumb
}

fn colour(choice: ColourChoice) -> Colour {
    match choice {
        ColourChoice::Always => Colour::On,
        ColourChoice::Auto if is_coloured(&io::stdout()) => Colour::On,
        ColourChoice::Auto | ColourChoice::Never => Colour::Off,
    }
}
