//! Is a private server what was asked for, reachable by nobody else, and gone with the run?

use super::support::{Ran, end, eventually, finish, racesim, signal};
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A process whose command line holds this text.
fn pid_of(text: &[u8]) -> Option<u32> {
    pids_of(text).first().copied()
}

/// The processes whose command line holds this text. One that has ended has none.
pub(crate) fn pids_of(text: &[u8]) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let pids = processes.filter_map(|process| process.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        std::fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| line.windows(text.len()).any(|some| some == text))
    })
    .collect()
}

/// The server of a run whose temporary files are in this folder. It has its title once it listens.
pub(crate) fn server_in(folder: &Path) -> Option<u32> {
    let mut title = b"redis-server unixsocket:".to_vec();
    title.extend_from_slice(folder.as_os_str().as_bytes());
    pid_of(&title)
}

/// The guardian of a run whose temporary files are in this folder.
pub(crate) fn guardian_in(folder: &Path) -> Option<u32> {
    let mut line = b"racesim-supervisor\0".to_vec();
    line.extend_from_slice(folder.as_os_str().as_bytes());
    pid_of(&line)
}

/// Whether this process listens on the network, by the kernel's own list.
fn listens_on_the_network(pid: u32) -> bool {
    let listening: HashSet<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .flat_map(|list| {
            let list = std::fs::read_to_string(list).unwrap_or_default();
            let fields = |line: &str| line.split_whitespace().map(str::to_owned).collect();
            list.lines().map(fields).collect::<Vec<Vec<String>>>()
        })
        .filter(|fields| fields.get(3).is_some_and(|state| state == "0A"))
        .map(|fields| format!("socket:[{}]", fields[9]))
        .collect();
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    files
        .filter_map(|file| std::fs::read_link(file.ok()?.path()).ok())
        .any(|target| {
            target
                .to_str()
                .is_some_and(|target| listening.contains(target))
        })
}

/// A race in its middle: everybody pays for a minute, and the private server holds the lock.
pub(crate) fn paying(folder: &Path, extra: &[&str]) -> Child {
    paying_for("60s", folder, extra)
}

/// The same with a payment of this length.
pub(crate) fn paying_for(payment: &str, folder: &Path, extra: &[&str]) -> Child {
    let mut command = racesim(&["locked", "--users", "3", "--payment", payment]);
    command.args(extra).env("TMPDIR", folder);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("the lock is held", || {
        run_folder(folder).is_some_and(|run| {
            let cli = Command::new("redis-cli")
                .arg("-s")
                .arg(run.join("server.sock"))
                .args(["EXISTS", "lock:seat:10"])
                .output();
            cli.unwrap().stdout == b"1\n"
        })
    });
    child
}

/// The folder of the run that keeps its files here.
fn run_folder(place: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(place).unwrap();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(|path| path.is_dir()).find(|path| {
        path.file_name()
            .is_some_and(|name| name.as_bytes().starts_with(b"racesim-"))
    })
}

/// Asserts that nothing of a run is left.
#[track_caller]
pub(crate) fn assert_nothing_left(folder: &Path) {
    eventually("the folder is gone", || run_folder(folder).is_none());
    eventually("the server is gone", || server_in(folder).is_none());
    eventually("the guardian is gone", || guardian_in(folder).is_none());
}

/// Interrupts a run and asserts that it ends soon, with nothing left.
pub(crate) fn interrupt(child: Child, folder: &Path) -> Ran {
    signal("INT", child.id());
    let ran = end(child);
    assert_nothing_left(folder);
    ran
}

/// `redis-server` reads the name of its configuration as a pattern: in a folder whose name has a `[`
/// it found none, and started with every default: on all interfaces, with snapshots. Its configuration
/// has no name any more, and what stands in it is quoted by the server itself.
#[test]
fn whatever_the_temporary_folder_is_called_the_server_listens_on_its_socket_only() {
    let names: [&[u8]; 12] = [
        b"st[a]r",
        b"[",
        b"*",
        b"a?b",
        b"two words  and more ",
        b"'single' \"double\"",
        b"back\\slash\\n",
        b"#hash $HOME `id` $(id)",
        b"-leading --port 7",
        b"100%41",
        b"line\nport 7777",
        b"\xff\xfe bytes",
    ];
    for name in names {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join(OsStr::from_bytes(name));
        std::fs::create_dir(&folder).unwrap();
        let child = paying(&folder, &["--redis", "private"]);
        let server = server_in(&folder).unwrap();
        assert!(!listens_on_the_network(server), "{folder:?}");
        let kept: Vec<OsString> = std::fs::read_dir(run_folder(&folder).unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| !name.as_bytes().starts_with(b"race.db"))
            .collect();
        assert_eq!(kept, ["server.sock"], "{folder:?}");
        assert_eq!(interrupt(child, &folder).code, Some(130), "{folder:?}");
    }
}

