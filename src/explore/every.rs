//! Every interleaving in which nothing goes wrong.

use super::model::RaceModel;
use super::model::bounds::unbounded;
use super::model::crowd::Crowd;
use super::model::entrants::Entrants;
use crate::checker::Property;
use crate::schedule::Schedule;
use crate::strategy::Strategy;

/// Every way in which the steps of these users can follow one another when nothing goes wrong;
/// `None` when there are more than `most`.
#[must_use]
pub fn interleavings<S: Strategy>(
    strategy: &S,
    entrants: impl Into<Entrants>,
    most: usize,
) -> Option<Vec<Schedule>> {
    let mut whole = Vec::new();
    for crowd in Crowd::all(strategy, entrants.into()) {
        let asked = Property::NoDoubleBooking;
        let race = RaceModel::of_all(strategy, crowd, asked, unbounded());
        interleavings_of(&race, most, &mut whole)?;
    }
    Some(whole)
}

/// Adds those of these users; `None` when there are more than `most`.
fn interleavings_of<S: Strategy>(
    race: &RaceModel<S>,
    most: usize,
    whole: &mut Vec<Schedule>,
) -> Option<()> {
    let mut open = vec![(race.start(), Vec::new())];
    while let Some((state, path)) = open.pop() {
        let mut moves = Vec::new();
        race.moves(&state, &mut moves);
        if moves.is_empty() {
            whole.push(Schedule(path));
            if whole.len() > most {
                return None;
            }
            continue;
        }
        // The last one is looked at first, so this gives the order of the alphabet.
        for step in moves.into_iter().rev() {
            let mut longer = path.clone();
            longer.push(step);
            open.push((race.step(&state, step).0, longer));
        }
    }
    Some(())
}
