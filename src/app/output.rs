//! Where results go: stdout, files that were opened before the race, and stderr for the rest.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

use super::Exit;
use crate::cli::{ColourChoice, Output, Page};
use crate::lock::redact;
use crate::report::{self, Colour, Format, Shown};

/// Why a result did not reach its place.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutputError {
    /// A file that cannot be written, known before anything ran.
    #[error("cannot write '{}': {source}", path.display())]
    Open { path: PathBuf, source: io::Error },
    /// A file that two results were to go to.
    #[error("'{}' is named twice: give each result a file of its own", .0.display())]
    Shared(PathBuf),
    /// A place that failed when the result was there.
    #[error("cannot write all of the result to {place}: {source}")]
    Write { place: String, source: io::Error },
}

impl OutputError {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Open { .. } | Self::Shared(_) => Exit::Usage,
            Self::Write { .. } => Exit::Service,
        }
    }
}

/// A file that is opened early and keeps what it held until there is something to replace it.
#[derive(Debug)]
pub(super) struct Target {
    path: PathBuf,
    file: BufWriter<File>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Made by us, empty so far: removed again when nothing comes.
    New,
    /// Somebody's earlier content is still there.
    Kept,
    Written,
}

impl Target {
    pub(super) fn open(path: &Path) -> Result<Self, OutputError> {
        let failed = |source| OutputError::Open {
            path: path.to_owned(),
            source,
        };
        let made = OpenOptions::new().write(true).create_new(true).open(path);
        let (file, state) = match made {
            Ok(file) => (file, State::New),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => (
                OpenOptions::new().write(true).open(path).map_err(failed)?,
                State::Kept,
            ),
            Err(error) => return Err(failed(error)),
        };
        Ok(Self {
            path: path.to_owned(),
            file: BufWriter::new(file),
            state,
        })
    }

    /// Writes after what was written before; the first time, in place of what the file held.
    pub(super) fn append(
        &mut self,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<(), OutputError> {
        let written = self
            .make_room()
            .and_then(|()| write(&mut self.file))
            .and_then(|()| self.file.flush());
        written.map_err(|source| OutputError::Write {
            place: format!("'{}'", self.path.display()),
            source,
        })
    }

    fn make_room(&mut self) -> io::Result<()> {
        let file = self.file.get_ref();
        // A pipe or a device has no length to set.
        if self.state == State::Kept && file.metadata()?.is_file() {
            file.set_len(0)?;
        }
        self.state = State::Written;
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if self.state == State::New {
            // Nothing came of it; if it cannot be removed, an empty file does no harm.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The files that a report goes to, and what is printed.
#[derive(Debug)]
pub(super) struct Outlets {
    format: Format,
    colour: Colour,
    is_quiet: bool,
    exports: Vec<(Format, Target)>,
}

impl Outlets {
    /// Opens every file, before anything runs. None of them may be one of `taken`.
    pub(super) fn open(output: &Output, taken: &[&Path]) -> Result<Self, OutputError> {
        let exported = output.exports.iter().map(|(_, path)| path.as_path());
        let mut seen = HashSet::new();
        let mut paths = taken.iter().copied().chain(exported);
        if let Some(twice) = paths.find(|path| !is_device(path) && !seen.insert(*path)) {
            return Err(OutputError::Shared(twice.to_owned()));
        }
        let exports = output
            .exports
            .iter()
            .map(|(format, path)| Ok((*format, Target::open(path)?)));
        Ok(Self {
            format: output.format,
            colour: colour(output.colour),
            is_quiet: output.quiet,
            exports: exports.collect::<Result<_, OutputError>>()?,
        })
    }

    /// Writes the report everywhere it is to go; a place that fails does not keep it from the others.
    pub(super) fn publish(&mut self, report: Shown<'_>) -> Result<(), OutputError> {
        let printed = if self.is_quiet {
            Ok(())
        } else {
            on_stdout(|out| report::write(report, self.format, self.colour, out))
        };
        let exported: Vec<_> = self
            .exports
            .iter_mut()
            .map(|(format, target)| {
                target.append(|file| report::write(report, *format, Colour::Off, file))
            })
            .collect();
        exported.into_iter().fold(printed, Result::and)
    }

    /// Says something beside the result, unless only errors are wanted.
    pub(super) fn note(&self, text: &str) {
        if !self.is_quiet {
            advise(&format!("racesim: {text}\n"));
        }
    }

    /// Whether the run may be watched.
    pub(super) const fn is_quiet(&self) -> bool {
        self.is_quiet
    }
}

/// Whether it is something like `/dev/stdout`, which takes any number of results.
fn is_device(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|place| !place.is_file() && !place.is_dir())
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
pub(super) fn complain(line: &str) {
    advise(&format!("racesim: {}\n", redact(line)));
}

/// A text on stderr. When not even that can be written there is nobody to tell.
pub(super) fn advise(text: &str) {
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
