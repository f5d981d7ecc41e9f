//! Do the pages name what is there? Files, tests, rooms and words, held against the code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use racesim::checker::Property;
use racesim::history::Step;

use super::support::text_of;

/// Where the package is.
pub(super) const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Every page for people: its path in the package, and its text.
pub(super) fn pages() -> Vec<(String, String)> {
    let docs = std::fs::read_dir(Path::new(ROOT).join("docs")).unwrap();
    let docs = docs.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut paths: Vec<String> = docs.map(|name| format!("docs/{name}")).collect();
    paths.extend(["README.md", "CONTRIBUTING.md", "RELEASING.md"].map(str::to_owned));
    paths.sort_unstable();
    let read = |path: String| {
        let text = page(&path);
        (path, text)
    };
    paths.into_iter().map(read).collect()
}

/// The text of one page.
pub(super) fn page(path: &str) -> String {
    text_of(Path::new(ROOT).join(path))
}

/// What stands between backticks outside the fenced blocks.
pub(super) fn spans(text: &str) -> Vec<&str> {
    let outside = text.split("```").step_by(2);
    outside
        .flat_map(|part| part.split('`').skip(1).step_by(2))
        .collect()
}

/// The cells of a row of a table; none for any other line.
pub(super) fn cells(line: &str) -> Vec<&str> {
    let row = line
        .strip_prefix("| ")
        .and_then(|rest| rest.strip_suffix(" |"));
    row.map_or_else(Vec::new, |row| row.split(" | ").map(str::trim).collect())
}

/// The tests of each module, by name; those of a folder under its own.
fn tests() -> BTreeMap<String, Vec<String>> {
    let mut tests: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let place = Path::new(ROOT).join("tests/it");
    let mut folders = vec![place.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let inside = path.strip_prefix(&place).unwrap();
                let module = inside.components().next().unwrap().as_os_str();
                let module = module.to_str().unwrap().trim_end_matches(".rs");
                let text = text_of(&path);
                let after = text.split("#[test]").skip(1);
                let heads = after.filter_map(|rest| rest.split_once("fn ")?.1.split_once('('));
                let names = heads.map(|(name, _)| name.to_owned());
                tests.entry(module.to_owned()).or_default().extend(names);
            }
        }
    }
    tests
}

/// Whether this is the id of a scenario: a letter and a number.
fn is_id(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(char::is_alphabetic)
        && !letters.as_str().is_empty()
        && letters.all(|letter| letter.is_ascii_digit())
}

/// The ids that a test's name begins with: `l11_and_l12_…` has two.
fn ids(name: &str) -> Vec<String> {
    let words = name
        .split('_')
        .take_while(|word| *word == "and" || is_id(word));
    let ids = words.filter(|word| is_id(word));
    ids.map(str::to_ascii_uppercase).collect()
}

/// Tests were named after ids that nothing in the repository defined.
#[test]
fn every_id_in_a_tests_name_leads_to_a_line_that_names_its_module() {
    let mut proven: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (module, names) in tests() {
        for id in names.iter().flat_map(|name| ids(name)) {
            proven.entry(id).or_default().insert(module.clone());
        }
    }
    assert!(proven.len() > 20, "the ids were found");
    let scenarios = page("docs/scenarios.md");
    let mut stated: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in scenarios.lines().map(cells) {
        let (Some(id), Some(last)) = (row.first().filter(|id| is_id(id)), row.last()) else {
            continue;
        };
        let named = stated.entry((*id).to_owned()).or_default();
        let modules = spans(last).into_iter().filter(|span| !span.contains("::"));
        named.extend(modules.map(str::to_owned));
        let has_test = last.contains('`') || last.starts_with("— ");
        assert!(has_test, "{id} has neither a test nor a reason for none");
    }
    stated.retain(|_, modules| !modules.is_empty());
    assert_eq!(
        stated, proven,
        "the lines on the left, the tests on the right"
    );
}

#[test]
fn every_test_that_a_page_names_is_there() {
    let tests = tests();
    let mut count = 0;
    for (path, text) in pages() {
        for span in spans(&text) {
            let Some((module, name)) = span.split_once("::") else {
                continue;
            };
            let Some(names) = tests.get(module) else {
                continue;
            };
            let start = name.trim_end_matches('…');
            let is_meant =
                |other: &String| other == name || start != name && other.starts_with(start);
            assert!(names.iter().any(is_meant), "{path} names the test {span}");
            count += 1;
        }
    }
    assert!(count > 5, "the tests were found");
}

/// Whether a span is meant as a path of this repository.
fn is_path(span: &str) -> bool {
    let folders = [
        "src/",
        "tests/",
        "docs/",
        "examples/",
        "benches/",
        ".ci/",
        ".github/",
    ];
    folders.iter().any(|folder| span.starts_with(folder)) && !span.contains([' ', '{', '*'])
}

/// The links of a page that stay in the repository: the file, empty for the page itself, and the heading.
fn links(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let rests = text.match_indices("](").map(|(at, _)| &text[at + 2..]);
    let links = rests.filter_map(|rest| rest.split(')').next());
    let local = links.filter(|link| !link.starts_with("http"));
    local.map(|link| match link.split_once('#') {
        Some((file, heading)) => (file, Some(heading)),
        None => (link, None),
    })
}

