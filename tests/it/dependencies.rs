//! Are the crates that we build on ones that we may use, from where we know?

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::support::{finish, text_of};

fn of_the_package(name: &str) -> String {
    text_of(Path::new(env!("CARGO_MANIFEST_DIR")).join(name))
}

/// Everything that is built on this machine, as cargo tells it.
fn packages() -> Vec<serde_json::Value> {
    let rustc = finish({
        let mut command = Command::new("rustc");
        command.arg("-vV");
        command
    });
    let host = rustc
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("host: "));
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(["--filter-platform", host.unwrap()])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    let ran = finish(command);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let packages = ran.json()["packages"].as_array().unwrap().clone();
    assert!(packages.len() > 100, "the packages were found");
    packages
}

/// A list of texts in a TOML file, on one line.
fn list(text: &str, name: &str) -> BTreeSet<String> {
    let begin = format!("{name} = ");
    let line = text.lines().find_map(|line| line.strip_prefix(&begin));
    serde_json::from_str(line.unwrap()).unwrap()
}

/// Whether a licence expression can be satisfied with what is allowed
/// (<https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/>).
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    either(&mut words.iter().copied().peekable(), allowed)
}

type Words<'a, 'w> = std::iter::Peekable<std::iter::Copied<std::slice::Iter<'a, &'w str>>>;

fn either(words: &mut Words<'_, '_>, allowed: &BTreeSet<String>) -> bool {
    let mut is_met = both(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        is_met |= both(words, allowed);
    }
    is_met
}

fn both(words: &mut Words<'_, '_>, allowed: &BTreeSet<String>) -> bool {
    let mut is_met = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        is_met &= one(words, allowed);
    }
    is_met
}

fn one(words: &mut Words<'_, '_>, allowed: &BTreeSet<String>) -> bool {
    match words.next() {
        Some("(") => {
            let is_met = either(words, allowed);
            assert_eq!(words.next(), Some(")"));
            is_met
        }
        // An exception only adds to what the licence permits.
        Some(name) => {
            if words.next_if_eq(&"WITH").is_some() {
                words.next();
            }
            allowed.contains(name)
        }
        None => false,
    }
}

#[test]
fn licence_expressions_are_understood() {
    let allowed = ["MIT", "ISC"].map(str::to_owned).into();
    for (expression, is_met) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("MIT OR GPL-3.0", true),
        ("GPL-3.0/MIT", true),
        ("MIT AND GPL-3.0", false),
        ("(MIT OR GPL-3.0) AND ISC", true),
        ("(MIT OR ISC) AND GPL-3.0", false),
        ("GPL-3.0 OR MIT AND ISC", true),
        ("ISC WITH LLVM-exception", true),
        ("", false),
    ] {
        assert_eq!(is_allowed(expression, &allowed), is_met, "{expression}");
    }
}

/// deny.toml was there, and nothing ever read it.
#[test]
fn every_crate_has_a_licence_and_a_source_that_deny_toml_allows() {
    let deny = of_the_package("deny.toml");
    for rule in ["unknown-registry", "unknown-git", "wildcards"] {
        assert!(deny.contains(&format!("{rule} = \"deny\"")), "{rule}");
    }
    let allowed = list(&deny, "allow");
    let crates_io = "registry+https://github.com/rust-lang/crates.io-index";
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        if name == env!("CARGO_PKG_NAME") {
            continue;
        }
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(is_allowed(licence, &allowed), "{name} is under '{licence}'");
        assert_eq!(package["source"].as_str(), Some(crates_io), "{name}");
    }
}

/// Twenty crates that know the world's scripts came with the parser of URLs, for hosts that are not written
/// in ASCII: 11 s of a core in every first build. `Cargo.lock` picks the version of `idna_adapter` without
/// (<https://docs.rs/idna_adapter>); a `cargo update` would bring them back.
#[test]
fn no_crate_brings_the_scripts_of_the_world() {
    let names = packages().into_iter();
    let names = names.map(|package| package["name"].as_str().unwrap().to_owned());
    let icu: Vec<String> = names.filter(|name| name.starts_with("icu_")).collect();
    assert_eq!(icu, [""; 0], "cargo update -p idna_adapter --precise 1.0.0");
}

#[test]
fn no_crate_of_ours_is_asked_for_in_just_any_version() {
    let packages = packages();
    let ours = packages
        .iter()
        .find(|package| package["name"] == env!("CARGO_PKG_NAME"));
    let wanted = ours.unwrap()["dependencies"].as_array().unwrap();
    assert!(!wanted.is_empty());
    for dependency in wanted {
        assert_ne!(dependency["req"], "*", "{}", dependency["name"]);
    }
}

/// `exclude` named a folder that is not there.
#[test]
fn what_the_package_leaves_out_is_there() {
    let left_out = list(&of_the_package("Cargo.toml"), "exclude");
    assert!(!left_out.is_empty());
    for name in left_out {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join(&name);
        assert!(place.exists(), "{name}");
    }
}
