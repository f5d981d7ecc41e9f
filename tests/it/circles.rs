//! Do the files of a room import each other in a circle? What is defined lower must not know what is
//! built on it.

use std::collections::{BTreeMap, BTreeSet};

use super::architecture::sources;

/// A file of a room by its module path, without the tests in it.
type Files = BTreeMap<Vec<String>, String>;

/// The code of a file without its comments and its tests.
fn code(text: &str) -> String {
    let own = text.split("\n#[cfg(test)]").next().unwrap_or_default();
    let lines = own
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The files of each room.
fn rooms() -> BTreeMap<String, Files> {
    let mut rooms: BTreeMap<String, Files> = BTreeMap::new();
    for (room, path, text) in sources() {
        let inside = path
            .strip_prefix(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
            .unwrap();
        let mut module: Vec<String> = inside
            .with_extension("")
            .iter()
            .map(|part| part.to_str().unwrap().to_owned())
            .collect();
        if module.last().is_some_and(|last| last == "mod") {
            module.pop();
        }
        rooms.entry(room).or_default().insert(module, code(&text));
    }
    rooms
}

/// The names that a file defines.
fn defined(code: &str) -> BTreeSet<String> {
    const KINDS: [&str; 7] = ["struct", "enum", "trait", "type", "fn", "const", "static"];
    let mut names = BTreeSet::new();
    for line in code.lines() {
        let line = line.trim_start().replace("macro_rules! ", "struct ");
        let words: Vec<&str> = line
            .split(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
            .filter(|word| !word.is_empty())
            .collect();
        let kind = words.iter().position(|word| KINDS.contains(word));
        let name = kind.and_then(|at| words[at + 1..].iter().find(|word| !KINDS.contains(word)));
        names.extend(name.map(|name| (*name).to_owned()));
    }
    names
}

/// The paths of a `use` tree, one for each name.
fn paths(tree: &str) -> Vec<String> {
    let Some((before, inner)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap_or(tree).trim().to_owned()];
    };
    let inner = inner.trim_end().trim_end_matches('}');
    let (mut parts, mut depth, mut part) = (Vec::new(), 0, String::new());
    for letter in inner.chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(letter);
    }
    parts.push(part);
    let named = parts
        .iter()
        .map(|part| part.trim())
        .filter(|part| !part.is_empty());
    named
        .flat_map(|part| {
            paths(part)
                .into_iter()
                .map(|path| format!("{}{path}", before.trim()))
        })
        .collect()
}

/// The paths by which a file reaches others of its room: its imports, and what it names through a module.
/// What it only hands on (`pub use`) is not its own.
fn reached(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = String::new();
    for statement in code.split_inclusive(';') {
        let start = statement.trim_start();
        let is_handed_on =
            start.starts_with("pub") && start.contains(" use ") && !start.contains('(')
                || start.starts_with("pub(") && start.contains(") use ");
        if let Some(tree) = start.strip_prefix("use ") {
            found.extend(paths(tree.trim_end_matches(';')));
        } else if !is_handed_on {
            rest.push_str(statement);
        }
    }
    let is_path = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    for word in rest.split(|letter| !is_path(letter) && letter != ' ') {
        let mut before = "";
        for part in word.split(' ').filter(|part| !part.is_empty()) {
            let is_lower = part.starts_with(|letter: char| letter.is_lowercase());
            // `pub(in crate::room)` imports nothing.
            if part.contains("::") && is_lower && before != "in" {
                found.push(part.to_owned());
            }
            before = part;
        }
    }
    found
}

/// The file of the room that a path, as it stands in this file, leads to.
fn leads_to(
    files: &Files,
    names: &BTreeMap<Vec<String>, BTreeSet<String>>,
    from: &[String],
    path: &str,
) -> Option<Vec<String>> {
    let mut parts: Vec<&str> = path.split("::").collect();
    let mut at = from.to_vec();
    match *parts.first()? {
        "crate" => {
            at.clear();
            parts.remove(0);
        }
        "super" => {
            while parts.first() == Some(&"super") {
                at.pop();
                parts.remove(0);
            }
        }
        first => {
            let child = [from, &[first.to_owned()]].concat();
            files.get(&child)?;
        }
    }
    let mut parts = parts.into_iter();
    let mut name = None;
    for part in parts.by_ref() {
        at.push(part.to_owned());
        if !files.contains_key(&at) {
            at.pop();
            name = Some(part);
            break;
        }
    }
    files.get(&at)?;
    let Some(name) = name else { return Some(at) };
    if names[&at].contains(name) {
        return Some(at);
    }
    // Handed on by the module: the file below it that defines the name; or that of another room.
    let below = names.iter().filter(|(module, _)| module.starts_with(&at));
    let mut below = below.filter(|(_, names)| names.contains(name));
    below.next().map(|(module, _)| module.clone())
}

/// A circle of files, if there is one: each imports the next, and the last the first.
fn circle(arrows: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>) -> Option<Vec<String>> {
    let mut left = arrows.clone();
    loop {
        let open: BTreeSet<Vec<String>> = left.keys().cloned().collect();
        let ends = |to: &BTreeSet<Vec<String>>| to.iter().all(|file| !open.contains(file));
        let done: Vec<_> = left
            .iter()
            .filter(|(_, to)| ends(to))
            .map(|(file, _)| file.clone())
            .collect();
        if done.is_empty() {
            break;
        }
        left.retain(|file, _| !done.contains(file));
    }
    let mut at = left.keys().next()?.clone();
    let mut way: Vec<Vec<String>> = Vec::new();
    while !way.contains(&at) {
        way.push(at.clone());
        at = left[&at].iter().find(|to| left.contains_key(*to))?.clone();
    }
    let from = way.iter().position(|file| *file == at)?;
    Some(way[from..].iter().map(|file| file.join("/")).collect())
}

#[test]
fn the_files_of_a_room_import_each_other_in_no_circle() {
    let mut circles = Vec::new();
    let mut many = 0;
    for (room, files) in rooms() {
        let names = files
            .iter()
            .map(|(module, code)| (module.clone(), defined(code)));
        let names: BTreeMap<_, _> = names.collect();
        let arrows = files.iter().map(|(module, code)| {
            let to = reached(code).into_iter();
            let to = to.filter_map(|path| leads_to(&files, &names, module, &path));
            let to: BTreeSet<_> = to.filter(|to| to != module).collect();
            (module.clone(), to)
        });
        let arrows: BTreeMap<_, _> = arrows.collect();
        many += arrows.values().map(BTreeSet::len).sum::<usize>();
        circles.extend(circle(&arrows).map(|circle| format!("{room}: {}", circle.join(" -> "))));
    }
    assert!(many > 200, "only {many} imports were found");
    assert_eq!(circles, [""; 0]);
}

#[test]
fn a_circle_is_found_also_through_a_module_that_hands_a_name_on() {
    let file = |path: &str, code: &str| {
        (
            path.split('/').map(str::to_owned).collect(),
            code.to_owned(),
        )
    };
    let files: Files = [
        file(
            "room",
            "mod one;\nmod two;\npub use one::One;\npub use two::Two;",
        ),
        file("room/one", "use super::Two;\npub struct One;"),
        file(
            "room/two",
            "pub struct Two;\nfn two() { let _ = super::one::One; }",
        ),
    ]
    .into();
    let names: BTreeMap<_, _> = files
        .iter()
        .map(|(module, code)| (module.clone(), defined(code)))
        .collect();
    let arrows = files.iter().map(|(module, code)| {
        let to = reached(code).into_iter();
        let to = to.filter_map(|path| leads_to(&files, &names, module, &path));
        (module.clone(), to.collect())
    });
    let found = circle(&arrows.collect()).unwrap();
    assert_eq!(found, ["room/one", "room/two"]);
}
