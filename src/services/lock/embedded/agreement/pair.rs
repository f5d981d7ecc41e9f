//! Two servers that are asked the same: a real one, and racesim's own.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::services::lock::redis::{LockScript, find_program};
use crate::services::lock::{EmbeddedReason, OwnServer, OwnServerKind};
use crate::services::private_server::RunFolder;

/// A connection that says what it is told, and gives the bytes that come back.
pub(super) struct RawClient(pub(super) UnixStream);

impl RawClient {
    pub(super) fn to(server: &OwnServer) -> Self {
        let stream = UnixStream::connect(server.socket()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_mins(1)))
            .unwrap();
        Self(stream)
    }

    /// The reply to a command, as it came.
    pub(super) fn ask(&mut self, words: &[String]) -> Vec<u8> {
        self.0.write_all(&packed(words)).unwrap();
        self.reply()
    }

    pub(super) fn reply(&mut self) -> Vec<u8> {
        let mut reply = Vec::new();
        while !is_whole(&reply) {
            let mut byte = [0];
            assert_eq!(self.0.read(&mut byte).unwrap(), 1, "{reply:?}");
            reply.push(byte[0]);
        }
        reply
    }
}

pub(super) fn packed(words: &[String]) -> Vec<u8> {
    let many = format!("*{}\r\n", words.len());
    let words = words.iter();
    let words = words.map(|word| format!("${}\r\n{word}\r\n", word.len()));
    (many + &words.collect::<String>()).into_bytes()
}

fn is_whole(reply: &[u8]) -> bool {
    let Some(line) = reply.strip_suffix(b"\r\n") else {
        return false;
    };
    let first = line.split(|byte| *byte == b'\r').next().unwrap();
    match first.strip_prefix(b"$") {
        Some(b"-1") | None => true,
        Some(length) => {
            let length: usize = std::str::from_utf8(length).unwrap().parse().unwrap();
            line.len() == first.len() + 2 + length
        }
    }
}

pub(super) fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

/// Whether two replies say the same. What is left of a time may be a little less by then; Valkey does not
/// say what to do about a script that it does not know, nor which script was refused something.
fn agree(words: &[String], one: &[u8], other: &[u8]) -> bool {
    let number = |reply: &[u8]| -> Option<i64> {
        let line = reply.strip_prefix(b":")?.strip_suffix(b"\r\n")?;
        std::str::from_utf8(line).ok()?.parse().ok()
    };
    let left = LockScript::Left;
    let names_left = |word: &String| word == left.text() || *word == left.hash();
    let is_time = words[0] == "PTTL" || words.iter().any(names_left);
    match number(one).zip(number(other)) {
        Some((one, other)) if is_time && one > 0 && other > 0 => one.abs_diff(other) < 60_000,
        _ => told(one) == told(other),
    }
}

/// A reply as far as all servers word it alike.
fn told(reply: &[u8]) -> &[u8] {
    let mut lengths = 0..reply.len();
    let end = if reply.starts_with(b"-NOSCRIPT ") {
        Some(b"-NOSCRIPT ".len())
    } else {
        lengths.find(|at| reply[*at..].starts_with(b" script: "))
    };
    &reply[..end.unwrap_or(reply.len())]
}

/// A Redis, or what stands in for one, and what racesim has itself.
pub(super) struct Pair {
    name: &'static str,
    pub(super) real: RawClient,
    pub(super) ours: RawClient,
    pub(super) asked: HashSet<String>,
}

impl Pair {
    /// Asks both, and compares.
    pub(super) fn ask(&mut self, words: &[String]) -> Vec<u8> {
        let (real, ours) = (self.real.ask(words), self.ours.ask(words));
        assert!(
            agree(words, &real, &ours),
            "{words:?}\n{}: {}\nours: {}",
            self.name,
            String::from_utf8_lossy(&real),
            String::from_utf8_lossy(&ours)
        );
        self.asked.insert(words[0].to_lowercase());
        real
    }

    /// Asks both, and compares where the real one knows the command.
    pub(super) fn ask_where_it_is_known(&mut self, words: &[String]) {
        let (real, ours) = (self.real.ask(words), self.ours.ask(words));
        let is_known = !real.starts_with(b"-ERR unknown command");
        assert!(!is_known || agree(words, &real, &ours), "{words:?}");
        self.asked.insert(words[0].to_lowercase());
    }

    /// Waits until both say that the key has expired, each by its own clock.
    pub(super) fn wait_for_the_end_of(&mut self, key: &str) {
        let exists = words(&format!("EXISTS {key}"));
        for client in [&mut self.real, &mut self.ours] {
            while client.ask(&exists) != b":0\r\n" {
                std::thread::yield_now();
            }
        }
        self.ask(&exists);
    }
}

/// Plays a test on racesim's own lock server beside each real one that is installed.
#[expect(clippy::print_stderr, reason = "tells the reader what was tested")]
pub(super) fn beside_each(test: impl Fn(&mut Pair)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut are_tested = 0;
        for name in ["redis-server", "valkey-server"] {
            let Some(program) = find_program(name) else {
                eprintln!("not tested: no {name} on PATH");
                continue;
            };
            let folder = RunFolder::create().unwrap();
            let real = OwnServerKind::Program(program).start(&folder, 0).await;
            let ours = OwnServerKind::Embedded(EmbeddedReason::Asked);
            let (real, ours) = (real.unwrap(), ours.start(&folder, 1).await.unwrap());
            test(&mut Pair {
                name,
                real: RawClient::to(&real),
                ours: RawClient::to(&ours),
                asked: HashSet::new(),
            });
            are_tested += 1;
        }
        assert!(are_tested > 0, "install redis-server");
    });
}
