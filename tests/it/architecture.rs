//! Who may import whom? The table of rooms, and the code held against it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Each room and the rooms that it may import, top to bottom: no arrow goes up.
pub(super) const ROOMS: &[(&str, &[&str])] = &[
    ("main", &["app"]),
    (
        "app",
        &[
            "checker", "cli", "duration", "engine", "escape", "explore", "fault", "history",
            "plan", "report", "schedule", "seat", "services", "stats", "strategy",
        ],
    ),
    (
        "cli",
        &[
            "checker", "duration", "engine", "explore", "fault", "history", "nearest", "plan",
            "report", "schedule", "seat", "seed", "services", "strategy",
        ],
    ),
    (
        "builder",
        &[
            "checker", "duration", "engine", "explore", "fault", "history", "plan", "schedule",
            "seat", "services", "stats", "step", "strategy",
        ],
    ),
    (
        "report",
        &[
            "checker", "duration", "escape", "explore", "fault", "history", "schedule", "seat",
            "stats",
        ],
    ),
    (
        "explore",
        &[
            "checker", "client", "engine", "fault", "history", "memory", "plan", "schedule",
            "seat", "strategy",
        ],
    ),
    ("stats", &["history", "seat"]),
    (
        "checker",
        &["client", "duration", "history", "seat", "strategy"],
    ),
    (
        "engine",
        &[
            "client", "fault", "history", "memory", "plan", "schedule", "seat", "services",
            "strategy",
        ],
    ),
    (
        "strategy",
        &[
            "client", "duration", "history", "nearest", "services", "step",
        ],
    ),
    (
        "client",
        &["fault", "history", "plan", "seat", "services", "step"],
    ),
    ("services", &["duration", "fault", "plan", "seat", "step"]),
    ("history", &["fault", "plan", "schedule", "seat", "step"]),
    ("schedule", &["fault", "nearest", "seat", "step"]),
    ("plan", &["duration", "fault", "seat", "seed"]),
    ("fault", &["duration", "nearest", "seat", "seed", "step"]),
    ("step", &[]),
    ("escape", &[]),
    ("nearest", &[]),
    ("memory", &[]),
    ("duration", &[]),
    ("seat", &[]),
    ("seed", &[]),
];

/// Crates that are named in one folder or file only.
pub(super) const DRIVERS: &[(&str, &str)] = &[
    ("clap", "cli"),
    ("indicatif", "app/progress.rs"),
    ("comfy_table", "report/formats/table.rs"),
    ("csv", "report/formats/csv.rs"),
    ("rusqlite", "services/store/sqlite"),
    ("redis", "services/lock/redis"),
    ("hdrhistogram", "stats/timing.rs"),
    ("stateright", "explore"),
    ("rustix", "services/private_server"),
    ("tempfile", "app/part.rs"),
    ("signal_hook", "app/signals.rs"),
];

/// Rooms that may print.
const PRINTERS: &[&str] = &["app"];

/// Every source file with its room.
pub(super) fn sources() -> Vec<(String, PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![src.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|kind| kind != "rs") {
                continue;
            }
            let inside = path.strip_prefix(&src).unwrap();
            let room = inside
                .components()
                .next()
                .unwrap()
                .as_os_str()
                .to_str()
                .unwrap();
            let room = room.trim_end_matches(".rs").to_owned();
            sources.push((room, path.clone(), super::support::text_of(&path)));
        }
    }
    assert!(sources.len() > 20, "the sources were found");
    sources
}

/// The code of a file without its comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
}

/// The names that follow `prefix` in the code.
fn names_after(text: &str, prefix: &str) -> BTreeSet<String> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    code(text)
        .flat_map(|line| {
            line.match_indices(prefix)
                .map(|(at, _)| &line[at + prefix.len()..])
        })
        .map(|rest| rest.chars().take_while(|letter| is_name(*letter)).collect())
        .collect()
}

