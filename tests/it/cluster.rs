//! Is a Redis Cluster that somebody runs raced on as one lock service, whatever becomes of its slots?

use std::process::{Child, Stdio};

use super::reports::{metric, total};
use super::support::{RedisServer, end, eventually, free_port, racesim, run, signal};

/// The slot of seat 10, and how many there are.
const SLOT: u16 = 10_374;
const SLOTS: u16 = 16_384;

/// A cluster that is no child of racesim.
struct RedisCluster {
    nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// Primaries that share the slots, and as many replicas of each.
    fn start(primaries: usize, replicas: usize, configuration: &str) -> Self {
        let start = |_| {
            let bus = free_port();
            RedisServer::start(&format!(
                "cluster-enabled yes\ncluster-port {bus}\ncluster-node-timeout 1000\n\
                 repl-diskless-sync-delay 0\n{configuration}"
            ))
        };
        let cluster = Self {
            nodes: (0..primaries * (1 + replicas)).map(start).collect(),
        };
        let share = usize::from(SLOTS).div_ceil(primaries);
        for (at, node) in cluster.nodes.iter().take(primaries).enumerate() {
            let last = (share * (at + 1)).min(usize::from(SLOTS)) - 1;
            cluster.ask(at, &format!("CLUSTER ADDSLOTSRANGE {} {last}", share * at));
            cluster.ask(at, &format!("CLUSTER SET-CONFIG-EPOCH {}", at + 1));
            for other in &cluster.nodes {
                let bus = other.cli(&["CONFIG", "GET", "cluster-port"]);
                let bus = bus.lines().last().unwrap();
                node.cli(&["CLUSTER", "MEET", "127.0.0.1", &other.port.to_string(), bus]);
            }
        }
        for at in primaries..cluster.nodes.len() {
            let primary = cluster.id(at % primaries);
            eventually("a replica knows its primary", || {
                cluster.nodes[at].cli(&["CLUSTER", "REPLICATE", &primary]) == "OK"
            });
        }
        eventually("the cluster takes writes", || {
            cluster
                .nodes
                .iter()
                .all(|node| node.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok"))
        });
        eventually("the replicas have what the primaries have", || {
            (primaries..cluster.nodes.len()).all(|at| {
                cluster
                    .ask(at, "INFO replication")
                    .contains("master_link_status:up")
            })
        });
        cluster
    }

    fn ask(&self, node: usize, words: &str) -> String {
        let words: Vec<&str> = words.split_whitespace().collect();
        self.nodes[node].cli(&words)
    }

    fn id(&self, node: usize) -> String {
        self.ask(node, "CLUSTER MYID")
    }

    fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(RedisServer::url).collect()
    }

    fn keys(&self) -> u64 {
        let sizes = (0..self.nodes.len()).map(|at| self.ask(at, "DBSIZE"));
        sizes.map(|size| size.parse::<u64>().unwrap()).sum()
    }

    /// How often the nodes have carried out SET, all of them.
    fn sets(&self) -> u64 {
        self.nodes.iter().map(RedisServer::sets).sum()
    }
}

/// A race of users who go on arriving for seconds, once it is under way.
fn race(cluster: &RedisCluster, arguments: &[&str]) -> Child {
    let before = cluster.sets();
    let child = racesim(&["locked", "--arrive-over", "3s", "--format", "json"])
        .args(arguments)
        .args(["--redis", &cluster.urls()[0]])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("the race is under way", || cluster.sets() > before + 300);
    child
}

/// The same, with a seat for each of 6,000 users.
fn race_for_every_slot(cluster: &RedisCluster) -> Child {
    race(cluster, &["--users", "6000", "--seats", "each"])
}

