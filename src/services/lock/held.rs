//! Who holds a lock, and whether it has an end.

use std::fmt;

use super::Token;

/// A held lock, as its service keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// What it is held with; `None` when that is not of this run.
    pub token: Option<Token>,
    /// Whether it has a time to live.
    pub has_ttl: bool,
}

impl Held {
    /// What a value says whose names begin with that of this run.
    pub(super) fn of_value(value: &str, run: &str, has_ttl: bool) -> Self {
        let numbers = value
            .strip_prefix(run)
            .and_then(|rest| rest.strip_prefix(':')?.split_once(':'));
        let token = numbers.and_then(|(user, request)| {
            Some(Token {
                user: crate::seat::UserId(user.parse().ok()?),
                request: request.parse().ok()?,
            })
        });
        Self { token, has_ttl }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.token {
            None => f.write_str("held by somebody who is not of this run")?,
            Some(Token { user, request: 0 }) => write!(f, "held in the name of person {user}")?,
            Some(Token { user, request }) => {
                write!(f, "held by request {request} of {}", user.letter())?;
            }
        }
        f.write_str(if self.has_ttl {
            ", with a time to live"
        } else {
            ", for ever"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seat::UserId;

    #[test]
    fn a_value_tells_who_holds_the_lock_and_a_strangers_tells_nobody() {
        let held = |value| Held::of_value(value, "0af3", true).token;
        let token = Token {
            user: UserId(2),
            request: 7,
        };
        assert_eq!(held("0af3:2:7"), Some(token));
        for value in [
            "0af3",
            "0af3:2",
            "0af4:2:7",
            "0af3:x:7",
            "another application",
        ] {
            assert_eq!(held(value), None, "{value}");
        }
    }
}
