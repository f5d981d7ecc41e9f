//! Is a password ever repeated, wherever it stands and whatever is wrong with what holds it?

use super::support::{finish, racesim, run};
use super::words::{SECRET, answering, racing, racing_by_environment};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// A malformed URL was repeated, password and all: what hid it looked for `://` and an `@` in one word.
#[test]
fn a_url_that_cannot_be_read_is_never_shown() {
    for url in [
        "default:S3CRET@localhost:6379",
        "S3CRET@localhost",
        "redis:S3CRET@localhost",
        "redis:/:S3CRET@localhost",
        "redis//:S3CRET@localhost",
        "http://:S3CRET@localhost",
        "redis://:S3CRET@",
        "redis://:S3CRET@localhost:port",
        "redis://:S3CRET@localhost/zero",
        "redis://:S3/CRET@localhost",
        "redis://localhost?pass=S3CRET",
        "redis://localhost#S3CRET",
        "redis://:word#S3CRET@localhost",
        "unix:a?pass=S3CRET",
        "unix:///a?password=S3CRET",
        "rediss://:S3CRET@[::1",
        " S3CRET ",
        "S3CRET",
        "redis://a b:S3CRET c@localhost:x",
        "line\nS3CRET@x",
    ] {
        for (ran, place) in [
            (racing(url), "--redis: "),
            (racing_by_environment(url), "RACESIM_REDIS: "),
        ] {
            ran.assert_refused(2, place);
            assert!(!ran.all().contains("CRET"), "{url}: {}", ran.all());
            assert!(
                ran.stderr.contains("redis://:PASSWORD@HOST:PORT"),
                "{}",
                ran.stderr
            );
        }
    }
}

/// Whatever is wrong with the words that hold it, a password is not repeated: not in the wrong place, not
/// under the wrong name, not in any form of output.
#[test]
fn a_password_in_the_wrong_place_is_not_repeated() {
    let url = "redis://default:S3CRET@localhost:6379";
    for arguments in [
        &["locked", url][..],
        &[url],
        &["--redis", url, "locked"],
        &["locked", "--users", url],
        &["locked", &format!("--users={url}")],
        &["locked", "--redi", url],
        &["locked", &format!("--redi={url}")],
        &["naive", "--redis", url],
        &["naive", &format!("--redis={url}")],
        &["locked", "--format", url],
        &["locked", "--fault", "default:S3CRET@localhost"],
        &["locked", "--assert", "default:S3CRET@localhost"],
        &["locked", "--export", url],
        &["locked", "--seed", "a S3CRET@localhost"],
        &["compare", "S3CRET@localhost"],
        &["matrix", url],
        &["explore", url],
        &["replay", "locked", "--schedule", url],
        &["locked", "unix:///a?pass=S3CRET"],
        &["locked", "--help", url],
        &["locked", "--redis", url, "--help"],
        &["check", url],
    ] {
        let ran = run(arguments);
        assert!(!ran.all().contains("CRET"), "{arguments:?}: {}", ran.all());
    }
    let mut help = racesim(&["locked", "--help"]);
    help.env("RACESIM_REDIS", url);
    let help = finish(help).stdout;
    let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("[env: `RACESIM_REDIS`; empty counts as unset]"),
        "{help}"
    );
    assert!(!help.contains("CRET"), "{help}");
}

#[test]
fn random_urls_never_show_the_secret_that_they_hold() {
    let piece = prop::sample::select(vec![
        "redis",
        "rediss",
        "unix",
        "http",
        "",
        ":",
        "://",
        "//",
        "/",
        "@",
        "?",
        "#",
        "&",
        "=",
        "pass=",
        "user=",
        "%40",
        "%",
        " ",
        "\t",
        "[",
        "]",
        "[::1]",
        "127.0.0.1",
        ":1",
        "0",
        "x",
        "'",
        "\"",
        "\\",
    ]);
    let around = (
        prop::collection::vec(piece.clone(), 0..6),
        prop::collection::vec(piece, 1..6),
    );
    let mut runner = TestRunner::new(Config::with_cases(150));
    let ran = runner.run(&around, |(before, after)| {
        let url = format!("{}{SECRET}{}", before.concat(), after.concat());
        // What stands where a host stands is shown: it is where the server is.
        let is_read = url.parse::<racesim::services::lock::Url>().is_ok();
        if is_read || url.starts_with('-') {
            return Ok(());
        }
        for ran in [
            racing(&url),
            racing_by_environment(&url),
            run(&["locked", &format!("--redis={url}")]),
        ] {
            prop_assert_eq!(ran.code, Some(2), "{}: {}", url, ran.all());
            prop_assert!(!ran.all().contains(SECRET), "{}: {}", url, ran.all());
        }
        Ok(())
    });
    ran.unwrap();
}

/// A server may repeat what it was told, also in mid-race.
#[test]
fn a_server_that_repeats_the_password_is_not_repeated() {
    let url = answering(b"-ERR user bob said S3CRET\r\n-ERR S3CRET\r\n");
    let url = url.replace("//", "//bob:S3CRET@");
    let ran = racing(&url);
    assert_eq!(ran.code, Some(4), "{}", ran.all());
    assert!(!ran.all().contains("CRET"), "{}", ran.all());
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert!(!ran.all().contains("bob"), "{}", ran.all());
}
