//! Why a lock service cannot be used: one line, with the next move.

use std::path::PathBuf;

/// Why the lock service cannot be used. No text here ever holds a password.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Nothing that can be connected to. It is not repeated: it may hold a password.
    #[error(
        "this is not the URL of a Redis: write redis://HOST:PORT, redis://:PASSWORD@HOST:PORT, rediss:// for TLS, unix:///PATH, private or embedded, and / ? # @ of a password as %2F %3F %23 %40"
    )]
    Url,
    /// One server under two names.
    #[error(
        "{first} and {second} are one and the same server: give servers that are independent, each once"
    )]
    Twice {
        /// As it was given first.
        first: String,
        /// As it was given again.
        second: String,
    },
    /// There is no such machine.
    #[error("there is no host '{host}' ({reason}): check the name in the URL")]
    NoHost {
        /// Its name.
        host: String,
        /// What the system says.
        reason: String,
    },
    /// Nobody answers there.
    #[error(
        "no Redis at {address} ({reason}): start one, or leave --redis out to race on a private one"
    )]
    Unreachable {
        /// Where.
        address: String,
        /// What the system says.
        reason: String,
    },
    /// Somebody is there, but does not answer.
    #[error(
        "Redis at {address} did not answer within {limit}: is it stopped, or busy? see --timeout"
    )]
    Silent {
        /// Where.
        address: String,
        /// How long it had.
        limit: String,
    },
    /// The connection ended before anything was said.
    #[error(
        "what listens at {0} closed the connection: it is no Redis, or one that wants TLS (rediss://)"
    )]
    Closed(String),
    /// Somebody is there who speaks otherwise.
    #[error(
        "what listens at {0} does not answer as a Redis does: check the port, or write rediss:// if it wants TLS"
    )]
    NotRedis(String),
    /// TLS was wanted where there is none.
    #[error(
        "there is no TLS at {0}: write redis:// instead of rediss://, or give the port for TLS"
    )]
    NoTls(String),
    /// TLS, and a certificate that proves nothing.
    #[error(
        "the certificate of {address} is not trusted ({reason}): name the file of its authority in SSL_CERT_FILE, and the host as the certificate does"
    )]
    Certificate {
        /// Where.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It wants a password, and none was given.
    #[error(
        "Redis at {0} wants a password: put it into RACESIM_REDIS as redis://:PASSWORD@HOST:PORT"
    )]
    PasswordWanted(String),
    /// The password is wrong.
    #[error("Redis at {0} refused the user name or the password: check the ones in the URL")]
    PasswordWrong(String),
    /// It has no password.
    #[error("Redis at {0} has no password: leave it out of the URL")]
    PasswordUnwanted(String),
    /// It is a Redis, but not one, or not in a state, that can be raced on.
    #[error("Redis at {address} {why}")]
    Unfit {
        /// Where.
        address: String,
        /// Why, and the next move.
        why: Unfit,
    },
    /// It refuses what a lock needs.
    #[error("Redis at {address} cannot serve as a lock: {reason}")]
    Refused {
        /// Where.
        address: String,
        /// What it says.
        reason: String,
    },
    /// Somebody holds a key that the race is about to use.
    #[error(
        "the lock '{key}' is already held on Redis at {address}{expiry}: wait for it, or give another --key-prefix"
    )]
    AlreadyHeld {
        /// The key.
        key: String,
        /// Where.
        address: String,
        /// When it ends, in words.
        expiry: String,
    },
    /// Somebody's own server is not ours to harm.
    #[error(
        "'{fault}' kills or stops the server, and this one is not ours ({server}): leave --redis out for a private one"
    )]
    NotOurs {
        /// The fault that was asked for.
        fault: &'static str,
        /// Whose it is.
        server: String,
    },
    /// What is on its way to it cannot be held back.
    #[error(
        "'late' holds back the last byte of a command, which TLS does not let it see ({0}): give a URL without TLS, or leave --redis out for a private server"
    )]
    NeverLate(String),
    /// It cannot compare and delete in one command.
    #[error(
        "{0}: it has neither DELIFEQ (Valkey 9 or later) nor DELEX (Redis 8.4 or later), which --release ifeq sends: leave that out, or give a server that has one"
    )]
    NoConditionalDelete(String),
    /// Several servers are wanted.
    #[error(
        "there are {0} servers, and more are to be locked: repeat --redis, or give fewer --nodes"
    )]
    TooFew(usize),
    /// Fewer servers are wanted.
    #[error(
        "{servers} servers are given, but only {wanted} {}: give --redis {}",
        if *wanted == 1 { "is used" } else { "are used" },
        if *wanted == 1 { "once".to_owned() } else { format!("{wanted} times") }
    )]
    TooMany {
        /// How many are given.
        servers: usize,
        /// How many are wanted.
        wanted: usize,
    },
    /// There is no server to start.
    #[error(
        "neither redis-server nor valkey-server is on PATH: install one (apt-get install redis-server), or give --redis URL"
    )]
    NoServer,
    /// The private server did not come up.
    #[error("the private {} did not start: {reason}", program.display())]
    Server {
        /// The program.
        program: PathBuf,
        /// What it said.
        reason: String,
    },
    /// racesim's own lock server did not come up.
    #[error("racesim's own lock server did not start: {0}")]
    Embedded(String),
    /// The private server is gone.
    #[error("the private server ended ({0})")]
    Ended(String),
}

