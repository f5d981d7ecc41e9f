//! The nearest name: what may have been meant by a word that is mistyped.

/// How much of a name a typed word must have to be meant.
const SIMILAR: f64 = 0.8;

/// `, perhaps 'NAME'` for the name that is near enough to what was typed, or nothing.
#[must_use]
pub fn perhaps<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    // What was typed is not what was meant instead.
    let names = names.into_iter().filter(|name| *name != typed);
    let nearest = names
        .map(|name| (strsim::jaro_winkler(name, typed), name))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    nearest
        .filter(|(similarity, _)| *similarity > SIMILAR)
        .map_or_else(String::new, |(_, name)| format!(", perhaps '{name}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_of_several_is_named_and_none_that_is_far() {
        let names = ["acquire", "check", "insert"];
        assert_eq!(perhaps("chek", names), ", perhaps 'check'");
        for far in ["zzz", "foo", "check"] {
            assert_eq!(perhaps(far, names), "", "{far}");
        }
    }
}
