//! Is somebody's Redis used as asked, left as found, and its troubles told?

use super::support::{RedisServer, end, eventually, finish, free_port, racesim, run, signal};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

#[test]
fn a_server_of_ones_own_sees_the_set_and_the_release() {
    let server = RedisServer::start("");
    let mut monitor = Command::new("redis-cli")
        .args(["-p", &server.port.to_string(), "MONITOR"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(monitor.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "OK");
    let ran = run(&["locked", "--users", "20", "--redis", &server.url()]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(
        ran.stdout
            .contains(&format!("a server of yours at 127.0.0.1:{}", server.port)),
        "{}",
        ran.stdout
    );
    assert_eq!(server.cli(&["PING"]), "PONG");
    let seen: Vec<String> = lines
        .map(Result::unwrap)
        .take_while(|line| !line.contains("\"PING\""))
        .collect();
    monitor.kill().unwrap();
    monitor.wait().unwrap();
    let sets: Vec<&String> = seen
        .iter()
        .filter(|line| line.contains("\"SET\" \"lock:seat:10\""))
        .collect();
    assert_eq!(sets.len(), 20, "{seen:#?}");
    assert!(
        sets.iter()
            .all(|line| line.ends_with("\"NX\" \"EX\" \"600\"")),
        "{sets:#?}"
    );
    let releases = seen
        .iter()
        .filter(|line| line.contains("\"EVALSHA\"") && line.contains("\"lock:seat:10\""));
    assert_eq!(releases.count(), 1, "{seen:#?}");
    assert!(
        seen.iter()
            .any(|line| line.contains("lua") && line.contains("\"del\" \"lock:seat:10\"")),
        "{seen:#?}"
    );
}

#[test]
fn a_ttl_of_odd_milliseconds_is_kept_to_the_millisecond() {
    let server = RedisServer::start("");
    let child = racesim(&[
        "locked",
        "--users",
        "1",
        "--payment",
        "60s",
        "--ttl",
        "12345ms",
        "--redis",
        &server.url(),
    ])
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    eventually("the lock is held", || {
        server.cli(&["EXISTS", "lock:seat:10"]) == "1"
    });
    let life: u64 = server.cli(&["PTTL", "lock:seat:10"]).parse().unwrap();
    assert!((1..=12_345).contains(&life), "{life}");
    signal("INT", child.id());
    assert_eq!(end(child).code, Some(130));
    assert_eq!(
        server.cli(&["EXISTS", "lock:seat:10"]),
        "0",
        "Ctrl-C frees the lock"
    );
}

#[test]
fn nothing_of_ours_is_left_and_nothing_of_others_is_touched() {
    let server = RedisServer::start("");
    server.cli(&["SET", "somebody", "else"]);
    server.cli(&["SET", "lock:seat:11", "another application"]);
    let ran = run(&[
        "compare",
        "--users",
        "100",
        "--redis",
        &server.url(),
        "--key-prefix",
        "mine:",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(server.cli(&["DBSIZE"]), "2");
    assert_eq!(server.cli(&["GET", "lock:seat:11"]), "another application");
}

#[test]
fn a_lock_that_somebody_holds_is_named_and_left_alone() {
    let server = RedisServer::start("");
    server.cli(&["SET", "lock:seat:10", "another application", "EX", "500"]);
    let ran = run(&["locked", "--redis", &server.url()]);
    ran.assert_refused(
        4,
        "the lock 'lock:seat:10' is already held on Redis at 127.0.0.1:",
    );
    assert!(
        ran.stderr.contains("give another --key-prefix"),
        "{}",
        ran.stderr
    );
    assert_eq!(server.cli(&["GET", "lock:seat:10"]), "another application");
    server.cli(&["DEL", "lock:seat:10"]);
    server.cli(&["LPUSH", "lock:seat:7", "a list"]);
    run(&["locked", "--seats", "9", "--redis", &server.url()])
        .assert_refused(4, "'lock:seat:7' is already held");
}

#[test]
fn a_unix_socket_serves_as_well() {
    let server = RedisServer::start("");
    let url = format!("unix://{}/redis.sock", server.folder().display());
    let ran = run(&["locked", "--users", "20", "--redis", &url]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(ran.stdout.contains("redis.sock"), "{}", ran.stdout);
}

#[test]
fn the_environment_names_the_server_too() {
    let server = RedisServer::start("");
    let mut command = racesim(&["locked", "--users", "20"]);
    command.env("RACESIM_REDIS", server.url());
    assert_eq!(finish(command).code, Some(0));
    assert!(server.sets() >= 20, "it was raced on");
}

#[test]
fn nobody_at_the_port_is_said_at_once() {
    let url = format!("redis://127.0.0.1:{}", free_port());
    let ran = run(&["locked", "--redis", &url]);
    ran.assert_refused(
        4,
        "start one, or leave --redis out to race on a private one",
    );
    assert!(
        ran.stderr.contains("no Redis at 127.0.0.1:"),
        "{}",
        ran.stderr
    );
    run(&["locked", "--redis", "unix:///no/such/socket"])
        .assert_refused(4, "no Redis at /no/such/socket");
    run(&["locked", "--redis", "redis://no-such-host.invalid"])
        .assert_refused(4, "there is no host 'no-such-host.invalid'");
}

#[test]
fn something_that_is_no_redis_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 64]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let ran = run(&["locked", "--redis", &url]);
    server.join().unwrap();
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (Some(4), ""),
        "{}",
        ran.all()
    );
    assert!(ran.stderr.contains("127.0.0.1"), "{}", ran.stderr);
}

#[test]
fn a_server_that_wants_a_password_gets_it_from_the_url_and_never_shows_it() {
    let server = RedisServer::with_password("geheim");
    run(&["locked", "--redis", &server.url()])
        .assert_refused(4, "wants a password: put it into RACESIM_REDIS");
    let wrong = format!("redis://:falsch@127.0.0.1:{}", server.port);
    let ran = run(&["locked", "--redis", &wrong]);
    ran.assert_refused(4, "refused the user name or the password");
    assert!(!ran.all().contains("falsch"));

    let right = format!("redis://:geheim@127.0.0.1:{}", server.port);
    let folder = tempfile::tempdir().unwrap();
    let places = ["race.json", "race.md", "race.csv", "race.jsonl"]
        .map(|name| folder.path().join(name).display().to_string());
    let exports = [("json", 0), ("markdown", 1), ("csv", 2)]
        .map(|(format, at)| format!("{format}:{}", places[at]));
    let mut arguments = vec![
        "locked",
        "--users",
        "20",
        "--redis",
        &right,
        "--history",
        &places[3],
    ];
    for export in &exports {
        arguments.extend(["--export", export]);
    }
    let ran = run(&arguments);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let written = places.map(super::support::text_of).concat();
    assert!(written.contains("127.0.0.1"));
    assert!(!(ran.all() + &written).contains("geheim"));
}

#[test]
fn a_replica_is_read_only() {
    let server = RedisServer::start("replicaof 127.0.0.1 1");
    run(&["locked", "--redis", &server.url()]).assert_refused(
        4,
        "is read-only, a replica perhaps: give the URL of the primary",
    );
}

#[test]
fn a_server_without_room_is_out_of_memory() {
    let server = RedisServer::start("maxmemory 1\nmaxmemory-policy noeviction");
    run(&["locked", "--redis", &server.url()])
        .assert_refused(4, "is out of memory: raise its maxmemory");
}

#[test]
fn a_server_that_forbids_scripts_cannot_serve() {
    let server = RedisServer::start("user default on nopass ~* &* +@all -@scripting");
    run(&["locked", "--redis", &server.url()])
        .assert_refused(4, "does not let this user do what a lock needs");
}

#[test]
fn a_server_that_is_stopped_from_the_start_is_given_up() {
    let server = RedisServer::start("");
    signal("STOP", server.pid());
    run(&["locked", "--timeout", "300ms", "--redis", &server.url()])
        .assert_refused(4, "did not answer within 300ms");
}

#[test]
fn a_server_behind_tls_serves_when_its_certificate_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(vec![]).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_certificate = authority.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let server_key = rcgen::KeyPair::generate().unwrap();
    let server = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let server = server.signed_by(&server_key, &issuer).unwrap();
    std::fs::write(path("ca.pem"), authority_certificate.pem()).unwrap();
    std::fs::write(path("server.pem"), server.pem()).unwrap();
    std::fs::write(path("server.key"), server_key.serialize_pem()).unwrap();

    let port = free_port();
    let _server = RedisServer::start(&format!(
        "tls-port {port}\ntls-cert-file {}\ntls-key-file {}\ntls-ca-cert-file {}\ntls-auth-clients no",
        path("server.pem"),
        path("server.key"),
        path("ca.pem"),
    ));
    let url = format!("rediss://127.0.0.1:{port}");
    let mut trusting = racesim(&["locked", "--users", "20", "--redis", &url]);
    trusting.env("SSL_CERT_FILE", path("ca.pem"));
    let ran = finish(trusting);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    run(&["locked", "--redis", &url]).assert_refused(4, &format!("127.0.0.1:{port}"));
}
