//! Do the pages say what is so? Their commands are run, and their outputs compared.

use std::collections::HashMap;
use std::path::Path;

use racesim::fault::Fault;
use racesim::report::METRICS;
use racesim::strategy::CATALOGUE;

use super::matrix::whole_matrix;
use super::pages::{ROOT, cells, page, pages, spans};
use super::support::{Ran, finish, racesim, run as run_words, text_of};

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

/// A shell's words, as far as the pages use quotes.
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

/// Whether this was printed, where a line with `…` stands for what a page leaves out.
fn is_printed(shown: &str, printed: &str) -> bool {
    let printed = shape(printed);
    let mut at = 0;
    let mut may_skip = false;
    for part in shown.split("…\n") {
        let part = shape(part);
        let fits = |at: usize| printed[at..].starts_with(&part);
        let found = if may_skip {
            (at..=printed.len()).find(|at| fits(*at))
        } else {
            fits(at).then_some(at)
        };
        let Some(place) = found else { return false };
        at = place + part.len();
        may_skip = true;
    }
    at == printed.len() || shown.ends_with("…\n")
}

#[test]
fn a_part_of_an_output_is_told_from_another() {
    let printed = "a\nb\nc 1\nd\n";
    for shown in [
        printed,
        "a\n…\nd\n",
        "a\n…\n",
        "…\nc 27\nd\n",
        "a\n…\nc 3\n…\n",
    ] {
        assert!(is_printed(shown, printed), "{shown}");
    }
    for shown in [
        "a\n",
        "b\n…\n",
        "a\n…\nc 1\n",
        "a\n…\nd\n…\nb\n…\n",
        "…\nx\n",
    ] {
        assert!(!is_printed(shown, printed), "{shown}");
    }
}

/// A run is shown once in full, and perhaps in part on other pages: it is run once.
#[test]
fn every_run_on_a_page_is_a_real_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut runs: HashMap<String, Ran> = HashMap::new();
    let mut count = 0;
    for (path, text) in pages() {
        for block in blocks(&text, "console") {
            let (line, shown) = block.split_once('\n').unwrap();
            let line = line.strip_prefix("$ ").unwrap();
            let ran = runs
                .entry(line.to_owned())
                .or_insert_with(|| run(line, folder.path()));
            assert_eq!(ran.code, Some(0), "{path}: {line}: {}", ran.all());
            let prints = &ran.stdout;
            assert!(
                is_printed(shown, prints),
                "{path}: {line} now prints:\n{prints}"
            );
            count += 1;
        }
    }
    assert!(count >= 5, "the runs were found");
}

/// A line of a shell without its comment, and the status it ends with: 0, or what the comment says
/// (`# exits 1: …`).
fn command_and_status(line: &str) -> (&str, i32) {
    let (command, comment) = line.split_once(" # ").unwrap_or((line, ""));
    let status = comment.strip_prefix("exits ").map(|rest| {
        let digits = rest.split(|letter: char| !letter.is_ascii_digit());
        digits.clone().next().unwrap().parse().unwrap()
    });
    (command.trim_end(), status.unwrap_or(0))
}

/// What a person asks the database of a race.
fn ask_sqlite(line: &str, folder: &Path) {
    let words = words(line);
    let [_, file, query] = words.as_slice() else {
        panic!("sqlite3 FILE 'QUERY': {line}");
    };
    let database = rusqlite::Connection::open(folder.join(file)).unwrap();
    let rows = database.prepare(query).unwrap().exists([]).unwrap();
    assert!(rows, "{line}");
}

/// Commands of a checkout, which are no runs of racesim.
const OF_A_CHECKOUT: [&str; 2] = ["cargo run --release -- compare --users 500", "tests/run"];

