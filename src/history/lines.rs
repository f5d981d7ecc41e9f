//! How a history is kept in a file: JSON lines, counted at the end so that a lost one is noticed.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use super::{Attempt, Event, Footer, Header, History, INSTANT_MAX_NS, Rows};
use crate::seat::Booking;

/// One line of the file.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line {
    Header(Header),
    Step(Event),
    Attempt(Attempt),
    Booking(Booking),
    Footer(Footer),
}

impl Line {
    /// The latest instant it names.
    fn ends_ns(&self) -> u64 {
        match self {
            Self::Step(event) => event.invoked_ns.max(event.completed_ns),
            Self::Attempt(attempt) => attempt.started_ns.max(attempt.ended_ns),
            Self::Header(_) | Self::Booking(_) | Self::Footer(_) => 0,
        }
    }
}

/// Why a file cannot be judged at all.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file could not be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Not one line of it belongs to a history.
    #[error("not a racesim history: record one with --history FILE")]
    NotAHistory,
}

/// Writes one race, ready to be followed by another.
///
/// # Errors
/// When the writer fails.
pub fn write(history: &History, to: &mut impl Write) -> io::Result<()> {
    let mut line = |line: Line| -> io::Result<()> {
        serde_json::to_writer(&mut *to, &line)?;
        to.write_all(b"\n")
    };
    line(Line::Header(history.header.clone()))?;
    history
        .events
        .iter()
        .try_for_each(|event| line(Line::Step(event)))?;
    history
        .attempts
        .iter()
        .try_for_each(|attempt| line(Line::Attempt(attempt)))?;
    history
        .bookings
        .iter()
        .try_for_each(|booking| line(Line::Booking(*booking)))?;
    line(Line::Footer(history.footer.clone()))
}

/// Reads every race of a file. A race with lines missing is given too, with its damage named.
///
/// # Errors
/// When the reader fails, or nothing in it is a history.
pub fn read(from: impl BufRead) -> Result<Vec<History>, ReadError> {
    let mut reader = Reader::default();
    for (index, bytes) in from.split(b'\n').enumerate() {
        let bytes = bytes?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match serde_json::from_slice::<Line>(&bytes) {
            Ok(line) if line.ends_ns() > INSTANT_MAX_NS => {
                reader.spoil(format!("line {} is later than 78 hours", index + 1));
            }
            Ok(line) => reader.take(line),
            Err(_) => reader.spoil(format!("line {} is not a line of a history", index + 1)),
        }
    }
    reader.finish()
}

/// The races read so far, and the one being read.
#[derive(Default)]
struct Reader {
    whole: Vec<History>,
    open: Option<History>,
    understood: bool,
}

impl Reader {
    fn take(&mut self, line: Line) {
        self.understood = true;
        match line {
            Line::Header(header) => {
                self.close(Some("its last line is missing"));
                self.open = Some(History::begun(header));
            }
            Line::Step(event) => self.current().events.push(event),
            Line::Attempt(attempt) => self.current().attempts.push(attempt),
            Line::Booking(booking) => self.current().bookings.push(booking),
            Line::Footer(footer) => {
                if let Some(why) = footer.unread.clone() {
                    self.current().damage.get_or_insert(why);
                }
                self.current().footer = footer;
                self.close(None);
            }
        }
    }

    /// The race being read; one whose header is missing when there is none.
    fn current(&mut self) -> &mut History {
        self.open.get_or_insert_with(|| {
            let mut history = History::begun(Header::default());
            history.damage = Some("its first line is missing".to_owned());
            history
        })
    }

    fn spoil(&mut self, damage: String) {
        self.current().damage.get_or_insert(damage);
    }

    fn close(&mut self, damage: Option<&str>) {
        if let Some(mut history) = self.open.take() {
            let found = damage.map(str::to_owned).or_else(|| history.miscount());
            history.damage = history.damage.or(found);
            self.whole.push(history);
        }
    }

    fn finish(mut self) -> Result<Vec<History>, ReadError> {
        self.close(Some("its last line is missing"));
        if !self.understood {
            return Err(ReadError::NotAHistory);
        }
        Ok(self.whole)
    }
}

impl History {
    fn begun(header: Header) -> Self {
        let version = header.version;
        let known = version == Header::VERSION;
        Self {
            header,
            events: Rows::default(),
            attempts: Rows::default(),
            bookings: Vec::new(),
            footer: Footer::default(),
            damage: (!known)
                .then(|| format!("its format is version {version}, not {}", Header::VERSION)),
        }
    }

    /// The first kind of line of which there are not as many as the footer says.
    fn miscount(&self) -> Option<String> {
        let Footer {
            steps,
            attempts,
            bookings,
            ..
        } = self.footer;
        [
            ("steps", steps, self.events.len()),
            ("attempts", attempts, self.attempts.len()),
            ("bookings", bookings, self.bookings.len()),
        ]
        .into_iter()
        .find(|(_, said, found)| said != found)
        .map(|(kind, said, found)| format!("it has {found} of its {said} {kind}"))
    }
}
