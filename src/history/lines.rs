//! How a history is kept in a file: JSON lines, counted at the end so that a lost one is noticed.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write};

use serde::{Deserialize, Serialize};

use super::earlier;
use super::{
    Attempt, Event, FaultEvent, Footer, Header, History, INSTANT_MAX_NS, NODES_MAX, Rows,
    SettingsRecord,
};
use crate::seat::Booking;

/// One line of the file.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum HistoryLine {
    Header(Header),
    Step(Event),
    Attempt(Attempt),
    Fault(FaultEvent),
    Booking(Booking),
    Footer(Footer),
    End(EndLine),
}

/// The last line of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct EndLine {
    /// How many races the file holds.
    races: usize,
    /// Whether the run was stopped before it had raced all its rounds.
    interrupted: bool,
}

impl HistoryLine {
    /// Why it cannot be kept as it is.
    fn objection(&self) -> Option<&'static str> {
        let node = match self {
            Self::Step(event) => event.node,
            Self::Fault(fault) => fault.node,
            Self::Header(_)
            | Self::Attempt(_)
            | Self::Booking(_)
            | Self::Footer(_)
            | Self::End(_) => 0,
        };
        if node >= NODES_MAX {
            Some("names a lock service beyond the sixteenth")
        } else if self.ends_ns() > INSTANT_MAX_NS {
            Some("is later than 78 hours")
        } else {
            None
        }
    }

    /// The latest instant it names.
    fn ends_ns(&self) -> u64 {
        match self {
            Self::Step(event) => event.invoked_ns.max(event.completed_ns),
            Self::Attempt(attempt) => attempt.started_ns.max(attempt.ended_ns),
            Self::Fault(fault) => fault.invoked_ns.max(fault.completed_ns),
            Self::Header(_) | Self::Booking(_) | Self::Footer(_) | Self::End(_) => 0,
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

/// What was recorded in a file.
#[derive(Debug)]
pub struct Recording {
    /// Its races, in their order; one with lines missing too, with its damage named.
    pub races: Vec<Recorded>,
    /// Why nothing can be concluded from all of them together; `None` when the file is whole.
    pub damage: Option<String>,
    /// Whether that is no more than that the run was stopped before it had raced all its rounds.
    pub is_stopped: bool,
}

/// A race as it was recorded.
#[derive(Debug)]
pub struct Recorded {
    /// The race.
    pub history: History,
    /// Where it stands in the file.
    pub lines: Lines,
}

/// The lines of a file that a race stands in, numbered from 1.
#[derive(Debug, Default)]
pub struct Lines {
    /// The line of its header.
    pub header: u32,
    /// The line of each step.
    pub events: Vec<u32>,
    /// The line of each attempt.
    pub attempts: Vec<u32>,
    /// The line of each fault.
    pub faults: Vec<u32>,
    /// The line of each booking.
    pub bookings: Vec<u32>,
    /// The line of its footer.
    pub footer: u32,
}

/// Writes one race, ready to be followed by another.
///
/// # Errors
/// When the writer fails.
pub fn write(history: &History, to: &mut impl Write) -> io::Result<()> {
    put(&HistoryLine::Header(history.header.clone()), to)?;
    let mut events = history.events.iter();
    events.try_for_each(|event| put(&HistoryLine::Step(event), to))?;
    let mut attempts = history.attempts.iter();
    attempts.try_for_each(|attempt| put(&HistoryLine::Attempt(attempt), to))?;
    let mut faults = history.faults.iter();
    faults.try_for_each(|fault| put(&HistoryLine::Fault(*fault), to))?;
    let mut bookings = history.bookings.iter();
    bookings.try_for_each(|booking| put(&HistoryLine::Booking(*booking), to))?;
    put(&HistoryLine::Footer(history.footer.clone()), to)
}

/// Writes the last line of a file: how many races it holds, and whether the run was stopped before it
/// had raced them all. A file without it is never taken for whole.
///
/// # Errors
/// When the writer fails.
pub fn write_end(races: usize, interrupted: bool, to: &mut impl Write) -> io::Result<()> {
    put(&HistoryLine::End(EndLine { races, interrupted }), to)
}

fn put(line: &HistoryLine, to: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *to, line)?;
    to.write_all(b"\n")
}

/// The longest line that is read, in bytes: a footer with a million seats that were left locked.
const LINE_MAX: u64 = 64 << 20;

/// Reads every race of a file.
///
/// # Errors
/// When the reader fails, or nothing in it is a history.
pub fn read(mut from: impl BufRead) -> Result<Recording, ReadError> {
    let mut reader = Reader::default();
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        if Read::by_ref(&mut from)
            .take(LINE_MAX)
            .read_until(b'\n', &mut bytes)?
            == 0
        {
            break;
        }
        if bytes.len() as u64 == LINE_MAX {
            reader.number = number;
            reader.spoil("is longer than any that racesim writes");
            break;
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        reader.number = number;
        match serde_json::from_slice::<HistoryLine>(&bytes) {
            Ok(line) => reader.take(line),
            Err(_) => reader.take_foreign(&bytes),
        }
    }
    reader.finish()
}

/// The races read so far, and the one being read.
#[derive(Default)]
struct Reader {
    races: Vec<Recorded>,
    open: Option<Recorded>,
    end: Option<EndLine>,
    /// Of the line that is read.
    number: u32,
    understood: bool,
    damage: Option<String>,
}

impl Reader {
    fn take(&mut self, line: HistoryLine) {
        self.understood = true;
        if self.end.is_some() {
            let more = format!("line {} comes after the end", self.number);
            self.damage.get_or_insert(more);
        }
        if let Some(why) = line.objection() {
            self.spoil(why);
            return;
        }
        let number = self.number;
        match line {
            HistoryLine::Header(header) => self.begin(header),
            HistoryLine::Step(event) => {
                let race = self.current();
                race.history.events.push(event);
                race.lines.events.push(number);
            }
            HistoryLine::Attempt(attempt) => {
                let race = self.current();
                race.history.attempts.push(attempt);
                race.lines.attempts.push(number);
            }
            HistoryLine::Fault(fault) => {
                let race = self.current();
                race.history.faults.push(fault);
                race.lines.faults.push(number);
            }
            HistoryLine::Booking(booking) => {
                let race = self.current();
                race.history.bookings.push(booking);
                race.lines.bookings.push(number);
            }
            HistoryLine::Footer(footer) => {
                let race = self.current();
                if let Some(why) = footer.unread.clone() {
                    race.history.damage.get_or_insert(why);
                }
                race.history.footer = footer;
                race.lines.footer = number;
                self.close(None);
            }
            HistoryLine::End(end) => {
                self.close(Some("its last line is missing"));
                self.end = Some(end);
            }
        }
    }

    /// A line that this build does not write: one of another version, or of nobody.
    fn take_foreign(&mut self, bytes: &[u8]) {
        match earlier::header(bytes) {
            Some(header) => self.take(HistoryLine::Header(header)),
            None => self.spoil("is not a line of a history"),
        }
    }

    fn begin(&mut self, header: Header) {
        self.close(Some("its last line is missing"));
        self.open = Some(Recorded {
            history: History::begun(header),
            lines: Lines {
                header: self.number,
                ..Lines::default()
            },
        });
    }

    /// The race being read; one whose header is missing when there is none.
    fn current(&mut self) -> &mut Recorded {
        self.open.get_or_insert_with(|| {
            let mut history = History::begun(Header::default());
            history.damage = Some("its first line is missing".to_owned());
            Recorded {
                history,
                lines: Lines::default(),
            }
        })
    }

    /// The line that is read says nothing that can be kept.
    fn spoil(&mut self, why: &str) {
        let damage = format!("line {} {why}", self.number);
        let is_first = self.open.is_none();
        let known = &mut self.current().history.damage;
        // A first line that cannot be read is there all the same.
        if is_first {
            *known = Some(damage);
        } else {
            known.get_or_insert(damage);
        }
    }

    fn close(&mut self, damage: Option<&str>) {
        if let Some(mut race) = self.open.take() {
            let history = &mut race.history;
            let found = damage.map(str::to_owned).or_else(|| history.miscount());
            history.damage = history.damage.take().or(found);
            self.races.push(race);
        }
    }

    fn finish(mut self) -> Result<Recording, ReadError> {
        self.close(Some("its last line is missing"));
        if !self.understood {
            return Err(ReadError::NotAHistory);
        }
        let lost = self.damage.take().or_else(|| self.missing());
        let is_stopped = lost.is_none() && self.end.is_some_and(|end| end.interrupted);
        let stopped = (is_stopped || self.races.is_empty())
            .then(|| "the run was stopped before it had raced all its rounds".to_owned());
        Ok(Recording {
            races: self.races,
            damage: lost.or(stopped),
            is_stopped,
        })
    }

    /// What the file lacks.
    fn missing(&self) -> Option<String> {
        let races = self.races.len();
        let Some(end) = self.end else {
            return Some("its end is missing: the run was killed, or lines were lost".to_owned());
        };
        if end.races != races {
            return Some(format!("it has {races} of its {} races", end.races));
        }
        self.lost_round()
    }

    /// A round that is not there, or is not the next one of its strategy.
    fn lost_round(&self) -> Option<String> {
        let is_interrupted = self.end.is_some_and(|end| end.interrupted);
        let mut next: BTreeMap<(&str, &SettingsRecord), (u32, u32)> = BTreeMap::new();
        for Recorded { history, .. } in &self.races {
            let header = &history.header;
            let (strategy, rounds) = (&header.strategy, header.rounds());
            let name = (strategy.as_str(), &header.settings);
            let (due, of) = next.entry(name).or_insert((0, rounds));
            if (header.round, rounds) != (*due, *of) {
                return Some(format!(
                    "round {} of {of} of {strategy} is where round {} belongs",
                    header.round.saturating_add(1),
                    due.saturating_add(1),
                ));
            }
            *due = due.saturating_add(1);
        }
        let mut short = next.into_iter().filter(|(_, (due, of))| due != of);
        let ((strategy, _), (due, of)) = short.next().filter(|_| !is_interrupted)?;
        Some(format!("{strategy} has {due} of its {of} rounds"))
    }
}

impl History {
    fn begun(header: Header) -> Self {
        let known = header.is_known();
        let why = format!(
            "it is written in version {} of the format, and this racesim reads versions {} to {}: \
            record it again",
            header.version,
            Header::EARLIER[0],
            Header::VERSION
        );
        Self {
            header,
            events: Rows::default(),
            attempts: Rows::default(),
            faults: Vec::new(),
            bookings: Vec::new(),
            footer: Footer::default(),
            damage: (!known).then_some(why),
        }
    }

    /// The first kind of line of which there are not as many as the footer says.
    fn miscount(&self) -> Option<String> {
        let footer = &self.footer;
        [
            ("steps", footer.steps, self.events.len()),
            ("attempts", footer.attempts, self.attempts.len()),
            ("faults", footer.fault_events, self.faults.len()),
            ("bookings", footer.bookings, self.bookings.len()),
        ]
        .into_iter()
        .find(|(_, said, found)| said != found)
        .map(|(kind, said, found)| format!("it has {found} of its {said} {kind}"))
    }
}
