//! Words that several kinds of report share.

/// A strategy with its options, as a person types it.
pub(super) fn in_full(strategy: &str, settings: &str) -> String {
    format!("{strategy} {settings}").trim_end().to_owned()
}

/// What interleavings were forced on, in words.
pub(super) const fn stores(is_lock_embedded: bool) -> &'static str {
    if is_lock_embedded {
        "the real database and racesim's own lock server"
    } else {
        "the real stores"
    }
}
