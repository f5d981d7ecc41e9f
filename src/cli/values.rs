//! Values of options: how each is read. A refusal names the word and the next move.

use std::ffi::OsStr;
use std::fmt::Display;
use std::num::NonZeroU32;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{
    OsStringValueParser, PathBufValueParser, PossibleValue, StringValueParser, TypedValueParser,
};

use crate::checker::Property;
use crate::duration::{Millis, duration};
use crate::explore::USERS_MAX;
use crate::explore::matrix::{Expectations, MatrixColumn};
use crate::fault::{BadRaceFault, Fault, RaceFault, SearchFault, UnknownFault};
use crate::nearest::perhaps;
use crate::plan::{Commit, Wanted};
use crate::report::Format;
use crate::seat::SeatId;
use crate::strategy::{CATALOGUE, Entry};

/// A parser whose values help explains.
#[derive(Clone)]
struct Explained<P> {
    values: Vec<PossibleValue>,
    parser: P,
}

impl<P: TypedValueParser> TypedValueParser for Explained<P> {
    type Value = P::Value;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<P::Value, clap::Error> {
        self.parser.parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let values = self.values.iter().cloned();
        (!self.values.is_empty()).then(|| Box::new(values) as Box<_>)
    }
}

/// A parser whose values help explains, where there are some that can be named.
pub(super) fn explained<T: Clone + Send + Sync + 'static>(
    values: Vec<PossibleValue>,
    read: impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static,
) -> impl TypedValueParser<Value = T> {
    let parser = StringValueParser::new().try_map(move |text| read(&text));
    Explained { values, parser }
}

/// Values by name, each with what it means.
fn named<const N: usize>(values: [(&'static str, &'static str); N]) -> Vec<PossibleValue> {
    let values = values.into_iter();
    values
        .map(|(name, help)| PossibleValue::new(name).help(help))
        .collect()
}

fn at_least_one(text: &str, what: &str) -> Result<NonZeroU32, String> {
    let number = count(text).and_then(|number| number.try_into().ok());
    number.and_then(NonZeroU32::new).ok_or_else(|| {
        format!(
            "'{text}' is not {what}: write a whole number from 1 to {}",
            u32::MAX
        )
    })
}

/// A count as people write it: `500`, `1_000`, `10k`, `1M`.
fn count(text: &str) -> Option<u64> {
    let (digits, unit) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1_000),
        None => match text.strip_suffix(['m', 'M']) {
            Some(digits) => (digits, 1_000_000),
            None => (text, 1),
        },
    };
    let is_parted = !digits.starts_with('_') && !digits.ends_with('_') && !digits.contains("__");
    let number: u64 = digits.replace('_', "").parse().ok().filter(|_| is_parted)?;
    number.checked_mul(unit)
}

pub(super) fn users(text: &str) -> Result<NonZeroU32, String> {
    at_least_one(text, "a number of users").map_err(|why| format!("{why}, such as 500, 10k or 1M"))
}

/// What stands for a seat of one's own.
pub(super) const EACH: &str = "each";

pub(super) fn seats(text: &str) -> Result<Wanted, String> {
    if text == EACH {
        return Ok(Wanted::Own);
    }
    at_least_one(text, "a number of seats, nor 'each'").map(Wanted::AnyOf)
}

pub(super) fn rounds(text: &str) -> Result<NonZeroU32, String> {
    at_least_one(text, "a number of rounds")
}

pub(super) fn concurrency(text: &str) -> Result<NonZeroU32, String> {
    at_least_one(text, "a number of users in flight")
}

pub(super) fn seat(text: &str) -> Result<SeatId, String> {
    at_least_one(text, "a seat").map(SeatId::from)
}

pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    let limit = duration(text).map_err(|error| error.to_string())?;
    let shortest = Duration::from_millis(10);
    if limit < shortest {
        return Err(format!(
            "'{text}' is too short for any service: write at least {}",
            Millis(shortest)
        ));
    }
    Ok(limit)
}

pub(super) fn format() -> impl TypedValueParser<Value = Format> {
    explained(
        named(Format::ALL.map(|format| (format.name(), format.meaning()))),
        format_of,
    )
}

fn format_of(text: &str) -> Result<Format, String> {
    text.parse().map_err(|_| {
        let names = Format::ALL.map(Format::name);
        let perhaps = perhaps(text, names);
        let (last, others) = names.split_last().unwrap_or((&"", &[]));
        let others = others.join(", ");
        format!("there is no format '{text}'{perhaps}: write {others} or {last}")
    })
}

pub(super) fn commit() -> impl TypedValueParser<Value = Commit> {
    let values = named(Commit::ALL.map(|commit| (commit.name(), commit.meaning())));
    explained(values, |text| {
        let names = Commit::ALL.map(Commit::name);
        text.parse().map_err(|_| {
            let (perhaps, names) = (perhaps(text, names), names.join(", "));
            format!("there is no '{text}'{perhaps}; there are: {names}")
        })
    })
}

pub(super) fn export() -> impl TypedValueParser<Value = (Format, PathBuf)> {
    OsStringValueParser::new().try_map(|word| export_of(&word))
}

