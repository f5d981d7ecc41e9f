//! Do the readers take any bytes? The bodies of the fuzz targets, over every seed with random changes.

use proptest::prelude::{Strategy as Generator, any, prop};

use super::fuzzed::{history, schedule};
use super::random::{long_or, runner};
use super::support::{history_file, text_of};

/// Schedules as pages and tests have them.
const SCHEDULES: [&str; 5] = [
    "A.check B.check A.insert B.insert",
    "A.acquire A.check A.stall B.acquire B.check B.insert A.insert",
    "A.acquire:lost-request A.release:late B.acquire:lost-reply A.release arrives",
    "A.acquire A.acquire@2 A.validate restart@2 expire A.crash B.give-up pause-redis A.check:slow",
    "A.hold:late A.hold:arrives\n\tB.hold",
];

/// The text of every history in the tests' folder.
fn histories() -> Vec<Vec<u8>> {
    let folder = std::fs::read_dir(history_file("")).unwrap();
    let texts = folder.map(|entry| text_of(entry.unwrap().path()).into_bytes());
    let texts: Vec<Vec<u8>> = texts.collect();
    assert!(texts.len() > 20, "the histories were found");
    texts
}

/// A change of a text: what is at a place goes, and this comes instead.
type Change = (prop::sample::Index, usize, Vec<u8>);

fn change() -> impl Generator<Value = Change> {
    (
        any::<prop::sample::Index>(),
        0..6_usize,
        prop::collection::vec(any::<u8>(), 0..4),
    )
}

/// A seed with some changes.
fn changed(seeds: Vec<Vec<u8>>) -> impl Generator<Value = Vec<u8>> {
    let seed = prop::sample::select(seeds);
    let some = (seed, prop::collection::vec(change(), 0..5));
    some.prop_map(|(mut text, changes)| {
        for (place, gone, come) in changes {
            let from = place.index(text.len() + 1);
            let to = text.len().min(from + gone);
            text.splice(from..to, come);
        }
        text
    })
}

/// Runs a body over so many changed seeds.
fn hold(seeds: Vec<Vec<u8>>, cases: u32, body: fn(&[u8])) {
    for seed in &seeds {
        body(seed);
    }
    let drawn = runner(cases).run(&changed(seeds), |text| {
        body(&text);
        Ok(())
    });
    drawn.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn no_bytes_break_the_reader_of_histories_or_the_checker() {
    hold(histories(), long_or(400), history);
}

#[test]
fn no_text_breaks_the_parser_of_schedules_or_the_model() {
    let seeds = SCHEDULES.map(|text| text.as_bytes().to_vec());
    hold(seeds.to_vec(), long_or(2000), schedule);
}