#[test]
fn every_command_on_a_page_ends_as_the_page_says() {
    let mut count = 0;
    for (path, text) in pages() {
        let folder = tempfile::tempdir().unwrap();
        let joined = text.replace("\\\n", " ");
        let blocks = blocks(&joined, "sh");
        let lines = blocks.iter().flat_map(|block| block.lines());
        for (line, status) in lines.map(command_and_status) {
            if line.starts_with("sqlite3 ") {
                ask_sqlite(line, folder.path());
            } else if !OF_A_CHECKOUT.contains(&line) {
                let ran = run(line, folder.path());
                assert_eq!(ran.code, Some(status), "{path}: {line}: {}", ran.all());
                count += 1;
            }
        }
    }
    assert!(count >= 10, "the commands were found");
}

/// The commands at the ends of the rows of a page's tables, each with the first cell of its row.
fn shown_in_tables(text: &str) -> Vec<(&str, &str)> {
    let rows = text.lines().map(cells).filter(|row| row.len() > 1);
    let commands = rows.filter_map(|row| {
        let command = row.last()?.strip_prefix('`')?.strip_suffix('`')?;
        Some((row[0].trim_matches('`'), command))
    });
    let all: Vec<(&str, &str)> = commands.collect();
    let runs = all.into_iter();
    runs.filter(|(_, command)| command.starts_with("racesim "))
        .collect()
}

