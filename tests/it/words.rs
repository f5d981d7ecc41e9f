//! What is a person told whose Redis cannot be raced on? One line with the next move, and no secret.

use super::support::{Ran, RedisServer, finish, free_port, racesim, run};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

/// What must never be printed.
pub(crate) const SECRET: &str = "S3CRET";

pub(crate) fn racing(url: &str) -> Ran {
    run(&["locked", "--users", "5", "--timeout", "2s", "--redis", url])
}

/// A race whose Redis is named in the environment.
pub(crate) fn racing_by_environment(url: &str) -> Ran {
    let mut command = racesim(&["locked", "--users", "5"]);
    command.env("RACESIM_REDIS", url);
    finish(command)
}

/// The URL of something that answers every connection with these bytes and closes it.
pub(crate) fn answering(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            // Whoever asks may be gone before it is answered.
            if !bytes.is_empty() {
                let _ = stream.read(&mut [0; 512]);
                let _ = stream.write_all(bytes);
                let _ = stream.shutdown(std::net::Shutdown::Write);
                let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
                while stream.read(&mut [0; 512]).is_ok_and(|read| read > 0) {}
            }
        }
    });
    url
}

/// An empty `--redis` was taken as none, a word beside another as a malformed URL, and a server that no
/// lock was on was not mentioned.
#[test]
fn a_redis_that_would_not_be_asked_as_typed_is_refused() {
    let one = "redis://127.0.0.1:1";
    let two = "redis://127.0.0.1:2";
    let alone = "'private' starts every server that is needed: give it once, and no other --redis";
    let inside =
        "'embedded' starts every server inside racesim: give it once, and no other --redis";
    for (arguments, text) in [
        (
            &["locked", "--redis", ""][..],
            "--redis: an empty word names no Redis",
        ),
        (
            &["redlock", "--redis", one, "--redis", ""],
            "--redis: an empty word names no Redis",
        ),
        (
            &["locked", "--redis", "private", "--redis", "private"],
            alone,
        ),
        (
            &["locked", "--redis", "private", "--redis", "embedded"],
            alone,
        ),
        (&["redlock", "--redis", one, "--redis", "private"], alone),
        (&["compare", "--redis", "embedded", "--redis", one], inside),
        (
            &["locked", "--redis", one, "--redis", two],
            "only redlock locks on several servers",
        ),
        (
            &["compare", "--redis", one, "--redis", two],
            "only redlock locks on several servers",
        ),
        (
            &["replay", "locked", "--all", "--redis", one, "--redis", two],
            "only redlock locks on several servers",
        ),
        (
            &["redlock", "--nodes", "1", "--redis", one, "--redis", two],
            "2 servers are given, but only 1 is used: give --redis once",
        ),
        (
            &["compare", "naive", "unique", "--redis", one],
            "naive, unique take no lock",
        ),
        (
            &["replay", "naive", "--all", "--redis", one],
            "naive takes no lock",
        ),
        (&["naive", "-q", "-q"], "--quiet is given twice"),
    ] {
        run(arguments).assert_refused(2, text);
    }
}

#[test]
fn an_empty_environment_variable_is_as_one_that_is_not_set() {
    let ran = racing_by_environment("");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(ran.stdout.contains("a private server at"), "{}", ran.stdout);
}

/// A recorded schedule says which strategy it is: what it does not lock on is known when it is read.
#[test]
fn a_server_too_many_for_a_recorded_schedule_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let found = folder.path().join("found.json");
    let export = format!("json:{}", found.display());
    let searched =
        "explore locked --release del --fault expire --property no-foreign-release --export";
    let searched: Vec<&str> = searched.split(' ').chain([export.as_str()]).collect();
    assert_eq!(run(&searched).code, Some(1));
    let from = found.to_str().unwrap();
    let servers = [
        "--redis",
        "redis://127.0.0.1:1",
        "--redis",
        "redis://127.0.0.1:2",
    ];
    let ran = run(&[&["replay", "--from", from][..], &servers].concat());
    ran.assert_refused(
        2,
        "2 servers are given, but only 1 is used: give --redis once",
    );
}

