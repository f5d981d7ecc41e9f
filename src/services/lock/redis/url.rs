//! How a Redis is named without its password ever being shown.

use std::borrow::Cow;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::str::FromStr;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo};

use super::slots::NodeAddress;
use crate::services::lock::LockError;

/// The URL of a Redis. What is shown of it is what was understood of it: where the server is, and never
/// a user name or a password.
#[derive(Clone)]
pub struct Url(ConnectionInfo);

impl Url {
    /// The URL of a server that listens on this socket.
    ///
    /// # Errors
    /// [`LockError::Url`] when that cannot be.
    pub fn of_socket(socket: &Path) -> Result<Self, LockError> {
        let info = ConnectionAddr::Unix(socket.to_owned()).into_connection_info();
        info.map(Self).map_err(|_| LockError::Url)
    }

    /// The URL as it can be given again, without a user name or a password.
    #[must_use]
    pub fn without_secrets(&self) -> String {
        let ConnectionAddr::Unix(path) = self.place() else {
            return self.told("", &self.address());
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
        let bytes = path.as_os_str().as_bytes().iter();
        let escaped = bytes.map(|byte| match byte {
            plain if is_plain(*plain) => char::from(*plain).to_string(),
            other => format!("%{other:02X}"),
        });
        self.told("", &escaped.collect::<String>())
    }

    /// Whether there is a user name or a password in it.
    #[must_use]
    pub fn has_secrets(&self) -> bool {
        self.settings().username().is_some() || self.settings().password().is_some()
    }

    fn told(&self, somebody: &str, place: &str) -> String {
        let scheme = match self.place() {
            ConnectionAddr::TcpTls { .. } => "rediss",
            ConnectionAddr::Unix(_) => "unix",
            _ => "redis",
        };
        let database = match self.settings().db() {
            0 => String::new(),
            db if matches!(self.place(), ConnectionAddr::Unix(_)) => format!("?db={db}"),
            db => format!("/{db}"),
        };
        format!("{scheme}://{somebody}{place}{database}")
    }

    /// The same for another node of the same cluster.
    pub(super) fn at(&self, node: &NodeAddress) -> Self {
        let (host, port) = (node.host.clone(), node.port);
        let place = match self.place().clone() {
            ConnectionAddr::TcpTls {
                insecure,
                tls_params,
                ..
            } => ConnectionAddr::TcpTls {
                host,
                port,
                insecure,
                tls_params,
            },
            _ => ConnectionAddr::Tcp(host, port),
        };
        Self(self.0.clone().set_addr(place))
    }

    /// The host of the server; a socket is of this machine.
    pub(super) fn host(&self) -> &str {
        match self.place() {
            ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => host,
            _ => "127.0.0.1",
        }
    }

    pub(super) fn place(&self) -> &ConnectionAddr {
        self.0.addr()
    }

    pub(super) fn settings(&self) -> &RedisConnectionInfo {
        self.0.redis_settings()
    }

    /// Where the server is, in words.
    pub(super) fn address(&self) -> String {
        match self.place() {
            ConnectionAddr::Unix(path) => on_one_line(&path.to_string_lossy()),
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                if host.contains(':') {
                    format!("[{host}]:{port}")
                } else {
                    format!("{}:{port}", on_one_line(host))
                }
            }
            other => other.to_string(),
        }
    }

    /// A text from the server, on one line, not too long, and without the user name and the password
    /// that it may repeat.
    pub(super) fn scrub(&self, text: &str) -> String {
        let mut text = Cow::Borrowed(text);
        let secrets = [self.settings().password(), self.settings().username()];
        for secret in secrets.into_iter().flatten() {
            if !secret.is_empty() && text.contains(secret) {
                text = text.replace(secret, "***").into();
            }
        }
        let line = on_one_line(&text);
        line.chars().take(FOREIGN_MAX).collect()
    }
}

/// How much of a server's own text is shown.
const FOREIGN_MAX: usize = 200;

/// The text without characters that would begin a new line or speak to the terminal.
fn on_one_line(text: &str) -> String {
    let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
    text.chars().map(plain).collect()
}

impl FromStr for Url {
    type Err = LockError;

