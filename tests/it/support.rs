//! What the tests share: the real binary from outside, and Redis servers of their own.

use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use racesim::engine::Engine;
use racesim::plan::Plan;
use racesim::services::{ServiceChoice, Services};
use racesim::strategy::Needs;
use tempfile::TempDir;

/// How long anything in a test may take.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);

/// The binary with these arguments, apart from the settings of whoever runs the tests.
pub(crate) fn racesim(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_racesim"));
    command
        .args(arguments)
        .env_remove("RACESIM_REDIS")
        .env_remove("NO_COLOR")
        .stdin(Stdio::null());
    command
}

/// What a run printed, and how it ended.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("stdout is text"),
            stderr: String::from_utf8(output.stderr).expect("stderr is text"),
        }
    }
}

impl Ran {
    /// Everything that was printed.
    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// The report, of a run with `--format json`.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.all()))
    }

    /// Asserts that the run was refused: this status, one line on stderr that holds `text`, nothing
    /// on stdout.
    #[track_caller]
    pub(crate) fn assert_refused(&self, code: i32, text: &str) {
        assert_eq!(self.code, Some(code), "{}", self.all());
        assert_eq!(self.stdout, "");
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
        assert!(self.stderr.starts_with("racesim: "), "{}", self.stderr);
        assert!(self.stderr.contains(text), "{}", self.stderr);
    }
}

/// Runs the binary to its end.
pub(crate) fn run(arguments: &[&str]) -> Ran {
    finish(racesim(arguments))
}

/// Runs a command to its end, which must come within the limit.
pub(crate) fn finish(command: Command) -> Ran {
    finish_within(command, LIMIT)
}

/// Runs a command to its end, which must come within this limit.
pub(crate) fn finish_within(mut command: Command, limit: Duration) -> Ran {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    end_within(command.spawn().expect("the command starts"), limit)
}

/// Waits for a child whose output is piped; one that outlives the limit is killed.
pub(crate) fn end(child: Child) -> Ran {
    end_within(child, LIMIT)
}

fn end_within(child: Child, limit: Duration) -> Ran {
    let pid = child.id();
    let (over, is_over) = std::sync::mpsc::channel();
    std::thread::spawn(move || over.send(child.wait_with_output()));
    let Ok(output) = is_over.recv_timeout(limit) else {
        signal("KILL", pid);
        panic!("the command hangs");
    };
    output.expect("the output can be read").into()
}

/// Sends a signal to a process.
pub(crate) fn signal(name: &str, pid: u32) {
    let sent = Command::new("kill")
        .args(["-s", name, &pid.to_string()])
        .status();
    assert!(
        sent.expect("kill can be run").success(),
        "SIG{name} to {pid}"
    );
}

/// Waits until something is true; panics when it is not within the limit.
#[track_caller]
pub(crate) fn eventually(what: &str, mut is_true: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_true() {
        assert!(start.elapsed() < LIMIT, "never came true: {what}");
        let_pass(Duration::from_millis(5));
    }
}

/// Lets a time pass where the moment is what the test is about.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place; what a test waits for is looked at with `eventually`"
)]
pub(crate) fn let_pass(time: Duration) {
    std::thread::sleep(time);
}

/// The command's process, once its race is entered in this database.
pub(crate) fn begun(command: &mut Command, database: &Path) -> Child {
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = output.spawn().unwrap();
    eventually("the race has begun", || runs_in(database) == 1);
    child
}

/// How many runs are entered in this database. It is only read: who waits for it is not to make it.
pub(crate) fn runs_in(database: &Path) -> u32 {
    let reading = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = rusqlite::Connection::open_with_flags(database, reading);
    let runs = connection
        .and_then(|db| db.query_row("SELECT count(*) FROM runs", [], |row| row.get::<_, u32>(0)));
    // There may be none yet.
    runs.unwrap_or(0)
}

/// A Redis server on a free port, ended with its owner.
pub(crate) struct RedisServer {
    server: Child,
    pub(crate) port: u16,
    folder: TempDir,
}

impl RedisServer {
    /// A server with these lines of configuration.
    pub(crate) fn start(configuration: &str) -> Self {
        let port = free_port();
        Self::start_on(port, &format!("port {port}\n{configuration}"), "PONG")
    }