#[test]
fn every_room_imports_only_what_the_table_allows() {
    let mut wrong = Vec::new();
    for (room, path, text) in sources().iter().filter(|(room, ..)| room != "lib") {
        let allowed = ROOMS.iter().find(|(name, _)| name == room);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("the room {room} is not in the table"));
        let imported = names_after(text, "crate::")
            .into_iter()
            .chain(names_after(text, "racesim::"));
        for name in imported.filter(|name| name != room && !allowed.contains(&name.as_str())) {
            wrong.push(format!("{} imports {name}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_arrow_of_the_table_is_used() {
    let sources = sources();
    let mut unused = Vec::new();
    for (room, allowed) in ROOMS {
        let texts = sources.iter().filter(|(name, ..)| name == room);
        let used: BTreeSet<String> = texts
            .flat_map(|(_, _, text)| [names_after(text, "crate::"), names_after(text, "racesim::")])
            .flatten()
            .collect();
        let idle = allowed.iter().filter(|name| !used.contains(**name));
        unused.extend(idle.map(|name| format!("{room} does not import {name}")));
    }
    assert!(unused.is_empty(), "take these out: {}", unused.join(", "));
}

#[test]
fn no_arrow_of_the_table_goes_up() {
    for (index, (room, allowed)) in ROOMS.iter().enumerate() {
        for name in *allowed {
            let below = ROOMS[index + 1..].iter().any(|(below, _)| below == name);
            assert!(
                below,
                "{room} imports {name}, which does not stand below it"
            );
        }
    }
}

#[test]
fn each_driver_crate_is_named_in_one_place_which_names_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let sources = sources();
    for (driver, home) in DRIVERS {
        assert!(src.join(home).exists(), "there is no {home}");
        let mut is_named_at_home = false;
        for (_, path, text) in &sources {
            // The name of a crate and of a module of the same file cannot be told apart, nor by Rust.
            if text.contains(&format!("mod {driver};")) {
                continue;
            }
            let path_use = format!("{driver}::");
            let is_named = code(text).any(|line| {
                line.match_indices(&path_use).any(|(at, _)| {
                    let before = line[..at].chars().next_back();
                    !before.is_some_and(|letter| {
                        letter.is_alphanumeric() || letter == '_' || letter == ':'
                    })
                })
            });
            let is_home = path.starts_with(src.join(home));
            is_named_at_home |= is_named && is_home;
            assert!(
                !is_named || is_home,
                "{} names {driver}, which belongs to {home}",
                path.display()
            );
        }
        assert!(is_named_at_home, "{home} does not name {driver}");
    }
}

#[test]
fn only_those_who_may_print_name_stdout_and_stderr() {
    for (room, path, text) in sources() {
        let prints =
            code(&text).any(|line| line.contains("io::stdout(") || line.contains("io::stderr("));
        assert!(
            !prints || PRINTERS.contains(&room.as_str()),
            "{} prints",
            path.display()
        );
    }
}

#[test]
fn every_file_opens_with_what_it_answers_and_stays_short() {
    for (_, path, text) in sources() {
        assert!(
            text.starts_with("//! "),
            "{} opens without its question",
            path.display()
        );
        assert!(
            text.lines().count() <= 400,
            "{} asks to become a folder",
            path.display()
        );
    }
}

/// `Answer` meant two things, `Line` five and `Order` four: a reader, and a search, met the wrong one.
#[test]
fn a_type_name_is_defined_once() {
    let mut defined: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (_, path, text) in sources() {
        // Types of a trait are named by it, and tests may name theirs as they like.
        let own = text.split("\n#[cfg(test)]").next().unwrap_or_default();
        let lines = own.lines().filter(|line| !line.starts_with(' '));
        let outer = lines.collect::<Vec<&str>>().join("\n");
        for kind in ["struct ", "enum ", "trait ", "type "] {
            for name in names_after(&outer, kind) {
                defined
                    .entry(name)
                    .or_default()
                    .push(path.display().to_string());
            }
        }
    }
    assert!(defined.len() > 100, "the types were found");
    let is_twice = |(name, places): &(&String, &Vec<String>)| places.len() > 1 && *name != "State";
    let twice: Vec<_> = defined.iter().filter(is_twice).collect();
    assert!(twice.is_empty(), "{twice:#?}");
}
