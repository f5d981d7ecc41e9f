//! How fast is a race against the engines beneath it? Both sides in the same run, interleaved,
//! medians of rounds: `cargo bench --bench race`. A few minutes; nothing fails on noise.
//!
//! Read the ratios, not the rates: the machine is the same for both sides of a ratio only.

use std::io;
use std::num::NonZeroU32;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mimalloc::MiMalloc;
use racesim::client::Ttl;
use racesim::engine::Engine;
use racesim::plan::{Commit, Plan, Wanted};
use racesim::report::{AnyReport, Format, Look, Report, ReportKind, SeatsListed, Tally, write};
use racesim::services::{RedisChoice, ServiceChoice, Services};
use racesim::strategy::{Locked, Naive, Strategy};
use rusqlite::{Connection, params};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

type Error = Box<dyn std::error::Error>;

/// How often each side is measured.
const ROUNDS: usize = 5;

const USERS: u32 = 100_000;
const WIDTH: u32 = 4096;

/// A Redis of the benchmark's own, for the raw side.
struct Server {
    process: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl Server {
    fn start() -> Result<Self, Error> {
        let folder = tempfile::tempdir()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let arguments = ["--save", "", "--appendonly", "no", "--unixsocket"];
        let process = Command::new("redis-server")
            .args(["--port", &port.to_string()])
            .args(arguments)
            .arg(folder.path().join("redis.sock"))
            .stdout(Stdio::null())
            .spawn()?;
        let server = Self {
            process,
            folder,
            port,
        };
        while server.connect().is_err() {
            pause();
        }
        Ok(server)
    }

    fn url(&self) -> String {
        format!("unix://{}", self.folder.path().join("redis.sock").display())
    }

    fn connect(&self) -> redis::RedisResult<redis::Connection> {
        redis::Client::open(self.url())?.get_connection()
    }
}

/// Between two looks at a server that is starting.
#[expect(
    clippy::disallowed_methods,
    reason = "its start is looked at by connecting; nothing tells of it"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(5));
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One thing that is measured: its name, and its rates so far.
struct Side {
    name: &'static str,
    rates: Vec<f64>,
}

impl Side {
    fn median(&self) -> f64 {
        let mut rates = self.rates.clone();
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn spread(&self) -> (f64, f64) {
        let low = self.rates.iter().copied().fold(f64::INFINITY, f64::min);
        (low, self.rates.iter().copied().fold(0.0, f64::max))
    }
}

/// Everything measured so far.
#[derive(Default)]
struct Board(Vec<Side>);

impl Board {
    fn add(&mut self, name: &'static str, rate: f64) {
        match self.0.iter_mut().find(|side| side.name == name) {
            Some(side) => side.rates.push(rate),
            None => self.0.push(Side {
                name,
                rates: vec![rate],
            }),
        }
    }

