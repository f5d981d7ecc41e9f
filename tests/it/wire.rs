//! What is really sent to Redis? The commands on the wire, held against those that the pages state.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::pages::page;
use super::support::{RedisServer, run};

/// The commands about locks that a run sends, as MONITOR shows them: the words in capitals and
/// numbers, `lua` before those that a script sends. Keys and values are left out.
fn sent(arguments: &[&str]) -> Vec<String> {
    let server = RedisServer::start("");
    let mut monitor = Command::new("redis-cli")
        .args(["-p", &server.port.to_string(), "MONITOR"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(monitor.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "OK");
    let ran = run(&[arguments, &["--redis", &server.url()]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    server.cli(&["PING"]);
    let seen: Vec<String> = lines
        .map(Result::unwrap)
        .take_while(|line| !line.contains("\"PING\""))
        .collect();
    monitor.kill().unwrap();
    monitor.wait().unwrap();
    // Before the first lock the server is made ready, and after the last it is left as it was.
    let mut is_users = true;
    let of_users = seen.iter().filter(|line| {
        if !line.contains(" lua] ") {
            is_users = !line.contains("string.sub") && !line.contains("\"PTTL\"");
        }
        is_users && line.contains("\"lock:seat:10\"") && !line.contains("\"get\"")
    });
    of_users.map(|line| words_of(line)).collect()
}

/// The command of a line of MONITOR without its keys and values.
fn words_of(line: &str) -> String {
    let from_script = if line.contains(" lua] ") { "lua " } else { "" };
    let words = line.split('"').skip(1).step_by(2).collect::<Vec<_>>();
    let is_word = |word: &&&str| {
        let is_name = word.bytes().all(|byte| byte.is_ascii_alphabetic());
        let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
        is_name || is_number
    };
    let kept: Vec<String> = words
        .iter()
        .filter(is_word)
        .map(|word| word.to_uppercase())
        .collect();
    format!("{from_script}{}", kept.join(" "))
}

/// The row of the page of strategies that begins with this.
fn row_of(option: &str) -> String {
    let text = page("docs/strategies.md");
    let start = format!("| `{option}");
    let row = text.lines().find(|line| line.starts_with(&start));
    row.unwrap_or_else(|| panic!("the page has no row of {option}"))
        .to_owned()
}

/// `get-then-del` sent a script where its page says GET, `setnx-then-expire` sent `SET … NX` and PEXPIRE,
/// and redlock EX where its page says PX. Each way sends what is written of it.
#[test]
fn every_option_sends_the_commands_that_its_row_states() {
    let taken = "SET NX EX 600";
    let freed = ["EVALSHA 1", "lua DEL"];
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("--release del", &[taken, "DEL"], &["DEL"]),
        (
            "--release get-then-del",
            &[taken, "GET", "DEL"],
            &["GET", "DEL"],
        ),
        ("--release none", &[taken], &[]),
        ("--lock-value user", &[taken, freed[0], freed[1]], &[]),
        (
            "--acquire setnx-then-expire",
            &["SETNX", "EXPIRE 600", freed[0], freed[1]],
            &["SETNX", "EXPIRE"],
        ),
        (
            "--acquire set-ex",
            &["SET EX 600", freed[0], freed[1]],
            &["SET … EX"],
        ),
        ("--on-busy wait:2s", &[taken, freed[0], freed[1]], &[]),
        ("--renew", &[taken, freed[0], freed[1]], &[]),
        (
            "--fence write",
            &["EVAL 2 600000", "lua SET NX PX 600000", freed[0], freed[1]],
            &["SET … NX PX", "INCR"],
        ),
        (
            "--fence check-and-write",
            &["EVAL 2 600000", "lua SET NX PX 600000", freed[0], freed[1]],
            &[],
        ),
        ("--unique", &[taken, freed[0], freed[1]], &[]),
        (
            "--release-order before-commit",
            &[taken, freed[0], freed[1]],
            &[],
        ),
    ];
    for (option, expected, stated) in cases {
        let arguments: Vec<&str> = ["locked"].into_iter().chain(option.split(' ')).collect();
        let seen = sent(&[&arguments[..], &["--users", "1"]].concat());
        assert_eq!(seen, *expected, "{option}");
        let row = row_of(option);
        for command in *stated {
            assert!(row.contains(&format!("`{command}`")), "{command} of {row}");
        }
    }
}

#[test]
fn a_fenced_lock_is_sent_as_acquire_says() {
    let fenced = |acquire: &str| {
        let words = [
            "locked",
            "--users",
            "1",
            "--fence",
            "write",
            "--release",
            "none",
            "--acquire",
        ];
        sent(&[&words[..], &[acquire]].concat())
    };
    assert_eq!(
        fenced("setnx-then-expire"),
        ["EVAL 2 600000", "lua SETNX", "EXPIRE 600"]
    );
    assert_eq!(fenced("set-ex"), ["EVAL 2 600000", "lua SET PX 600000"]);
}

#[test]
fn the_plain_lock_and_redlock_send_what_their_pages_say() {
    assert_eq!(
        sent(&["locked", "--users", "1"]),
        ["SET NX EX 600", "EVALSHA 1", "lua DEL"]
    );
    assert_eq!(
        sent(&["redlock", "--users", "1"]),
        ["SET NX PX 600000", "EVALSHA 1", "lua DEL"]
    );
    for path in ["docs/strategies.md", "docs/redis.md"] {
        let text = page(path);
        assert!(
            text.contains("`SET lock:seat:{id} {value} NX EX 600`"),
            "{path}"
        );
    }
    assert!(row_of("redlock").contains("`SET … NX PX`"));
}
