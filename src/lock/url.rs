//! How a Redis is named without its password ever being shown.

use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::str::FromStr;

use super::LockError;

/// The URL of a Redis. It is shown without what stands before the `@`.
#[derive(Clone, PartialEq, Eq)]
pub struct Url(String);

impl Url {
    /// The URL of a server that listens on this socket.
    ///
    /// # Errors
    /// [`LockError::Url`] when the path cannot stand in a URL.
    pub fn of_socket(socket: &Path) -> Result<Self, LockError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
        let escaped = socket.as_os_str().as_bytes().iter().map(|byte| match byte {
            plain if is_plain(*plain) => char::from(*plain).to_string(),
            other => format!("%{other:02X}"),
        });
        format!("unix://{}", escaped.collect::<String>()).parse()
    }

    /// The URL without a user name and a password.
    #[must_use]
    pub fn without_secrets(&self) -> String {
        let Some(mut url) = redis::parse_redis_url(&self.0) else {
            return redact(&self.0);
        };
        // A URL without a host, that of a socket, has neither before it.
        let _ = url.set_username("").and_then(|()| url.set_password(None));
        let kept = url.query_pairs().into_owned();
        let kept: Vec<(String, String)> = kept.filter(|pair| !is_secret(&pair.0)).collect();
        url.set_query(None);
        if !kept.is_empty() {
            url.query_pairs_mut().extend_pairs(kept);
        }
        url.to_string()
    }

    /// Whether there is a user name or a password in it.
    #[must_use]
    pub fn has_secrets(&self) -> bool {
        let url = redis::parse_redis_url(&self.0);
        url.is_some_and(|url| {
            let is_in_front = !url.username().is_empty() || url.password().is_some();
            is_in_front || url.query_pairs().any(|(name, _)| is_secret(&name))
        })
    }

    /// The whole URL, password and all: for the driver only.
    pub(super) fn secret(&self) -> &str {
        &self.0
    }
}

/// Whether a parameter of a socket's URL is one that nobody may see.
fn is_secret(parameter: &str) -> bool {
    matches!(parameter, "user" | "pass")
}

impl FromStr for Url {
    type Err = LockError;

    fn from_str(text: &str) -> Result<Self, LockError> {
        match redis::parse_redis_url(text) {
            Some(_) => Ok(Self(text.to_owned())),
            None => Err(LockError::Url(redact(text))),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(&self.0))
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

/// The text with whatever may be a user name or a password in a URL replaced by `***`.
///
/// A password may itself hold `@`, `/` or `?`, so everything from `://` to the last `@` of the same
/// word goes, and the value of a `pass=` parameter (unix sockets) with it.
#[must_use]
pub fn redact(text: &str) -> String {
    text.split_inclusive(char::is_whitespace)
        .map(redact_word)
        .collect()
}

fn redact_word(word: &str) -> String {
    let shown = match (word.find("://"), word.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 <= at => {
            format!("{}***{}", &word[..scheme + 3], &word[at..])
        }
        _ => word.to_owned(),
    };
    match shown.find("pass=") {
        Some(start) => {
            let value = start + "pass=".len();
            let end = shown[value..]
                .find(['&', '\'', '"', '\n', ' '])
                .map_or(shown.len(), |length| value + length);
            format!("{}***{}", &shown[..value], &shown[end..])
        }
        None => shown,
    }
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
            ("redis://host:6379", "redis://host:6379"),
        ] {
            assert_eq!(redact(text), shown);
        }
    }

    #[test]
    fn a_url_is_told_without_its_secrets_and_nothing_else_is_lost() {
        for (text, told, has) in [
            ("redis://me:se@h:1/2", "redis://h:1/2", true),
            ("redis://h:1/2", "redis://h:1/2", false),
            ("rediss://:se@h:1/#insecure", "rediss://h:1/#insecure", true),
            (
                "unix:///a.sock?db=1&pass=se&user=me",
                "unix:///a.sock?db=1",
                true,
            ),
            ("unix:///a.sock?pass=se", "unix:///a.sock", true),
        ] {
            let url: Url = text.parse().unwrap();
            assert_eq!(
                (url.without_secrets().as_str(), url.has_secrets()),
                (told, has)
            );
        }
    }

    #[test]
    fn a_url_shows_itself_without_its_password() {
        let url: Url = "redis://:secret@127.0.0.1:6379".parse().unwrap();
        assert_eq!(url.to_string(), "redis://***@127.0.0.1:6379");
        assert!(!format!("{url:?}").contains("secret"));
        let error = "http://:secret@host".parse::<Url>().unwrap_err();
        assert!(!error.to_string().contains("secret"));
    }
}
