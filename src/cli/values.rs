//! Values of options: how each is read. A refusal names the word and the next move.

use std::ffi::OsStr;
use std::fmt::Display;
use std::num::NonZeroU32;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::checker::Property;
use crate::duration::{Millis, duration};
use crate::explore::USERS_MAX;
use crate::explore::matrix::{Expectations, MatrixColumn};
use crate::fault::{BadRaceFault, RaceFault, SearchFault, UnknownFault};
use crate::nearest::perhaps;
use crate::plan::Wanted;
use crate::report::Format;
use crate::seat::SeatId;
use crate::strategy::CATALOGUE;

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
    at_least_one(text, "a number of users")
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

pub(super) fn format(text: &str) -> Result<Format, String> {
    text.parse().map_err(|_| {
        let names = Format::ALL.map(|format| format.to_string());
        let perhaps = perhaps(text, names.iter().map(String::as_str));
        let (last, others) = names.split_last().unwrap_or((&names[0], &[]));
        let others = others.join(", ");
        format!("there is no format '{text}'{perhaps}: write {others} or {last}")
    })
}

/// A form and a file, whose name need not be text.
pub(super) fn export(word: &OsStr) -> Result<(Format, PathBuf), String> {
    let bytes = word.as_bytes();
    let colon = bytes.iter().position(|byte| *byte == b':');
    let parts = colon.map(|at| (&bytes[..at], &bytes[at + 1..]));
    let Some((form, path)) = parts.filter(|(_, path)| !path.is_empty()) else {
        let text = word.to_string_lossy();
        return Err(format!(
            "'{text}' is not an export: expected FORMAT:FILE, such as json:race.json"
        ));
    };
    let form = format(&String::from_utf8_lossy(form))?;
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

pub(super) fn retries(text: &str) -> Result<u32, String> {
    whole(text, "a number of retries", u32::MAX)
}

pub(super) fn states(text: &str) -> Result<u64, String> {
    count(text).map_or_else(|| whole(text, "a number of states", u64::MAX), Ok)
}

pub(super) fn race_fault(text: &str) -> Result<RaceFault, String> {
    text.parse()
        .map_err(|error: BadRaceFault| error.to_string())
}

pub(super) fn search_fault(text: &str) -> Result<SearchFault, String> {
    text.parse()
        .map_err(|error: UnknownFault| error.to_string())
}

pub(super) fn property(text: &str) -> Result<Property, String> {
    text.parse().map_err(|_| {
        let names = Property::ALL.map(Property::name);
        format!(
            "unknown property '{text}'{}; there are: {}",
            perhaps(text, names),
            names.join(", ")
        )
    })
}

pub(super) fn few_users(text: &str) -> Result<u32, String> {
    let users = text
        .parse()
        .ok()
        .filter(|users| (1..=USERS_MAX).contains(users));
    let users = users.and_then(|users| u32::try_from(users).ok());
    users.ok_or_else(|| {
        format!("'{text}' is not a number of users for a model: write 1 to {USERS_MAX}")
    })
}

pub(super) fn nodes(text: &str) -> Result<u8, String> {
    let nodes = text.parse().ok().filter(|nodes| (1..=5).contains(nodes));
    nodes.ok_or_else(|| format!("'{text}' is not a number of servers: write 1 to 5"))
}

pub(super) fn strategy_name(text: &str) -> Result<&'static str, String> {
    let names = || CATALOGUE.iter().map(|entry| entry.name);
    if let Some(name) = names().find(|name| *name == text) {
        return Ok(name);
    }
    let perhaps = perhaps(text, names());
    Err(format!(
        "there is no strategy '{text}'{perhaps}: see racesim strategies"
    ))
}

/// A strategy with its options in one word.
pub(super) fn strategy_words(text: &str) -> Result<String, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    strategy_name(words.first().copied().unwrap_or_default())?;
    Ok(words.join(" "))
}

/// A column of the matrix by its name, or faults of one's own.
pub(super) fn column(text: &str) -> Result<MatrixColumn, String> {
    if let Some(known) = Expectations::built_in().column(text) {
        return Ok(known.clone());
    }
    MatrixColumn::of(text).map_err(|error| error.to_string())
}
