//! How is a single word read? Each refusal names the word and the next move.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use crate::duration::{Millis, duration};
use crate::explore::USERS_MAX;
use crate::matrix::{Column, Expectations};
use crate::plan::Wanted;
use crate::report::Format;
use crate::seat::SeatId;
use crate::strategy::CATALOGUE;

fn at_least_one(text: &str, what: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| {
        format!(
            "'{text}' is not {what}: write a whole number from 1 to {}",
            u32::MAX
        )
    })
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

pub(super) fn export(text: &str) -> Result<(Format, PathBuf), String> {
    let (format, path) = text
        .split_once(':')
        .filter(|(_, path)| !path.is_empty())
        .ok_or_else(|| {
            format!("'{text}' names no form or no file: write FORMAT:FILE, such as json:race.json")
        })?;
    let format = format
        .parse()
        .map_err(|error: crate::report::UnknownFormat| error.to_string())?;
    Ok((format, PathBuf::from(path)))
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
    let nearest = names()
        .map(|name| (strsim::jaro_winkler(name, text), name))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let perhaps = nearest
        .filter(|(similarity, _)| *similarity > 0.6)
        .map_or_else(String::new, |(_, name)| format!(", perhaps '{name}'"));
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
pub(super) fn column(text: &str) -> Result<Column, String> {
    if let Some(known) = Expectations::built_in().column(text) {
        return Ok(known.clone());
    }
    Column::of(text).map_err(|error| error.to_string())
}
