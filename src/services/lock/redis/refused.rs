//! What a server's error means: the refusal that a person reads.

use std::time::Duration;

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::duration::Millis;
use crate::services::lock::{LockError, Unfit, Url};

impl LockError {
    pub(super) fn silent(url: &Url, limit: Duration) -> Self {
        Self::Silent {
            address: url.address(),
            limit: Millis(limit).to_string(),
        }
    }

    /// What the server meant by an error, or the library.
    pub(super) fn of_server(error: &RedisError, url: &Url, limit: Duration) -> Self {
        let address = url.address();
        match (error.kind(), error.code()) {
            (_, Some("NOAUTH")) => Self::PasswordWanted(address),
            (_, Some("WRONGPASS")) => Self::PasswordWrong(address),
            (ErrorKind::Io, _) if error.is_timeout() => Self::silent(url, limit),
            (ErrorKind::Io, _) => Self::Closed(address),
            (ErrorKind::Server(kind), _) => match Unfit::by_kind(kind) {
                Some(why) => Self::Unfit { address, why },
                None => Self::refused(error, url),
            },
            (ErrorKind::Extension, Some(code)) => match Unfit::by_code(code) {
                Some(why) => Self::Unfit { address, why },
                None => Self::refused(error, url),
            },
            _ => Self::NotRedis(address),
        }
    }

    /// What the server meant when it was told the user name and the password.
    pub(super) fn of_greeting(error: &RedisError, url: &Url, limit: Duration) -> Self {
        let detail = error.detail().unwrap_or_default();
        let is_open = ["without any password configured", "no password is set"];
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::ResponseError)
                if is_open.iter().any(|text| detail.contains(text)) =>
            {
                Self::PasswordUnwanted(url.address())
            }
            ErrorKind::Server(ServerErrorKind::ResponseError) if !detail.contains("max number") => {
                Self::PasswordWrong(url.address())
            }
            _ => Self::of_server(error, url, limit),
        }
    }

    fn refused(error: &RedisError, url: &Url) -> Self {
        let address = url.address();
        let detail = error.detail().unwrap_or_default();
        let no_database = ["DB index is out of range", "not allowed in cluster mode"];
        if no_database.iter().any(|text| detail.contains(text)) {
            return Self::Unfit {
                address,
                why: Unfit::NoDatabase,
            };
        }
        if detail.contains("max number of clients") {
            return Self::Unfit {
                address,
                why: Unfit::Full,
            };
        }
        let reason = format!("{} {detail}", error.code().unwrap_or_default());
        Self::Refused {
            reason: url.scrub(reason.trim()),
            address,
        }
    }
}

impl Unfit {
    /// What keeps a server that answers so from serving as a lock.
    fn by_kind(kind: ServerErrorKind) -> Option<Self> {
        Some(match kind {
            ServerErrorKind::BusyLoading => Self::Loading,
            ServerErrorKind::ClusterDown => Self::ClusterDown,
            ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::TryAgain => {
                Self::SlotMoving
            }
            ServerErrorKind::CrossSlot => Self::TwoSlots,
            ServerErrorKind::MasterDown => Self::LostPrimary,
            ServerErrorKind::ReadOnly => Self::ReadOnly,
            ServerErrorKind::NoPerm => Self::NoRights,
            // And whatever else the library may learn to tell apart.
            _ => return None,
        })
    }
}