#[test]
fn the_commands_that_show_what_breaks_a_strategy_show_it() {
    let folder = tempfile::tempdir().unwrap();
    let strategies = page("docs/strategies.md");
    let shown = shown_in_tables(&strategies);
    let is_shown = |word: &str| {
        shown
            .iter()
            .any(|(of, _)| of.split(' ').next() == Some(word))
    };
    for entry in &CATALOGUE {
        assert!(is_shown(entry.name), "{} has no row", entry.name);
    }
    let help = run_words(&["locked", "--help"]).stdout;
    let (_, options) = help.split_once("\nStrategy:\n").unwrap();
    let (options, _) = options.split_once("\nServices:\n").unwrap();
    let options = options.lines();
    let options = options.filter_map(|line| line.trim_start().split(' ').next());
    for option in options.filter(|word| word.starts_with("--") && *word != "--ttl") {
        assert!(is_shown(option), "{option} has no row");
    }
    for (_, line) in shown {
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
fn only_the_page_of_strategies_has_commands_in_tables() {
    for (path, text) in pages() {
        let shown = shown_in_tables(&text);
        assert_eq!(shown.is_empty(), path != "docs/strategies.md", "{path}");
    }
}

#[test]
fn the_matrix_on_its_page_is_what_racesim_finds() {
    let found = &whole_matrix().markdown;
    let text = page("docs/matrix.md");
    let (_, rest) = text
        .split_once("<!-- racesim matrix --format markdown -->")
        .unwrap();
    let (shown, _) = rest.split_once("<!-- end -->").unwrap();
    let rows = shown.lines().filter(|line| !line.is_empty());
    let missing: Vec<&str> = rows
        .filter(|row| !found.lines().any(|line| line == *row))
        .collect();
    assert!(
        missing.is_empty(),
        "not found any more:\n{}",
        missing.join("\n")
    );
    let table = |text: &str| text.lines().filter(|line| line.starts_with("| ")).count();
    assert_eq!(table(shown), table(found));
}

#[test]
fn every_command_and_option_that_a_page_names_is_there() {
    let screen = run_words(&["--help"]).stdout;
    let (groups, _) = screen.split_once("\nExamples:\n").unwrap();
    let rows = groups.lines().filter_map(|line| line.strip_prefix("  "));
    let rows = rows.filter_map(|row| row.split(' ').next());
    let strategies = CATALOGUE.iter().map(|entry| entry.name);
    let commands: Vec<&str> = rows
        .filter(|name| name.starts_with(|letter: char| letter.is_ascii_lowercase()))
        .chain(strategies)
        .collect();
    assert!(commands.contains(&"compare"), "{commands:?}");
    let helps = commands
        .iter()
        .map(|name| run_words(&[name, "--help"]).stdout);
    let helps = helps.collect::<String>() + "--help --version ";
    for (path, text) in pages() {
        for span in spans(&text) {
            let words: Vec<&str> = span.split([' ', '\n', '=', '\'']).collect();
            let is_placeholder = |word: &str| word.bytes().all(|byte| byte.is_ascii_uppercase());
            if let ["racesim", command, ..] = words.as_slice() {
                let is_there = commands.contains(command)
                    || command.starts_with("--")
                    || is_placeholder(command);
                assert!(is_there, "{path}: {span}");
            }
            if ["cargo", "git", "rustup"].contains(&words[0]) {
                continue;
            }
            for option in words.iter().filter(|word| word.starts_with("--")) {
                let is_there = [" ", "\n", ","]
                    .iter()
                    .any(|end| helps.contains(&format!("{option}{end}")));
                assert!(is_there, "{path}: {option} in {span}");
            }
        }
    }
}

#[test]
fn the_metrics_on_their_page_are_those_that_there_are() {
    let text = page("docs/report.md");
    let (_, rest) = text.split_once("| in an assertion | ").unwrap();
    let rows = rest
        .lines()
        .skip(2)
        .map(cells)
        .take_while(|row| !row.is_empty());
    let rows: Vec<Vec<&str>> = rows.collect();
    let known = METRICS.iter().map(|metric| {
        let [name, heading] = [metric.name, &metric.heading()].map(|word| format!("`{word}`"));
        vec![name, heading, metric.meaning.to_owned()]
    });
    assert_eq!(rows, known.collect::<Vec<_>>());
}

#[test]
fn every_fault_has_a_row_on_its_page() {
    let text = page("docs/faults.md");
    let rows = text.lines().map(cells).filter(|row| row.len() == 3);
    let named = rows.filter_map(|row| row[0].strip_prefix('`')?.split(['`', ':']).next());
    let mut named: Vec<&str> = named.collect();
    let mut known = Fault::ALL.map(Fault::name);
    named.sort_unstable();
    known.sort_unstable();
    assert_eq!(named, known);
}

#[test]
fn the_two_commands_to_begin_are_what_ci_runs() {
    let readme = page("README.md");
    let begin = blocks(&readme, "sh")[0];
    let commands: Vec<&str> = begin.lines().collect();
    assert_eq!(commands, OF_A_CHECKOUT);
    let ci = text_of(Path::new(ROOT).join(".ci/run"));
    assert!(ci.contains("--release -- compare --users 500") && ci.contains("tests/run"));
}

/// README had 52 KB, and its first screen was a table of sixty lines.
#[test]
fn readme_stays_short() {
    assert!(page("README.md").len() <= 10 * 1024);
}

#[test]
fn the_scripted_comparison_passes_and_keeps_its_reports() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(Path::new(ROOT).join("examples/ci-compare.sh"));
    command
        .arg(folder.path())
        .env("RACESIM", env!("CARGO_BIN_EXE_racesim"));
    let ran = finish(command);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(text_of(folder.path().join("race.md")).contains("| locked |"));
    assert!(text_of(folder.path().join("race.json")).starts_with('{'));
}

/// An example; `cargo test` has built it beside the binary.
fn example_binary(name: &str) -> std::path::PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_racesim"));
    binary.parent().unwrap().join("examples").join(name)
}

/// What an example prints.
fn example(name: &str) -> String {
    let ran = finish(std::process::Command::new(example_binary(name)));
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

/// Its own tests are run by `cargo test --examples`.
#[test]
fn the_example_of_a_test_says_why_it_fails() {
    let ran = finish(std::process::Command::new(example_binary("in_a_test")));
    assert_eq!(ran.code, Some(101), "{}", ran.all());
    for said in [
        "no-double-booking of 'booking' is violated in 4 moves, the fewest possible:",
        "racesim::replay(strategy).schedule(\"A.check B.check A.insert B.insert\").run().await",
    ] {
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
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
