//! Is every kind a type, with one name wherever it is typed, printed or recorded?

use std::fmt::{Debug, Display};
use std::str::FromStr;

use racesim::checker::Property;
use racesim::fault::Fault;
use racesim::history::{Outcome, Step};
use racesim::plan::Commit;
use racesim::report::Format;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::support::run;

/// The name in JSON is the name.
#[track_caller]
fn assert_in_json<T: Serialize + DeserializeOwned + PartialEq + Debug + Copy>(kind: T, name: &str) {
    let json = serde_json::to_string(&kind).unwrap();
    assert_eq!(json, format!("\"{name}\""));
    assert_eq!(serde_json::from_str::<T>(&json).unwrap(), kind);
}

/// The name is what is printed and typed.
#[track_caller]
fn assert_in_words<T: Display + FromStr + PartialEq + Debug + Copy>(kind: T, name: &str) {
    assert_eq!(kind.to_string(), name);
    assert_eq!(name.parse::<T>().ok(), Some(kind));
}

/// Lists of all values, of their names, and of what is read back were each kept by hand.
#[test]
fn a_kind_has_one_name_where_it_is_typed_printed_and_recorded() {
    for step in Step::ALL {
        assert_in_json(step, step.name());
        assert_in_words(step, step.name());
    }
    for fault in Fault::ALL {
        assert_in_json(fault, fault.name());
        assert_in_words(fault, fault.name());
    }
    for property in Property::ALL {
        assert_in_json(property, property.name());
        assert_in_words(property, property.name());
    }
    for outcome in Outcome::ALL {
        assert_in_json(outcome, outcome.name());
        assert_eq!(outcome.to_string(), outcome.name());
    }
    for commit in Commit::ALL {
        assert_in_json(commit, commit.name());
        assert_eq!(commit.name().parse::<Commit>().ok(), Some(commit));
    }
    for format in Format::ALL {
        assert_in_words(format, format.name());
    }
}

#[test]
fn an_ending_of_a_files_name_belongs_to_one_format() {
    for format in Format::ALL {
        for ending in format.endings() {
            assert_eq!(Format::of_ending(ending), Some(format));
        }
    }
}

#[test]
fn every_document_says_of_what_kind_it_is() {
    let history = "tests/histories/one-booking.jsonl";
    let schedule = "A.check A.insert";
    for (kind, words) in [
        ("race", &["naive", "--users", "2"][..]),
        ("comparison", &["compare", "--users", "2", "--rounds", "1"]),
        ("check", &["check", history]),
        ("exploration", &["explore", "unique"]),
        ("replay", &["replay", "naive", "--schedule", schedule]),
        ("matrix", &["matrix", "unique", "--fault", "crash"]),
    ] {
        let document = run(&[words, &["--format", "json"]].concat()).json();
        assert_eq!(document["kind"], kind, "{words:?}");
        assert_eq!(document["racesim"], env!("CARGO_PKG_VERSION"), "{words:?}");
        assert_eq!(document["version"], 2, "{words:?}");
    }
}
