//! Does text from outside stay text, wherever it is printed?

use std::os::unix::ffi::OsStrExt;

use proptest::prelude::*;
use racesim::escape;

use super::support::{Ran, finish, history_file, racesim, run, text_of};

/// What a hostile text is made of.
const PARTS: [&str; 36] = [
    "\u{1b}[2J",
    "\u{1b}]0;title\u{7}",
    "\u{9b}31m",
    "\n",
    "\r",
    "\t",
    "\0",
    "\u{7f}",
    "\u{85}",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\u{feff}",
    "\u{2028}",
    "\u{e0041}",
    "\u{ad}",
    "<script>",
    "</details>",
    "&lt;",
    "|",
    "`",
    "```",
    "*",
    "_",
    "[x](http://y)",
    "\\",
    "#",
    ";",
    "%%{init: {}}%%",
    "\"",
    "'",
    "=cmd()",
    "+1",
    "-1",
    "@",
    "ü 席",
];

/// The letters that act on a terminal, or on the direction of what is read.
fn acts(letter: char) -> bool {
    letter.is_control()
        || "\u{ad}\u{61c}\u{180e}\u{feff}".contains(letter)
        || ('\u{200b}'..='\u{200f}').contains(&letter)
        || ('\u{2028}'..='\u{202e}').contains(&letter)
        || ('\u{2060}'..='\u{206f}').contains(&letter)
        || ('\u{e0000}'..='\u{e007f}').contains(&letter)
}

fn hostile() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        prop::sample::select(&PARTS[..]).prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
        "[a-z]{0,3}",
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn no_place_lets_a_letter_act(text in hostile()) {
        let shown = [
            escape::line(&text).into_owned(),
            escape::markdown(&text),
            escape::csv(&text).into_owned(),
            escape::mermaid(&text),
        ];
        for shown in &shown {
            prop_assert!(!shown.contains(acts), "{shown:?}");
        }
        let [_, markdown, csv, mermaid] = &shown;
        prop_assert!(!markdown.contains(['<', '>']), "{markdown}");
        for (at, bar) in markdown.match_indices(['|', '`', '*', '[', ']']) {
            let backslashes = markdown[..at].chars().rev().take_while(|letter| *letter == '\\');
            prop_assert!(backslashes.count() % 2 == 1, "{bar} in {markdown}");
        }
        let is_number = csv.parse::<f64>().is_ok();
        prop_assert!(is_number || !csv.trim_start().starts_with(['=', '+', '-', '@']), "{csv}");
        prop_assert!(!mermaid.contains(['<', '>', '"', '{', '%']), "{mermaid}");
        for (at, mark) in mermaid.match_indices([';', '#']) {
            let is_entity = if mark == "#" {
                mermaid[at + 1..].find(';').is_some_and(|end| mermaid[at + 1..at + 1 + end].parse::<u32>().is_ok())
            } else {
                mermaid[..at].rfind('#').is_some_and(|start| mermaid[start + 1..at].parse::<u32>().is_ok())
            };
            prop_assert!(is_entity, "{mark} in {mermaid}");
        }
    }

    #[test]
    fn json_is_the_same_document(text in hostile()) {
        let document = serde_json::to_string_pretty(&[&text]).unwrap();
        let shown = escape::json(&document);
        prop_assert!(!shown.replace('\n', "").contains(acts));
        prop_assert_eq!(serde_json::from_str::<Vec<String>>(&shown).unwrap(), vec![text]);
    }

    #[test]
    fn plain_text_is_shown_as_it_is(text in "[a-zA-Z0-9 .:/=-]{0,12}[a-zäöü席✓→★·–]{1,4}") {
        prop_assert_eq!(escape::line(&text), text.as_str());
        prop_assert_eq!(escape::markdown(&text), text.as_str());
    }
}

#[test]
fn numbers_of_a_table_stay_numbers() {
    for number in ["-3.5", "-1e5", "0", "12.000"] {
        assert_eq!(escape::csv(number), number);
    }
    for formula in ["-1+2", "+1", "=1", "@a", " =1", "-inf", "\t=1"] {
        assert!(escape::csv(formula).starts_with('\''), "{formula}");
    }
    assert_eq!(
        escape::markdown("double_bookings == 0, a|b `c`"),
        "double_bookings == 0, a\\|b \\`c\\`"
    );
    assert_eq!(escape::line("a\u{1b}[1m\nb"), "a\\u{1b}[1m\\nb");
}