/// The words of the library reached the person: *Parse error at 1*, in three lines.
#[test]
fn what_is_no_redis_is_said_in_one_line() {
    let http = answering(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    racing(&http).assert_refused(4, "does not answer as a Redis does: check the port");
    let garbage = answering(&[0x15, 3, 3, 0, 2, 2, 0x46, 0xff, 0xfe, 0, 7]);
    racing(&garbage).assert_refused(4, "does not answer as a Redis does");
    let closing = answering(b"");
    racing(&closing).assert_refused(4, "closed the connection");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("redis://{}", silent.local_addr().unwrap());
    let ran = run(&["locked", "--timeout", "300ms", "--redis", &silent]);
    assert_eq!(ran.code, Some(4), "{}", ran.all());
    racing("redis://no-such-host.invalid")
        .assert_refused(4, "there is no host 'no-such-host.invalid'");
    let port = free_port();
    racing(&format!("redis://[::1]:{port}"))
        .assert_refused(4, &format!("no Redis at [::1]:{port}"));
}

#[test]
fn tls_where_there_is_none_is_said() {
    let server = RedisServer::start("");
    let url = server.url().replace("redis://", "rediss://");
    racing(&url).assert_refused(4, "there is no TLS at 127.0.0.1:");
    let http = answering(b"HTTP/1.1 400 Bad Request\r\n\r\n").replace("redis://", "rediss://");
    racing(&http).assert_refused(4, "write redis:// instead of rediss://");
    let closing = answering(b"").replace("redis://", "rediss://");
    racing(&closing).assert_refused(4, "there is no TLS at");
}

/// One node of a cluster was refused with *Moved: 15274*, or taken, by the luck of the key.
#[test]
fn a_node_of_a_cluster_and_a_sentinel_are_named() {
    let node = RedisServer::start("cluster-enabled yes");
    racing(&node.url()).assert_refused(4, "is a node of a cluster");
    let sentinel = RedisServer::sentinel();
    racing(&sentinel.url()).assert_refused(4, "is a Sentinel, which holds no locks");
}

#[test]
fn what_a_server_refuses_is_said_with_the_next_move() {
    let server = RedisServer::start("databases 4");
    let url = server.url();
    racing(&format!("{url}/9")).assert_refused(4, "has no database of that number");
    assert_eq!(racing(&format!("{url}/3")).code, Some(0));
    let with_password = url.replace("//", "//:S3CRET@");
    racing(&with_password).assert_refused(4, "has no password: leave it out of the URL");

    server.cli(&[
        "ACL", "SETUSER", "bob", "on", ">S3CRET", "~*", "+@read", "+select",
    ]);
    let ran = racing(&url.replace("//", "//bob:S3CRET@"));
    ran.assert_refused(4, "does not let this user do what a lock needs");
    assert!(!ran.all().contains("bob"), "{}", ran.all());
    racing(&url.replace("//", "//bob:wrong@"))
        .assert_refused(4, "refused the user name or the password");

    let full = RedisServer::start("maxclients 1");
    let _the_only = std::net::TcpStream::connect(("127.0.0.1", full.port)).unwrap();
    racing(&full.url()).assert_refused(4, "takes no more connections");

    let lonely = RedisServer::start("min-replicas-to-write 1");
    racing(&lonely.url()).assert_refused(4, "takes no writes without enough replicas");
}

/// A server that cannot save takes no writes.
#[test]
fn a_server_whose_disk_is_full_is_named() {
    let server = RedisServer::start("dbfilename nowhere.rdb");
    server.cli(&["CONFIG", "SET", "save", "3600 100000"]);
    server.cli(&["SET", "a", "b"]);
    // A folder in the way of the file that is to be renamed.
    std::fs::create_dir_all(server.folder().join("nowhere.rdb/full")).unwrap();
    server.cli(&["BGSAVE"]);
    super::support::eventually("the server has failed to save", || {
        server
            .cli(&["INFO", "persistence"])
            .contains("rdb_last_bgsave_status:err")
    });
    racing(&server.url()).assert_refused(4, "takes no writes, since it cannot save to its disk");
}

/// The same refusal ended with 2 for one URL and with 4 for another.
#[test]
fn what_is_wrong_with_the_words_is_usage_and_what_is_wrong_with_the_server_is_not() {
    for url in [
        "nonsense",
        "redis://host:6379/abc",
        "redis://host#x",
        "rediss://host/#insecure",
        "redis://0.0.0.0",
    ] {
        racing(url).assert_refused(2, "this is not the URL of a Redis");
    }
    racing(&format!("redis://127.0.0.1:{}", free_port())).assert_refused(4, "no Redis at");
}

/// A server given twice found its own lock held, and `redlock` was called *violated*.
#[test]
fn a_server_that_is_given_twice_is_recognised_by_whatever_name() {
    let server = RedisServer::start("");
    let tcp = server.url();
    let named = tcp.replace("127.0.0.1", "localhost");
    let socket = format!("unix://{}/redis.sock", server.folder().display());
    let other = RedisServer::start("");
    for second in [tcp.clone(), named, socket, format!("{tcp}/1")] {
        let ran = run(&[
            "redlock",
            "--users",
            "5",
            "--redis",
            &tcp,
            "--redis",
            &other.url(),
            "--redis",
            &second,
        ]);
        ran.assert_refused(2, "are one and the same server");
        assert!(ran.stderr.contains(&tcp), "{}", ran.stderr);
    }
    let third = RedisServer::start("");
    let ran = run(&[
        "redlock",
        "--users",
        "5",
        "--redis",
        &tcp,
        "--redis",
        &other.url(),
        "--redis",
        &third.url(),
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
}