#[test]
fn any_node_of_a_cluster_is_raced_on_for_every_seat_and_nothing_is_left_there() {
    let cluster = RedisCluster::start(3, 1, "");
    for url in cluster.urls() {
        for options in [
            &["locked"][..],
            &["locked", "--fence", "check-and-write"],
            &["locked", "--on-busy", "wait:10s", "--renew"],
        ] {
            let ran = run(&[
                options,
                &["--users", "300", "--seats", "100", "--redis", &url],
                &["--format", "json"],
            ]
            .concat());
            assert_eq!(ran.code, Some(0), "{}", ran.all());
            let race = ran.race();
            assert_eq!(metric(&race, "double_bookings"), 0);
            assert!(metric(&race, "confirmed") > 60, "{}", ran.all());
            assert!(ran.stdout.contains("a cluster of yours (3 primaries)"));
        }
    }
    assert_eq!(cluster.keys(), 0);
    let sets: Vec<u64> = cluster.nodes[..3].iter().map(RedisServer::sets).collect();
    assert!(sets.iter().all(|sets| *sets > 300), "{sets:?}");
}

#[test]
fn what_a_cluster_holds_already_is_refused_wherever_it_is() {
    let cluster = RedisCluster::start(3, 0, "");
    for seat in 1..=9 {
        let key = format!("lock:seat:{seat}");
        let holder =
            (0..3).find(|at| cluster.ask(*at, &format!("SET {key} somebody EX 100")) == "OK");
        let ran = run(&[
            "locked",
            "--users",
            "5",
            "--seat",
            &seat.to_string(),
            "--redis",
            &cluster.urls()[0],
        ]);
        ran.assert_refused(4, &key);
        cluster.ask(holder.unwrap(), &format!("DEL {key}"));
    }
}

#[test]
fn a_password_goes_for_every_node_and_a_wrong_one_names_the_node() {
    let cluster = RedisCluster::start(3, 0, "");
    for at in 0..3 {
        cluster.ask(at, &format!("ACL SETUSER default on >secret{at} >all"));
    }
    let with = |password: &str| {
        let url = format!("redis://:{password}@127.0.0.1:{}", cluster.nodes[0].port);
        run(&["locked", "--users", "50", "--seats", "50", "--redis", &url])
    };
    assert_eq!(with("all").code, Some(0));
    let ran = with("secret0");
    ran.assert_refused(4, "password");
    let others = [1, 2].map(|at: usize| cluster.nodes[at].port.to_string());
    assert!(
        others.iter().any(|port| ran.stderr.contains(port)),
        "{}",
        ran.stderr
    );
    assert!(!ran.all().contains("secret0"), "{}", ran.all());
}

// A slot that is being moved is served by neither node alone: the old one says ASK for what it has not,
// and the new one wants ASKING first.
#[test]
fn a_slot_that_is_moved_in_the_middle_of_a_race_is_served_all_the_time() {
    let cluster = RedisCluster::start(2, 0, "");
    let (from, to) = (1, 0);
    let (old, new) = (cluster.id(from), cluster.id(to));
    let child = race(&cluster, &["--users", "3000"]);
    cluster.ask(to, &format!("CLUSTER SETSLOT {SLOT} IMPORTING {old}"));
    cluster.ask(from, &format!("CLUSTER SETSLOT {SLOT} MIGRATING {new}"));
    eventually("the new node is asked", || cluster.nodes[to].sets() > 200);
    for at in [to, from] {
        cluster.ask(at, &format!("CLUSTER SETSLOT {SLOT} NODE {new}"));
    }
    let ran = end(child);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let race = ran.race();
    assert_eq!(metric(&race, "confirmed"), 1);
    assert_eq!(metric(&race, "failed") + metric(&race, "unknown"), 0);
    assert_eq!(cluster.keys(), 0);
}

#[test]
fn a_cluster_that_is_moving_the_slot_of_a_seat_is_not_raced_on() {
    let cluster = RedisCluster::start(2, 0, "");
    let (old, new) = (cluster.id(1), cluster.id(0));
    cluster.ask(0, &format!("CLUSTER SETSLOT {SLOT} IMPORTING {old}"));
    cluster.ask(1, &format!("CLUSTER SETSLOT {SLOT} MIGRATING {new}"));
    let url = &cluster.urls()[0];
    let arguments = [
        "locked",
        "--users",
        "5",
        "--timeout",
        "300ms",
        "--redis",
        url,
    ];
    run(&arguments).assert_refused(4, "is moving the slot of a lock: wait until it has");
}