    /// A server that wants a password.
    pub(crate) fn with_password(password: &str) -> Self {
        let port = free_port();
        let configuration = format!("port {port}\nrequirepass {password}");
        Self::start_on(port, &configuration, "NOAUTH")
    }

    /// A Sentinel that watches nobody.
    pub(crate) fn sentinel() -> Self {
        let port = free_port();
        let folder = tempfile::tempdir().expect("a folder for the server");
        let file = folder.path().join("redis.conf");
        let lines = format!(
            "port {port}\nbind 127.0.0.1\ndir {dir}\nunixsocket {dir}/redis.sock\n",
            dir = folder.path().display(),
        );
        std::fs::write(&file, lines).expect("the server's configuration is written");
        let server = Command::new("redis-server")
            .arg(&file)
            .arg("--sentinel")
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed: tests/run does that");
        let server = Self {
            server,
            port,
            folder,
        };
        server.await_greeting("PONG");
        server
    }

    fn start_on(port: u16, configuration: &str, greeting: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the server");
        let file = folder.path().join("redis.conf");
        let lines = format!(
            "bind 127.0.0.1\nsave \"\"\nappendonly no\ndir {}\nunixsocket {}\n{configuration}\n",
            folder.path().display(),
            folder.path().join("redis.sock").display(),
        );
        std::fs::write(&file, lines).expect("the server's configuration is written");
        let server = Self {
            server: launch(&file),
            port,
            folder,
        };
        server.await_greeting(greeting);
        server
    }

    /// Kills the server as a power cut would not: what it wrote is still with the system. Starts it
    /// again in the same folder.
    pub(crate) fn kill_and_start_again(&mut self) {
        signal("KILL", self.pid());
        self.server.wait().expect("it was our child");
        self.server = launch(&self.folder.path().join("redis.conf"));
        self.await_greeting("PONG");
    }

    fn await_greeting(&self, greeting: &str) {
        eventually("the server answers", || {
            self.cli(&["PING"]).contains(greeting)
        });
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.server.id()
    }

    /// What `redis-cli` prints for a command.
    pub(crate) fn cli(&self, command: &[&str]) -> String {
        let socket = self.folder.path().join("redis.sock");
        let output = Command::new("redis-cli")
            .arg("-s")
            .arg(socket)
            .args(command)
            .output();
        let output = output.expect("redis-cli can be run");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        String::from_utf8_lossy(&output.stdout).trim().to_owned() + &error
    }

    /// How often the server has carried out SET.
    pub(crate) fn sets(&self) -> u64 {
        let stats = self.cli(&["INFO", "commandstats"]);
        let line = stats
            .lines()
            .find_map(|line| line.strip_prefix("cmdstat_set:calls="));
        line.and_then(|line| line.split(',').next()?.parse().ok())
            .unwrap_or(0)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // SIGKILL also ends a stopped server.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn launch(configuration: &Path) -> Child {
    Command::new("redis-server")
        .arg(configuration)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is installed: tests/run does that")
}

/// A port that nobody listens on at this moment.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it has an address").port()
}

/// A file of `tests/histories`.
pub(crate) fn history_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/histories")
        .join(name)
}

/// The text of a file.
pub(crate) fn text_of(path: impl AsRef<Path>) -> String {
    let mut text = String::new();
    let file = std::fs::File::open(path.as_ref());
    let read = file.and_then(|mut file| file.read_to_string(&mut text));
    read.unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()));
    text
}

/// A runtime like that of the binary.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap()
}

/// Runs something on a runtime like that of the binary.
pub(crate) fn on_a_runtime<T>(work: impl Future<Output = T>) -> T {
    runtime().block_on(work)
}

/// What all strategies together need, with this many lock services.
pub(crate) const fn everything(locks: u8) -> Needs {
    Needs {
        locks,
        counts_grants: true,
        transactions: true,
        conditional_delete: false,
    }
}

/// An engine on private services for these needs.
pub(crate) async fn engine(plan: &Plan, needs: Needs) -> Engine {
    let choice = ServiceChoice::default();
    let services = Services::start(&choice, plan, needs, &plan.seats_wanted()).await;
    Engine::new(services.unwrap())
}