    fn median(&self, name: &str) -> f64 {
        self.0
            .iter()
            .find(|side| side.name == name)
            .map_or(f64::NAN, Side::median)
    }
}

fn rate(count: u32, took: Duration) -> f64 {
    f64::from(count) / took.as_secs_f64()
}

/// Check + insert in a raw loop on one thread, so many pairs in one commit.
fn raw_sqlite(pairs: u32, per_commit: u32) -> Result<f64, Error> {
    let folder = tempfile::tempdir()?;
    let db = Connection::open(folder.path().join("raw.db"))?;
    db.execute_batch(
        "PRAGMA journal_mode = wal; PRAGMA synchronous = normal;
         CREATE TABLE bookings (run, seat, user, position, PRIMARY KEY (run, seat, user)) WITHOUT ROWID;",
    )?;
    let mut check = db.prepare("SELECT 1 FROM bookings WHERE run = 1 AND seat = ?1 LIMIT 1")?;
    let mut insert = db.prepare("INSERT INTO bookings VALUES (1, ?1, ?2, ?3)")?;
    let start = Instant::now();
    for first in (0..pairs).step_by(usize::try_from(per_commit)?) {
        if per_commit > 1 {
            db.execute_batch("BEGIN IMMEDIATE")?;
        }
        for seat in first..(first + per_commit).min(pairs) {
            if !check.exists([seat])? {
                insert.execute(params![seat, seat, seat])?;
            }
        }
        if per_commit > 1 {
            db.execute_batch("COMMIT")?;
        }
    }
    Ok(rate(pairs, start.elapsed()))
}

/// SET and compare-and-delete in raw pipelines of 512, every key its own.
fn raw_cycles(server: &Server, cycles: u32) -> Result<f64, Error> {
    let mut connection = server.connect()?;
    let text = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end";
    let sha: String = redis::cmd("SCRIPT")
        .arg("LOAD")
        .arg(text)
        .query(&mut connection)?;
    let start = Instant::now();
    for first in (0..cycles).step_by(512) {
        let (mut take, mut free) = (redis::pipe(), redis::pipe());
        for seat in first..(first + 512).min(cycles) {
            let key = format!("lock:seat:{seat}");
            take.cmd("SET")
                .arg(&key)
                .arg("token")
                .arg("NX")
                .arg("EX")
                .arg(600);
            free.cmd("EVALSHA").arg(&sha).arg(1).arg(&key).arg("token");
        }
        take.exec(&mut connection)?;
        free.exec(&mut connection)?;
    }
    Ok(rate(cycles, start.elapsed()))
}

/// What redis-benchmark reaches with SET NX EX on one key; `None` when it is not installed.
fn redis_benchmark(server: &Server, clients: &str, pipeline: &str, count: &str) -> Option<f64> {
    let output = Command::new("redis-benchmark")
        .args([
            "-p",
            &server.port.to_string(),
            "-c",
            clients,
            "-P",
            pipeline,
            "-n",
            count,
            "--csv",
        ])
        .args(["SET", "lock:seat:10", "value", "NX", "EX", "600"])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .last()?
        .rsplit("\",\"")
        .nth(6)?
        .trim_matches('"')
        .parse()
        .ok()
}

/// A race with its history: its own rate, and the rate when the checker and the report are counted.
async fn race<S: Strategy>(
    strategy: &S,
    plan: &Plan,
    redis: &RedisChoice,
) -> Result<(f64, f64), Error> {
    let choice = ServiceChoice {
        redis: redis.clone(),
        ..ServiceChoice::default()
    };
    let seats = match strategy.ttl() {
        Some(_) => plan.seats_wanted(),
        None => Vec::new(),
    };
    let services = Services::start(&choice, plan, strategy.needs(), &seats).await?;
    let engine = Engine::new(services);
    let history = engine.race(strategy, plan, 0).await?;
    let judging = Instant::now();
    let report = Report::of(
        ReportKind::Race,
        vec![Tally::begin(&history).report(SeatsListed::Worst)],
    );
    write(
        AnyReport::Races(&report),
        Format::Table,
        Look::PLAIN,
        &mut io::sink(),
    )?;
    let judging = judging.elapsed();
    let duration_ms = report.races[0].figures.median("duration").unwrap_or(0.0);
    let raced = Duration::from_secs_f64(duration_ms / 1e3);
    let users = plan.users.get();
    Ok((rate(users, raced), rate(users, raced + judging)))
}

fn plan(users: u32, wanted: Option<Wanted>, width: Option<u32>) -> Result<Plan, Error> {
    let mut plan = Plan::new(NonZeroU32::try_from(users)?);
    plan.wanted = wanted.unwrap_or(plan.wanted);
    plan.concurrency = width.map(NonZeroU32::try_from).transpose()?;
    Ok(plan)
}

async fn round(board: &mut Board, server: &Server) -> Result<(), Error> {
    for (name, clients, pipeline, count) in [
        ("RB1", "50", "1", "100000"),
        ("RB16", "50", "16", "500000"),
        ("RB512", "1", "512", "500000"),
    ] {
        if let Some(rate) = redis_benchmark(server, clients, pipeline, count) {
            board.add(name, rate);
        }
    }
    // A key that the benchmark has left would be somebody's lock.
    let () = redis::cmd("FLUSHALL").query(&mut server.connect()?)?;
    board.add("CYC", raw_cycles(server, USERS)?);
    board.add("SQ1", raw_sqlite(20_000, 1)?);
    board.add("SQB", raw_sqlite(USERS, 1000)?);

    let redis = RedisChoice::Urls(vec![server.url().parse()?]);
    let locked = Locked::new(Ttl::default());
    let mut both = |name: &'static str, whole: &'static str, rates: (f64, f64)| {
        board.add(name, rates.0);
        board.add(whole, rates.1);
    };
    let own = Some(Wanted::Own);
    let hot_w = race(&locked, &plan(USERS, None, Some(WIDTH))?, &redis).await?;
    both("locked hot W", "locked hot W +report", hot_w);
    let hot = race(&locked, &plan(USERS, None, None)?, &redis).await?;
    both("locked hot", "locked hot +report", hot);
    let spread_w = race(&locked, &plan(USERS, own, Some(WIDTH))?, &redis).await?;
    both("locked own W", "locked own W +report", spread_w);
    let spread = race(&locked, &plan(USERS, own, None)?, &redis).await?;
    both("locked own", "locked own +report", spread);
    let naive_w = race(&Naive, &plan(USERS, own, Some(WIDTH))?, &redis).await?;
    both("naive own W", "naive own W +report", naive_w);
    let naive = race(&Naive, &plan(USERS, own, None)?, &redis).await?;
    both("naive own", "naive own +report", naive);
    let each = Plan {
        commit: Commit::Each,
        ..plan(10_000, own, None)?
    };
    both(
        "naive each",
        "naive each +report",
        race(&Naive, &each, &redis).await?,
    );
    Ok(())
}

/// Each race beside the raw engine it is measured by, and the ratio to reach.
const RATIOS: [(&str, &str, f64); 13] = [
    ("locked hot W", "RB16", 1.0),
    ("locked hot W", "RB512", 0.75),
    ("locked hot W", "RB1", 10.0),
    ("locked hot", "RB16", 0.8),
    ("locked own W", "CYC", 0.85),
    ("locked own", "CYC", 0.65),
    ("naive own W", "SQ1", 10.0),
    ("naive own", "SQ1", 10.0),
    ("naive own W", "SQB", 0.55),
    ("naive own", "SQB", 0.40),
    ("naive each", "SQ1", 0.9),
    ("naive own +report", "naive own", 0.8),
    ("locked hot +report", "locked hot", 0.8),
];

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
async fn main() -> Result<(), Error> {
    // `cargo test --benches` only wants to know that it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let server = Server::start()?;
    let mut board = Board::default();
    for at in 1..=ROUNDS {
        round(&mut board, &server).await?;
        println!("round {at} of {ROUNDS} is done");
    }
    println!(
        "\n{:22} {:>12} {:>12} {:>12}  per second",
        "measured", "median", "lowest", "highest"
    );
    for side in &board.0 {
        let (low, high) = side.spread();
        println!(
            "{:22} {:12.0} {low:12.0} {high:12.0}",
            side.name,
            side.median()
        );
    }
    println!(
        "\n{:22} {:12} {:>8} {:>9}",
        "race", "against", "ratio", "to reach"
    );
    for (race, raw, wanted) in RATIOS {
        let ratio = board.median(race) / board.median(raw);
        println!("{race:22} {raw:12} {ratio:8.2} {wanted:9.2}");
    }
    Ok(())
}
