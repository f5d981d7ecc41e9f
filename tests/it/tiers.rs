//! Which tests are heavy? The quick tiers of cargo and of nextest leave out the same modules.

use std::collections::BTreeSet;
use std::path::Path;

use super::support::text_of;

fn of_the_repository(name: &str) -> String {
    text_of(Path::new(env!("CARGO_MANIFEST_DIR")).join(name))
}

/// The modules that `cargo quick` leaves out.
fn left_out_by_cargo() -> BTreeSet<String> {
    let config = of_the_repository(".cargo/config.toml");
    let skipped = config.split("\"--skip\", \"").skip(1);
    let modules = skipped.filter_map(|rest| Some(rest.split_once("::\"")?.0.to_owned()));
    modules.collect()
}

/// Each list of modules in the filters of nextest.
fn lists_of_nextest() -> Vec<BTreeSet<String>> {
    let config = of_the_repository(".config/nextest.toml");
    let filters = config.split("test(/^(").skip(1);
    let lists = filters.filter_map(|rest| Some(rest.split_once(")::/)")?.0.split('|')));
    lists
        .map(|modules| modules.map(str::to_owned).collect())
        .collect()
}

#[test]
fn both_quick_tiers_leave_out_the_same_modules_which_are_there() {
    let heavy = left_out_by_cargo();
    assert_eq!(lists_of_nextest(), [heavy.clone(), heavy.clone()]);
    let main = of_the_repository("tests/it/main.rs");
    for module in &heavy {
        assert!(main.contains(&format!("\nmod {module};\n")), "{module}");
    }
}
