//! What must hold of any bytes at all: the bodies of the fuzz targets in `fuzz/`, which include this file.
//! `tests/it/fuzz_seeds.rs` runs them over what is known, with random changes.

use racesim::checker::judge;
use racesim::explore::follow;
use racesim::history::{Header, read, write, write_end};
use racesim::schedule::Schedule;
use racesim::strategy::Locked;

/// No bytes make the reader of histories or the checker panic, and a race that was read whole is written
/// as it was read.
pub(crate) fn history(bytes: &[u8]) {
    let Ok(recording) = read(bytes) else { return };
    for recorded in recording.races {
        let history = recorded.history;
        let _ = judge(&history);
        // A history of an older version is read, and not written any more.
        if history.damage.is_some() || history.header.version != Header::VERSION {
            continue;
        }
        let mut written = Vec::new();
        write(&history, &mut written).expect("a list takes everything");
        write_end(1, false, &mut written).expect("a list takes everything");
        let again = read(written.as_slice()).expect("what was written is a history");
        assert_eq!(again.races.len(), 1);
        assert_eq!(again.races[0].history, history);
    }
}

/// No text makes the parser of schedules or the model panic, and a schedule is written as it is read.
pub(crate) fn schedule(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(schedule) = text.parse::<Schedule>() else {
        return;
    };
    assert_eq!(schedule.to_string().parse(), Ok(schedule.clone()));
    // Whether it can be followed makes no difference.
    let _ = follow(&Locked::default(), &schedule, schedule.users());
}