impl LockError {
    /// Whether it is what was typed that is wrong, and not a server.
    #[must_use]
    pub const fn is_of_usage(&self) -> bool {
        matches!(
            self,
            Self::Url
                | Self::Twice { .. }
                | Self::TooFew(_)
                | Self::TooMany { .. }
                | Self::NotOurs { .. }
                | Self::NeverLate(_)
        )
    }

    /// Whether nothing was done, because another node of the cluster is to be asked.
    pub(super) const fn is_redirection(&self) -> bool {
        matches!(
            self,
            Self::Unfit {
                why: Unfit::ClusterDown | Unfit::SlotMoving,
                ..
            }
        )
    }

    /// Whether another try, a moment later, may go well.
    pub(super) const fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Silent { .. }
                | Self::Closed(_)
                | Self::Unfit {
                    why: Unfit::Loading | Unfit::Full,
                    ..
                }
        )
    }
}

/// What keeps a Redis from serving as a lock, with the next move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It has just been started.
    #[error("is still loading its data: wait until it has")]
    Loading,
    /// It has too many clients.
    #[error("takes no more connections: raise its maxclients")]
    Full,
    /// It is a node of a cluster, and nobody serves some of its locks.
    #[error(
        "is a node of a cluster that does not serve all of its slots: see what CLUSTER INFO says there"
    )]
    ClusterDown,
    /// It is a node of a cluster that moves slots.
    #[error("is a node of a cluster that is moving the slot of a lock: wait until it has")]
    SlotMoving,
    /// Two keys of one lock would be on two nodes of it.
    #[error(
        "is a cluster, in which a lock and its counter need the same hash tag: leave {{ and }} out of --key-prefix"
    )]
    TwoSlots,
    /// It only watches others.
    #[error("is a Sentinel, which holds no locks: give the URL of the server that it watches")]
    Sentinel,
    /// Its access rules are in the way.
    #[error(
        "does not let this user do what a lock needs: grant it SET, GET, DEL, PTTL, PEXPIRE, EXISTS, EVAL, EVALSHA and SCRIPT on the keys of --key-prefix"
    )]
    NoRights,
    /// A replica without its primary.
    #[error("is a replica that has lost its primary: give the URL of the primary")]
    LostPrimary,
    /// It takes no writes.
    #[error("is read-only, a replica perhaps: give the URL of the primary")]
    ReadOnly,
    /// It has no room.
    #[error("is out of memory: raise its maxmemory, or leave --redis out to race on a private one")]
    OutOfMemory,
    /// It has no room on its disk.
    #[error(
        "takes no writes, since it cannot save to its disk: make room there, or set its stop-writes-on-bgsave-error to no"
    )]
    DiskFull,
    /// It has no password.
    #[error("is in protected mode: it answers its own machine only, until it has a password")]
    Protected,
    /// It does nothing else.
    #[error("is busy with somebody's script: wait for it, or end it with SCRIPT KILL")]
    Busy,
    /// It wants to have copies.
    #[error("takes no writes without enough replicas: see its min-replicas-to-write")]
    TooFewReplicas,
    /// The number at the end of the URL.
    #[error("has no database of that number: give a smaller one at the end of the URL")]
    NoDatabase,
}

impl Unfit {
    /// A server that holds no keys of its own, by what it calls its mode.
    pub(super) fn by_mode(mode: &str) -> Option<Self> {
        (mode == "sentinel").then_some(Self::Sentinel)
    }

    pub(super) fn by_code(code: &str) -> Option<Self> {
        Some(match code {
            "OOM" => Self::OutOfMemory,
            "MISCONF" => Self::DiskFull,
            "DENIED" => Self::Protected,
            "BUSY" => Self::Busy,
            "NOREPLICAS" => Self::TooFewReplicas,
            _ => return None,
        })
    }
}
