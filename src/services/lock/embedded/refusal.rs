//! What racesim's own lock server refuses, in the words of Redis.

use std::fmt;

/// Why a command is not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CommandRefusal {
    /// Not a whole number.
    #[error("ERR value is not an integer or out of range")]
    NotAnInteger,
    /// A number that is as high as it can be.
    #[error("ERR increment or decrement would overflow")]
    Overflow,
    /// A time that is none, or too far away.
    #[error("ERR invalid expire time in '{0}' command")]
    InvalidExpire(&'static str),
    /// An option that is not known, or two that do not go together.
    #[error("ERR syntax error")]
    Syntax,
    /// Too few words, or too many.
    #[error("ERR wrong number of arguments for '{0}' command")]
    Arguments(&'static str),
    /// A command that racesim does not send.
    #[error("ERR unknown command '{name}', with args beginning with: {arguments}")]
    UnknownCommand {
        /// What was sent.
        name: String,
        /// What followed.
        arguments: Quoted,
    },
    /// A part of SCRIPT that racesim does not send.
    #[error("ERR unknown subcommand '{0}'. Try SCRIPT HELP.")]
    UnknownSubcommand(String),
    /// The server was not told this script.
    #[error("NOSCRIPT No matching script. Please use EVAL.")]
    NoScript,
    /// A script that racesim does not send: no Lua is run here.
    #[error("ERR racesim's own lock server knows racesim's own scripts only")]
    UnknownScript,
    /// Fewer keys than none.
    #[error("ERR Number of keys can't be negative")]
    NegativeKeys,
    /// More keys than words.
    #[error("ERR Number of keys can't be greater than number of args")]
    TooManyKeys,
    /// A script without what it works on.
    #[error("ERR this script takes {keys} keys and {arguments} arguments")]
    ScriptWords {
        /// How many it wants at least.
        keys: usize,
        /// How many it wants at least.
        arguments: usize,
    },
    /// A command of a script was refused.
    #[error("{refusal} script: {hash}, on @user_script:1.")]
    InScript {
        /// What was said of it.
        refusal: Box<Self>,
        /// What the script is called.
        hash: String,
    },
}

/// Words as Redis repeats them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Quoted(String);

impl Quoted {
    /// How much Redis repeats of them, in bytes.
    const MAX: usize = 128;

    pub(super) fn of(words: &[&[u8]]) -> Self {
        let mut quoted = String::new();
        for word in words {
            let Some(room) = Self::MAX.checked_sub(quoted.len()).filter(|room| *room > 0) else {
                break;
            };
            let word = String::from_utf8_lossy(&word[..word.len().min(room)]);
            quoted.extend(["'", &word, "' "]);
        }
        Self(quoted)
    }
}

impl fmt::Display for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