/// A hostile text for every field of a history that is text.
const HOSTILE: &str = "=a\u{1b}[31m\n| <b>`x`</b> \u{202e}#;%%{init}\r@";

/// A recorded race whose texts are hostile.
fn foreign_history(folder: &std::path::Path) -> std::path::PathBuf {
    let text = text_of(history_file("lease-over-double-booking.jsonl"));
    let lines = text.lines().map(|line| {
        let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
        let texts = [
            "strategy",
            "settings",
            "wanted",
            "payment",
            "arrive_over",
            "database",
            "lock",
        ];
        if value["type"] == "header" {
            for name in texts {
                value[name] = HOSTILE.into();
            }
        }
        if value["type"] == "footer" {
            value["troubles"] = serde_json::json!([HOSTILE]);
        }
        value.to_string() + "\n"
    });
    let path = folder.join("foreign.jsonl");
    std::fs::write(&path, lines.collect::<String>()).unwrap();
    path
}

/// Nothing in what was printed acts on the terminal.
#[track_caller]
fn assert_harmless(ran: &Ran) {
    let acting: Vec<char> = ran
        .all()
        .chars()
        .filter(|it| *it != '\n' && acts(*it))
        .collect();
    assert!(acting.is_empty(), "{acting:?} in {}", ran.all());
}

/// Escape sequences of a foreign history reached the terminal, its HTML the page, its formulas the
/// spreadsheet.
#[test]
fn a_foreign_history_is_only_text_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let path = foreign_history(folder.path());
    for format in ["table", "json", "csv", "markdown", "mermaid"] {
        let ran = run(&["check", path.to_str().unwrap(), "--format", format]);
        assert!(
            ran.code == Some(1) || ran.code == Some(3) || ran.code == Some(4),
            "{}",
            ran.all()
        );
        assert_harmless(&ran);
        match format {
            "json" => {
                assert_eq!(ran.checked_race().header.strategy, HOSTILE);
            }
            "csv" => assert!(
                ran.stdout.lines().nth(1).unwrap().starts_with("'=a"),
                "{}",
                ran.stdout
            ),
            "markdown" => assert!(!ran.stdout.contains("<b>"), "{}", ran.stdout),
            "table" => assert!(ran.stdout.contains("\\u{1b}[31m\\n| <b>"), "{}", ran.stdout),
            _ => {}
        }
    }
}

/// What is wrong is told on one line, whatever the words are.
#[test]
fn a_hostile_word_is_told_on_one_harmless_line() {
    let folder = tempfile::tempdir().unwrap();
    let hostile = "x\u{1b}[31m\ny\u{202e}\u{9b}";
    for arguments in [
        &[hostile][..],
        &["naive", hostile],
        &["naive", &format!("--{hostile}")],
        &["naive", "--users", hostile],
        &["naive", "--seed", hostile],
        &["naive", "--fault", hostile],
        &["naive", "--assert", hostile],
        &["naive", "--format", hostile],
        &["naive", "--export", hostile],
        &["naive", "--export", &format!("json:missing/{hostile}")],
        &["naive", "--database", &format!("missing/{hostile}")],
        &["compare", hostile],
        &["explore", hostile],
        &["explore", "naive", "--property", hostile],
        &["replay", "naive", "--schedule", hostile],
        &["replay", "--from", hostile],
        &["check", hostile],
        &["matrix", hostile],
        &["locked", "--redis", hostile],
        &["locked", "--redis", &format!("redis://{hostile}")],
    ] {
        let mut command = racesim(arguments);
        command.current_dir(folder.path());
        let ran = finish(command);
        assert!(ran.code == Some(2) || ran.code == Some(4), "{}", ran.all());
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert_harmless(&ran);
    }
}

#[test]
fn hostile_names_are_only_text_in_the_report() {
    let folder = tempfile::tempdir().unwrap();
    for format in ["table", "json", "csv", "markdown", "mermaid"] {
        let mut command = racesim(&["naive", "--users", "20", "--format", format]);
        command
            .arg("--database")
            .arg(std::ffi::OsStr::from_bytes(b"a\x1b[31m\n<b>|\xff.db"))
            .current_dir(folder.path());
        let ran = finish(command);
        assert_eq!(ran.code, Some(0), "{}", ran.all());
        assert_harmless(&ran);
    }
}
