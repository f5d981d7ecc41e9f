//! What was typed that no message may repeat: words that may hold a password.

use std::ffi::OsString;

use crate::services::lock::{may_hold_a_secret, redact};

/// The words that may hold a password, and their values where they are `--flag=value`; longest first.
pub(super) fn typed(words: &[OsString]) -> Vec<String> {
    let words = words.iter().map(|word| word.to_string_lossy());
    let mut secrets: Vec<String> = words
        .filter(|word| may_hold_a_secret(word))
        .flat_map(|word| {
            let value = word
                .strip_prefix("--")
                .and_then(|flag| flag.split_once('='));
            let value = value.map(|(_, value)| value.to_owned());
            value.into_iter().chain([word.into_owned()])
        })
        .filter(|secret| !secret.is_empty())
        .collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
}

/// The line without any of them. What clap makes of a word, such as leaving out its spaces at the ends
/// or what follows a space, is looked for too.
pub(super) fn hide(line: String, secrets: &[String]) -> String {
    let mut line = line;
    for secret in secrets {
        line = line.replace(secret.as_str(), "***");
        for part in secret.split_whitespace().filter(|part| part.len() > 1) {
            line = line.replace(part, "***");
        }
    }
    redact(&line)
}
