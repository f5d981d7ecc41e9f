//! Does the README say what is so? Its commands are run, and their outputs compared.

use std::path::Path;

use super::support::{Ran, finish, racesim, text_of};

fn readme() -> String {
    text_of(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"))
}

/// The fenced blocks of this kind.
fn blocks<'a>(text: &'a str, kind: &str) -> Vec<&'a str> {
    let fence = format!("```{kind}\n");
    let rests = text
        .match_indices(&fence)
        .map(|(at, _)| &text[at + fence.len()..]);
    rests
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

/// A shell's words, as far as the README uses quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in line.split('\'').enumerate() {
        if at % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// Runs a line that begins with `racesim` in a folder of its own.
fn run(line: &str, folder: &Path) -> Ran {
    let words = words(line);
    assert_eq!(words[0], "racesim");
    let arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
    let mut command = racesim(&arguments);
    command.current_dir(folder);
    finish(command)
}

/// What stays the same from run to run: words, not measurements or the widths they take.
fn shape(text: &str) -> Vec<String> {
    let is_variable = |letter: char| letter.is_ascii_digit() || "─═╌★".contains(letter);
    let lines = text.lines().map(|line| {
        let words = line.split_whitespace().map(|word| {
            if word.contains("/racesim-") {
                return "<folder>".to_owned();
            }
            let steady: String = word
                .chars()
                .filter(|letter| !is_variable(*letter))
                .collect();
            steady.trim_matches([',', '.']).to_owned()
        });
        words
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    });
    lines.collect()
}

#[test]
fn every_run_in_the_readme_is_a_real_one() {
    let folder = tempfile::tempdir().unwrap();
    let readme = readme();
    let runs = blocks(&readme, "console");
    assert_eq!(runs.len(), 5);
    for block in runs {
        let (line, shown) = block.split_once('\n').unwrap();
        let line = line.strip_prefix("$ ").unwrap();
        let ran = run(line, folder.path());
        assert_eq!(ran.code, Some(0), "{line}: {}", ran.all());
        assert_eq!(
            shape(&ran.stdout),
            shape(shown),
            "{line} now prints:\n{}",
            ran.stdout
        );
    }
}

#[test]
fn every_racesim_command_in_the_readme_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    let joined = readme().replace("\\\n", " ");
    let mut count = 0;
    for line in blocks(&joined, "sh")
        .iter()
        .flat_map(|block| block.lines())
        .filter(|line| line.starts_with("racesim"))
    {
        let ran = run(line, folder.path());
        assert_eq!(ran.code, Some(0), "{line}: {}", ran.all());
        count += 1;
    }
    assert!(count >= 2, "the commands were found");
}

#[test]
fn the_commands_that_show_what_breaks_a_strategy_show_it() {
    let folder = tempfile::tempdir().unwrap();
    let readme = readme();
    let shown = readme.lines().filter(|line| line.starts_with("| `"));
    let commands: Vec<&str> = shown
        .filter_map(|line| line.rsplit('`').nth(1))
        .filter(|line| line.starts_with("racesim"))
        .collect();
    assert_eq!(commands.len(), 8 + 12, "strategies and options of locked");
    for line in commands {
        let ran = run(line, folder.path());
        // A search says with its status that what was expected was found, an assertion that it holds.
        let is_shown = if line.contains("--assert") || line.starts_with("racesim explore") {
            ran.code == Some(0)
        } else {
            ran.stdout.contains("is sold AGAIN")
        };
        assert!(is_shown, "{line}: {}", ran.all());
    }
}

#[test]
fn the_matrix_in_the_readme_is_what_racesim_finds() {
    let folder = tempfile::tempdir().unwrap();
    let found = run("racesim matrix --format markdown", folder.path());
    assert_eq!(found.code, Some(0), "{}", found.all());
    let readme = readme();
    let (_, rest) = readme
        .split_once("<!-- racesim matrix --format markdown -->")
        .unwrap();
    let (shown, _) = rest.split_once("<!-- end -->").unwrap();
    let rows = shown.lines().filter(|line| !line.is_empty());
    let missing: Vec<&str> = rows
        .filter(|row| !found.stdout.lines().any(|line| line == *row))
        .collect();
    assert!(
        missing.is_empty(),
        "not found any more:\n{}",
        missing.join("\n")
    );
    let table = |text: &str| text.lines().filter(|line| line.starts_with("| ")).count();
    assert_eq!(table(shown), table(&found.stdout));
}

#[test]
fn the_two_commands_to_begin_are_what_ci_runs() {
    let readme = readme();
    let begin = blocks(&readme, "sh")[0];
    let commands: Vec<&str> = begin.lines().collect();
    assert_eq!(
        commands,
        ["cargo run --release -- compare --users 500", "tests/run"]
    );
    let ci = text_of(Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/run"));
    assert!(ci.contains("--release -- compare --users 500") && ci.contains("tests/run"));
}

#[test]
fn every_file_that_the_readme_links_to_is_there() {
    let readme = readme();
    let links = readme
        .match_indices("](")
        .map(|(at, _)| readme[at + 2..].split(')').next().unwrap());
    let files: Vec<&str> = links.filter(|link| !link.starts_with("http")).collect();
    assert!(!files.is_empty());
    for file in files {
        assert!(
            Path::new(env!("CARGO_MANIFEST_DIR")).join(file).exists(),
            "{file}"
        );
    }
}

#[test]
fn the_scripted_comparison_passes_and_keeps_its_reports() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ci-compare.sh"),
    );
    command
        .arg(folder.path())
        .env("RACESIM", env!("CARGO_BIN_EXE_racesim"));
    let ran = finish(command);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(text_of(folder.path().join("race.md")).contains("| locked |"));
    assert!(text_of(folder.path().join("race.json")).starts_with('{'));
}

/// What an example prints; `cargo test` has built it beside the binary.
fn example(name: &str) -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_racesim"));
    let example = binary.parent().unwrap().join("examples").join(name);
    let ran = finish(std::process::Command::new(example));
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    ran.stdout
}

#[test]
fn the_example_of_a_race_oversells_the_seat() {
    assert_eq!(
        example("race"),
        "500 bookings of one seat, 499 of them double\n"
    );
}

#[test]
fn the_planted_bug_of_ones_own_strategy_is_found_by_explore_and_replayed() {
    let printed = example("own_strategy");
    let schedule = "explored: broken by A.check A.check B.check B.check A.insert B.insert";
    assert!(printed.contains(schedule), "{printed}");
    assert!(
        printed.contains("replayed: rows of [UserId(1), UserId(2)], 0 differences"),
        "{printed}"
    );
}