/// The relative name of a folder is that of where racesim was started, not of where its server is.
#[test]
fn a_relative_temporary_folder_and_a_relative_path_to_the_server_serve_as_well() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("-here")).unwrap();
    std::fs::create_dir(folder.path().join("b in's")).unwrap();
    let server = which("redis-server");
    std::os::unix::fs::symlink(server, folder.path().join("b in's/redis-server")).unwrap();
    let mut command = racesim(&["locked", "--users", "20", "--redis", "private"]);
    command
        .current_dir(folder.path())
        .env("TMPDIR", "-here")
        .env("PATH", "b in's");
    let ran = finish(command);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_nothing_left(&folder.path().join("-here"));
}

fn which(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let mut places = std::env::split_paths(&path).map(|folder| folder.join(program));
    places.find(|place| place.is_file()).unwrap()
}

/// The folder had the umask's mode, so that with a generous one others could put a link in it, through
/// which the server's files were written.
#[test]
fn the_folder_of_a_run_is_for_its_user_alone_whatever_the_umask() {
    for umask in ["000", "022", "777"] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("/bin/sh");
        let script =
            format!("umask {umask}; exec \"$0\" locked --users 3 --payment 60s --database \"$1\"");
        // With such a umask nobody can read the database, unless it is there before.
        let database = folder.path().join("race.db");
        std::fs::write(&database, "").unwrap();
        command
            .args(["-c", &script, env!("CARGO_BIN_EXE_racesim")])
            .arg(&database)
            .env_remove("RACESIM_REDIS")
            .env("TMPDIR", folder.path());
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        eventually("the server is there", || server_in(folder.path()).is_some());
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        let run = run_folder(folder.path()).unwrap();
        assert_eq!(mode(&run), 0o700, "umask {umask}");
        assert_eq!(mode(&run.join("server.sock")), 0o700, "umask {umask}");
        interrupt(child, folder.path());
    }
}

/// A run with this script in place of the server.
fn with_server(script: &str) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("redis-server");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = racesim(&["locked", "--redis", "private"]);
    command
        .env("PATH", folder.path())
        .env("TMPDIR", folder.path());
    let ran = finish(command);
    assert_nothing_left(folder.path());
    ran
}

/// A server that died at once was noticed after ten seconds, and its log was read whole.
#[test]
fn a_private_server_that_ends_at_once_is_said_at_once_with_its_last_words() {
    for (script, said) in [
        (
            "#!/bin/sh\nexit 1\n",
            "it ended at once with exit status: 1, and said nothing",
        ),
        (
            "#!/bin/sh\necho first\necho 'no room here' >&2\nexit 7\n",
            "it ended at once with exit status: 7; its last line: no room here",
        ),
        (
            "#!/bin/sh\nkill -KILL $$\n",
            "it ended at once with signal: 9 (SIGKILL)",
        ),
        (
            "#!/no/such/interpreter\n",
            "it ended at once with exit status: 127",
        ),
        (
            "#!/bin/sh\nwhile :; do echo again and again; done\n",
            "it prints without end",
        ),
    ] {
        let ran = with_server(script);
        ran.assert_refused(4, said);
        assert!(
            ran.stderr.contains("redis-server did not start"),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.len() < 800, "{}", ran.stderr);
    }
}

/// What stands on PATH under the name of the server may be a script that adds to what it is told.
#[test]
fn a_private_server_that_is_not_as_asked_is_ended_again() {
    let server = which("redis-server");
    let server = server.display();
    let port = super::support::free_port();
    for (script, said) in [
        (
            format!("#!/bin/sh\nexec {server} \"$@\" --port {port}\n"),
            "it listens on the network, as it was told not to",
        ),
        (
            format!("#!/bin/sh\nexec {server} \"$@\" --save 60 1\n"),
            "it writes to the disk, as it was told not to",
        ),
    ] {
        with_server(&script).assert_refused(4, said);
    }
}

/// A person's own URL, password and all, was handed on to the guardian and to the server.
#[test]
fn no_secret_is_handed_on_to_what_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = racesim(&[
        "locked",
        "--users",
        "3",
        "--payment",
        "60s",
        "--redis",
        "private",
    ]);
    command
        .env("TMPDIR", folder.path())
        .env("RACESIM_REDIS", "redis://:S3CRET@127.0.0.1:1");
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("the server is there", || server_in(folder.path()).is_some());
    for pid in [server_in(folder.path()), guardian_in(folder.path())] {
        let pid = pid.unwrap();
        for file in ["environ", "cmdline"] {
            let text = std::fs::read(format!("/proc/{pid}/{file}")).unwrap();
            assert!(!String::from_utf8_lossy(&text).contains("S3CRET"), "{file}");
        }
    }
    interrupt(child, folder.path());
}