/// What other programs take for stdout.
const STDOUT: &str = "-";

/// The file of a history.
pub(super) fn history() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| {
        if path.as_os_str() == STDOUT {
            return Err("'-' names no file: write history.jsonl, /dev/stdout for stdout, or ./- for a file of that name");
        }
        Ok(path)
    })
}

/// A form and a file, whose name need not be text.
fn export_of(word: &OsStr) -> Result<(Format, PathBuf), String> {
    let bytes = word.as_bytes();
    let colon = bytes.iter().position(|byte| *byte == b':');
    let parts = colon.map(|at| (&bytes[..at], &bytes[at + 1..]));
    let Some((form, path)) = parts.filter(|(_, path)| !path.is_empty()) else {
        let text = word.to_string_lossy();
        let ending = Path::new(&*text).extension().and_then(OsStr::to_str);
        let example = match ending.and_then(Format::of_ending) {
            Some(format) => format!("{format}:{text}"),
            None => "json:race.json".to_owned(),
        };
        return Err(format!(
            "'{text}' is not an export: expected FORMAT:FILE, such as {example}"
        ));
    };
    let form = format_of(&String::from_utf8_lossy(form))?;
    if path == STDOUT.as_bytes() {
        return Err(format!(
            "'{form}:-' names no file: for stdout write --format {form}, for a file of that name {form}:./-"
        ));
    }
    Ok((form, PathBuf::from(OsStr::from_bytes(path))))
}

/// A whole number from nothing on.
fn whole<N: FromStr>(text: &str, what: &str, most: impl Display) -> Result<N, String> {
    let number = text.parse();
    number.map_err(|_| format!("'{text}' is not {what}: write a whole number from 0 to {most}"))
}

pub(super) fn seed(text: &str) -> Result<u64, String> {
    whole(text, "a seed", u64::MAX)
}

pub(super) fn states(text: &str) -> Result<u64, String> {
    count(text).map_or_else(|| whole(text, "a number of states", u64::MAX), Ok)
}

fn faults() -> Vec<PossibleValue> {
    named(Fault::ALL.map(|fault| (fault.name(), fault.meaning())))
}

/// What a race can have go wrong.
pub(super) fn race_fault() -> impl TypedValueParser<Value = RaceFault> {
    explained(faults(), |text| {
        text.parse()
            .map_err(|error: BadRaceFault| error.to_string())
    })
}

/// What a search can have go wrong.
pub(super) fn search_fault() -> impl TypedValueParser<Value = SearchFault> {
    explained(faults(), |text| {
        text.parse()
            .map_err(|error: UnknownFault| error.to_string())
    })
}

pub(super) fn property() -> impl TypedValueParser<Value = Property> {
    let values = named(Property::ALL.map(|property| (property.name(), property.meaning())));
    explained(values, |text| {
        text.parse().map_err(|_| {
            let names = Property::ALL.map(Property::name);
            format!(
                "unknown property '{text}'{}; there are: {}",
                perhaps(text, names),
                names.join(", ")
            )
        })
    })
}

pub(super) fn few_users(text: &str) -> Result<u32, String> {
    let users = text.parse::<u64>().ok().filter(|users| *users > 0);
    let few = |users: u64| {
        let is_few = usize::try_from(users).is_ok_and(|users| users <= USERS_MAX);
        u32::try_from(users).ok().filter(|_| is_few)
    };
    match users.map(few) {
        Some(Some(users)) => Ok(users),
        Some(None) => Err(format!(
            "'{text}' is too many, at most {USERS_MAX} here: write 1 to {USERS_MAX}"
        )),
        None => Err(format!(
            "'{text}' is not a number of users: write 1 to {USERS_MAX}"
        )),
    }
}

pub(super) fn strategy(text: &str) -> Result<&'static Entry, String> {
    let names = CATALOGUE.iter().map(|entry| entry.name);
    Entry::named(text).ok_or_else(|| {
        let perhaps = perhaps(text, names);
        format!("there is no strategy '{text}'{perhaps}: see racesim list strategies")
    })
}

/// A strategy with its options in one word.
pub(super) fn strategy_words(text: &str) -> Result<String, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    strategy(words.first().copied().unwrap_or_default())?;
    Ok(words.join(" "))
}

/// A column of the matrix, as help explains each.
pub(super) fn column() -> impl TypedValueParser<Value = MatrixColumn> {
    explained(faults(), column_of)
}

/// A column of the matrix by its name, or faults of one's own.
fn column_of(text: &str) -> Result<MatrixColumn, String> {
    if let Some(known) = Expectations::built_in().column(text) {
        return Ok(known.clone());
    }
    MatrixColumn::of(text).map_err(|error| {
        if text.contains('+') {
            return error.to_string();
        }
        // A name that stands alone may be meant for that of a column.
        let columns = Expectations::built_in().columns;
        let names = columns.iter().map(|column| column.name.as_str());
        let faults = Fault::ALL.map(Fault::name);
        let perhaps = perhaps(text, names.chain(faults));
        format!(
            "unknown fault '{text}'{perhaps}: write {}, several joined by +, or the name of a column",
            faults.join(", ")
        )
    })
}