#[test]
fn r5_a_failover_that_the_primary_agrees_to_costs_nobody_a_reply() {
    let cluster = RedisCluster::start(3, 1, "");
    let child = race_for_every_slot(&cluster);
    for replica in 3..6 {
        assert_eq!(cluster.ask(replica, "CLUSTER FAILOVER"), "OK");
    }
    let ran = end(child);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let race = ran.race();
    assert_eq!(metric(&race, "confirmed"), 6000, "{}", ran.all());
    assert!(cluster.nodes[3..].iter().any(|node| node.sets() > 0));
    assert_eq!(cluster.keys(), 0);
}

// A primary that is killed takes no reply back: what was on its way is unknown, and never "somebody else
// is booking it". The others go on, and its replica serves its slots a moment later.
#[test]
fn a_primary_that_is_killed_leaves_what_was_on_its_way_unknown_and_its_replica_serves_the_rest() {
    let cluster = RedisCluster::start(3, 1, "");
    let child = race_for_every_slot(&cluster);
    signal("KILL", cluster.nodes[0].pid());
    let ran = end(child);
    let race = ran.race();
    assert_eq!(total(&race, "attempts"), 6000);
    assert_eq!(metric(&race, "refused_locked"), 0, "{}", ran.all());
    assert_eq!(metric(&race, "double_bookings"), 0);
    assert!(metric(&race, "confirmed") > 5500, "{}", ran.all());
}

#[test]
fn a_cluster_that_cannot_serve_says_why() {
    let node = RedisServer::start("cluster-enabled yes");
    run(&["locked", "--users", "5", "--redis", &node.url()])
        .assert_refused(4, "does not serve all of its slots");
    let cluster = RedisCluster::start(1, 0, "");
    let url = &cluster.urls()[0];
    let refused =
        |more: &[&str]| run(&[&["locked", "--users", "5", "--redis", url], more].concat());
    let braces = ["--fence", "write", "--key-prefix", "{}"];
    refused(&braces).assert_refused(4, "leave { and } out of --key-prefix");
    assert_eq!(
        refused(&["--fence", "write", "--key-prefix", "{x}"]).code,
        Some(0)
    );
    run(&["locked", "--users", "5", "--redis", &format!("{url}/1")])
        .assert_refused(4, "no database of that number");
}

// Each node had found its own lock held, and the promise of redlock was called broken.
#[test]
fn nodes_of_one_cluster_are_no_several_servers() {
    let cluster = RedisCluster::start(3, 0, "");
    let urls = cluster.urls();
    let servers: Vec<&str> = urls.iter().flat_map(|url| ["--redis", url]).collect();
    run(&[&["redlock", "--users", "5"], &servers[..]].concat())
        .assert_refused(2, "one and the same server");
}

// Those who asked a primary that stands still waited for one limit after another, 2,048 at a time; when it
// was given up, the locks on the others were neither freed nor told.
#[test]
fn a_primary_that_stands_still_costs_one_limit_and_the_others_go_on() {
    let cluster = RedisCluster::start(3, 0, "cluster-require-full-coverage no");
    let wanted = ["--users", "20000", "--seats", "each", "--timeout", "1s"];
    let child = race(&cluster, &wanted);
    signal("STOP", cluster.nodes[2].pid());
    let ran = end(child);
    assert_eq!(ran.code, Some(4), "{}", ran.all());
    let race = ran.race();
    assert_eq!(metric(&race, "attempts"), 20_000);
    assert_eq!(metric(&race, "refused_locked"), 0);
    assert_eq!(metric(&race, "double_bookings"), 0);
    assert!(metric(&race, "confirmed") > 12_000, "{}", ran.all());
    // Of what was on its way when it stopped.
    assert!(metric(&race, "unknown") < 4 * 2048, "{}", ran.all());
    signal("CONT", cluster.nodes[2].pid());
    assert_eq!(cluster.ask(0, "DBSIZE"), "0");
    assert_eq!(cluster.ask(1, "DBSIZE"), "0");
}