    /// Reads a URL in full, so that whatever is wrong with it is known before anything runs. What does
    /// not belong there is refused, not ignored: it may be the rest of a password.
    fn from_str(text: &str) -> Result<Self, LockError> {
        let parsed = redis::parse_redis_url(text).ok_or(LockError::Url)?;
        let is_socket = parsed.scheme().contains("unix");
        let mut keys = parsed.query_pairs().map(|(key, _)| key);
        let are_known = keys.all(|key| match &*key {
            "protocol" => true,
            "db" | "user" | "pass" => is_socket,
            _ => false,
        });
        let path = parsed.path().trim_start_matches('/');
        let is_number = path.bytes().all(|byte| byte.is_ascii_digit());
        if parsed.fragment().is_some() || !are_known || !(is_socket || is_number) {
            return Err(LockError::Url);
        }
        let info = parsed.into_connection_info();
        info.map(Self).map_err(|_| LockError::Url)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let somebody = if self.has_secrets() { "***@" } else { "" };
        f.write_str(&self.told(somebody, &self.address()))
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

/// Who stands in the URLs that are given as examples.
const EXAMPLE: &str = ":PASSWORD";

/// The text with whatever may be a user name or a password in a URL replaced by `***`.
///
/// A password may itself hold `@`, `/` or `?`, so everything from `://` to the last `@` of the same
/// word goes, and the value of every `pass=` parameter (unix sockets) with it.
#[must_use]
pub fn redact(text: &str) -> String {
    text.split_inclusive(char::is_whitespace)
        .map(redact_word)
        .collect()
}

fn redact_word(word: &str) -> String {
    let shown = match (word.find("://"), word.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 <= at && word[scheme + 3..at] != *EXAMPLE => {
            format!("{}***{}", &word[..scheme + 3], &word[at..])
        }
        _ => word.to_owned(),
    };
    let mut parts = shown.split("pass=");
    let before = parts.next().unwrap_or_default().to_owned();
    parts.fold(before, |text, part| {
        let end = part.find(['&', '\'', '"', '\n', ' ']);
        text + "pass=***" + &part[end.unwrap_or(part.len())..]
    })
}

/// Whether a word that somebody typed may hold a password, well-formed or not.
#[must_use]
pub fn may_hold_a_secret(word: &str) -> bool {
    if word.contains("pass=") {
        return true;
    }
    // `A.acquire@2` names a server of several.
    let is_number = |rest: &str| {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        (1..=2).contains(&digits) && !rest[digits..].starts_with(['.', '@'])
    };
    let mut afters = word.match_indices('@').map(|(at, _)| &word[at + 1..]);
    let has_host = afters.any(|rest| !is_number(rest));
    let is_shown = || {
        word.parse::<Url>()
            .is_ok_and(|url| url.settings().password().is_none())
    };
    has_host || (word.contains("://") && !is_shown())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for (text, shown) in [
            ("redis://:secret@host:6379/0", "redis://***@host:6379/0"),
            (
                "no Redis at 'redis://me:se@cr/et?@host': start",
                "no Redis at 'redis://***@host': start",
            ),
            (
                "unix:///tmp/a.sock?db=1&pass=secret&user=me",
                "unix:///tmp/a.sock?db=1&pass=***&user=me",
            ),
            (
                "unix:///tmp/a.sock?pass=secret&pass=secret",
                "unix:///tmp/a.sock?pass=***&pass=***",
            ),
            ("redis://host:6379", "redis://host:6379"),
        ] {
            assert_eq!(redact(text), shown);
        }
    }

    #[test]
    fn a_hint_is_not_taken_for_a_password() {
        let hint = "write redis://:PASSWORD@HOST:PORT";
        assert_eq!(redact(hint), hint);
    }

    #[test]
    fn a_url_shows_what_was_understood_of_it() {
        for (text, shown) in [
            (
                "redis://:secret@127.0.0.1:6379",
                "redis://***@127.0.0.1:6379",
            ),
            (
                "redis://me:secret@127.0.0.1:6379/0",
                "redis://***@127.0.0.1:6379",
            ),
            ("rediss://secret@[::1]/3", "rediss://***@[::1]:6379/3"),
            ("redis://localhost", "redis://localhost:6379"),
            ("redis://:a%2Fsecret%40@h", "redis://***@h:6379"),
            (
                "unix:///a.sock?user=secret&pass=secret&db=2",
                "unix://***@/a.sock?db=2",
            ),
        ] {
            let url: Url = text.parse().unwrap();
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("secret"));
        }
    }

    #[test]
    fn what_is_no_url_is_refused_and_not_shown() {
        for text in [
            "http://:secret@host",
            "default:secret@localhost:6379",
            "redis:secret@localhost",
            "redis://secret#word@host:6379",
            "redis://secret?word@host:6379",
            "redis://default:6379/secret@host",
            "redis://h/secret",
            "redis://h/-1",
            "redis://h?pass=secret",
            "unix:///a?secret=1",
            "redis://secret:secret",
        ] {
            let error = text.parse::<Url>().unwrap_err();
            assert!(!error.to_string().contains("secret"), "{text}");
        }
    }

    #[test]
    fn a_word_that_may_hold_a_password_is_told_from_one_that_names_a_server() {
        for word in [
            "default:x@localhost",
            "x@10.0.0.1:1",
            "redis://:x@h",
            "ftp://x",
            "a?pass=b",
        ] {
            assert!(may_hold_a_secret(word), "{word}");
        }
        for word in [
            "A.acquire@2",
            "crash:acquire@2:0.5",
            "redis://h:1/2",
            "--users",
            "a.acquire@2@",
        ] {
            assert_eq!(may_hold_a_secret(word), word.ends_with('@'), "{word}");
        }
    }
}