/// What a heading is called in a link.
fn slug(heading: &str) -> String {
    let lower = heading.trim_start_matches('#').trim().to_lowercase();
    let letters = lower.chars().filter_map(|letter| match letter {
        ' ' => Some('-'),
        letter => (letter.is_alphanumeric() || letter == '-').then_some(letter),
    });
    letters.collect()
}

#[test]
fn every_file_and_heading_that_a_page_links_to_or_names_is_there() {
    let mut count = 0;
    for (path, text) in pages() {
        let here = Path::new(ROOT).join(&path);
        for (file, heading) in links(&text) {
            let target = here.parent().unwrap().join(file);
            let target = if file.is_empty() { &here } else { &target };
            assert!(target.exists(), "{path} links to {file}");
            if let Some(heading) = heading {
                let other = text_of(target);
                let mut headings = other.lines().filter(|line| line.starts_with('#'));
                let is_there = headings.any(|line| slug(line) == heading);
                assert!(is_there, "{path} links to {file}#{heading}");
            }
            count += 1;
        }
        let named = spans(&text).into_iter().filter(|span| is_path(span));
        for name in named.filter(|name| !name.contains("NAME")) {
            assert!(Path::new(ROOT).join(name).exists(), "{path} names {name}");
            count += 1;
        }
    }
    assert!(count > 50, "the files were found");
}

/// All of the code.
fn code() -> String {
    let sources = super::architecture::sources().into_iter();
    sources.map(|(_, _, text)| text).collect()
}

/// Whether anything of this name is defined there: a function, a constant, a field, a variant.
fn is_defined(name: &str, code: &str) -> bool {
    let forms = [
        format!("fn {name}("),
        format!("fn {name}<"),
        format!("const {name}:"),
        format!("pub {name}:"),
        format!("    {name},"),
        format!("    {name}("),
    ];
    forms.iter().any(|form| code.contains(form))
}

/// Whether there is a type or a trait of this name.
fn is_type(name: &str, code: &str) -> bool {
    ["struct ", "enum ", "trait ", "type "].iter().any(|kind| {
        [" ", "<", "(", ";", ":"]
            .iter()
            .any(|end| code.contains(&format!("{kind}{name}{end}")))
    })
}

#[test]
fn everything_of_the_code_that_a_page_names_is_there() {
    let code = code();
    let mut count = 0;
    for (path, text) in pages() {
        let is_part = |letter: char| letter.is_alphanumeric() || "_:".contains(letter);
        for word in text.split(|letter| !is_part(letter)) {
            let Some((of, name)) = word.split_once("::") else {
                continue;
            };
            if of.starts_with(char::is_uppercase) {
                assert!(is_type(of, &code), "{path}: {word}");
                assert!(is_defined(name, &code), "{path}: {word}");
                count += 1;
            }
        }
    }
    let glossary = page("docs/glossary.md");
    let is_camel = |span: &&str| {
        let mut letters = span.chars();
        letters.next().is_some_and(char::is_uppercase)
            && letters.any(char::is_lowercase)
            && span.chars().all(char::is_alphanumeric)
    };
    for span in spans(&glossary).into_iter().filter(is_camel) {
        assert!(is_type(span, &code), "docs/glossary.md: {span}");
        count += 1;
    }
    assert!(count > 40, "the names were found");
}

#[test]
fn the_rooms_on_the_page_of_the_design_are_those_of_the_table_in_its_order() {
    let design = page("docs/design.md");
    let (_, rest) = design.split_once("\n## The rooms\n").unwrap();
    let section = rest.split("\n## ").next().unwrap();
    let rows = section.lines().map(cells);
    let rooms: Vec<&str> = rows
        .filter_map(|row| row.first()?.strip_prefix('`')?.strip_suffix('`'))
        .collect();
    let table = super::architecture::ROOMS.iter();
    let known = table.map(|(room, _)| *room).filter(|room| *room != "main");
    assert_eq!(rooms, known.collect::<Vec<_>>());
}

#[test]
fn each_driver_crate_stands_beside_its_room() {
    let design = page("docs/design.md");
    for (driver, place) in super::architecture::DRIVERS {
        let home = place.split('/').next().unwrap();
        let row = design.lines().map(cells);
        let mut row = row.filter(|row| row.len() == 3 && row[0] == format!("`{home}`"));
        let named = row.next().map(|row| row[2].to_owned());
        let named = named.unwrap_or_else(|| panic!("{home} has no row"));
        let mut crates = named.split(", ");
        assert!(
            crates.any(|name| name == driver.replace('_', "-")),
            "{driver}"
        );
    }
}

#[test]
fn every_word_that_people_type_is_on_its_page() {
    let glossary = page("docs/glossary.md");
    let words = Step::ALL.map(Step::name).into_iter();
    for word in words.chain(Property::ALL.map(Property::name)) {
        assert!(glossary.contains(&format!("`{word}`")), "glossary: {word}");
    }
}
