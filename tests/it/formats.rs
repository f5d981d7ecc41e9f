//! Does every format show the same report?

use super::support::{history_file, racesim, run};

/// The report on recorded races, which is the same every time.
fn shown(history: &str, arguments: &[&str]) -> String {
    let file = history_file(history);
    let ran = run(&[&["check", file.to_str().unwrap()], arguments].concat());
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    let mut lines = ran.stderr.lines();
    assert!(
        lines.all(|line| line.contains(" is violated: ")),
        "{}",
        ran.stderr
    );
    ran.stdout
}

const RACE: &str = "lease-over-double-booking.jsonl";

#[test]
fn the_table_of_a_race() {
    insta::assert_snapshot!(shown(RACE, &[]));
}

#[test]
fn the_markdown_of_a_race() {
    insta::assert_snapshot!(shown(RACE, &["--format", "markdown"]));
}

#[test]
fn the_csv_of_a_race() {
    insta::assert_snapshot!(shown(RACE, &["--format", "csv"]));
}

#[test]
fn the_json_of_a_race() {
    insta::assert_snapshot!(shown(RACE, &["--format", "json"]));
}

#[test]
fn colours_only_where_they_are_wanted() {
    let is_coloured = |arguments: &[&str]| shown(RACE, arguments).contains("\u{1b}[");
    assert!(!is_coloured(&[]), "in a pipe");
    assert!(is_coloured(&["--color", "always"]));
    assert!(!is_coloured(&["--color", "never"]));
}

#[test]
fn no_color_is_heeded_on_a_terminal_and_always_overrides_it() {
    let file = history_file(RACE);
    let on_a_terminal = |prefix: &str, arguments: &str| {
        let line = format!(
            "{prefix} {} check {} {arguments}",
            env!("CARGO_BIN_EXE_racesim"),
            file.display()
        );
        let mut command = std::process::Command::new("script");
        command
            .args(["-qec", &line, "/dev/null"])
            .env_remove("NO_COLOR")
            .env("TERM", "xterm");
        super::support::finish(command).stdout
    };
    assert!(on_a_terminal("", "").contains("\u{1b}["));
    assert!(!on_a_terminal("NO_COLOR=1", "").contains("\u{1b}["));
    assert!(on_a_terminal("NO_COLOR=1", "--color always").contains("\u{1b}["));
}

#[test]
fn an_export_is_what_the_format_prints() {
    let folder = tempfile::tempdir().unwrap();
    for format in ["table", "json", "csv", "markdown"] {
        let path = folder.path().join(format);
        let export = format!("{format}:{}", path.display());
        let printed = shown(RACE, &["--format", format, "--export", &export]);
        assert_eq!(super::support::text_of(&path), printed);
    }
}

#[test]
fn every_format_of_a_comparison_has_each_strategy() {
    for format in ["table", "json", "csv", "markdown"] {
        let mut command = racesim(&[
            "compare", "--users", "20", "--redis", "embedded", "--format", format,
        ]);
        command.env("COLUMNS", "200");
        let stdout = super::support::finish(command).stdout;
        assert!(
            stdout.contains("naive") && stdout.contains("locked"),
            "{format}: {stdout}"
        );
    }
}

#[test]
fn the_csv_has_a_row_for_each_strategy_and_a_value_for_each_heading() {
    let stdout = run(&[
        "compare", "--users", "20", "--redis", "embedded", "--format", "csv",
    ])
    .stdout;
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines.len(), 3);
    let columns: Vec<usize> = lines.iter().map(|line| line.split(',').count()).collect();
    assert!(
        columns.iter().all(|count| *count == columns[0]),
        "{columns:?}"
    );
    assert!(
        lines[0]
            .starts_with("strategy,users,rounds,seed,verdict,attempts,bookings,double_bookings,")
    );
}

/// Runs the binary on a terminal of this width; 0 is a terminal that does not say.
fn on_a_terminal(columns: u16, environment: &str, arguments: &str) -> String {
    let line = format!(
        "stty cols {columns}; {environment} {} {arguments}",
        env!("CARGO_BIN_EXE_racesim")
    );
    let mut command = std::process::Command::new("script");
    command
        .args(["-qec", &line, "/dev/null"])
        .env_remove("COLUMNS")
        .env("NO_COLOR", "1")
        .env("TERM", "xterm");
    super::support::finish(command).stdout
}

fn widest(text: &str) -> usize {
    let rules = text
        .lines()
        .filter(|line| line.starts_with(['┌', '│', '└']));
    rules
        .map(|line| line.trim_end().chars().count())
        .max()
        .unwrap()
}

/// A terminal that reports no columns, as a container's does, got tables one letter wide.
#[test]
fn a_terminal_of_unknown_width_has_a_usual_one() {
    let file = history_file(RACE);
    let arguments = format!("check {}", file.display());
    let usual = widest(&on_a_terminal(0, "", &arguments));
    assert!((60..=100).contains(&usual), "{usual}");
    let said = widest(&on_a_terminal(0, "COLUMNS=70", &arguments));
    assert!((40..=70).contains(&said), "{said}");
    assert!(widest(&on_a_terminal(90, "COLUMNS=70", &arguments)) > 70);
}

/// Eight strategies beside each other were broken inside words: "viola/ted". A table that is too wide
/// is now shown in parts.
#[test]
fn eight_strategies_fit_a_narrow_terminal_without_a_broken_word() {
    let all = "naive locked unique conditional optimistic hold transaction redlock";
    let arguments = format!("compare {all} --users 20 --rounds 2 --redis embedded");
    for columns in [80, 100, 120] {
        let shown = on_a_terminal(columns, "", &arguments);
        assert!(widest(&shown) <= usize::from(columns), "{shown}");
        let words: Vec<&str> = shown.split_whitespace().collect();
        for strategy in all.split(' ') {
            assert!(
                words.contains(&strategy),
                "{strategy} in {columns}: {shown}"
            );
        }
        for word in ["violated", "Double-bookings", "no-double-booking"] {
            assert!(words.contains(&word), "{word} in {columns}: {shown}");
        }
    }
}
