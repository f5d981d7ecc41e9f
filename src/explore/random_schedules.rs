//! Random schedules: some of the many interleavings.

use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::IndexedRandom;

use super::Search;
use super::model::RaceModel;
use super::model::bounds::unbounded;
use super::model::crowd::Crowd;
use crate::checker::Property;
use crate::schedule::{Move, Schedule};
use crate::strategy::Strategy;

/// A walk that is longer goes in circles.
const MOVES_MAX: usize = 200;

/// So many walks are tried for one that has what is wanted.
const TRIES: usize = 50;

/// So many interleavings, drawn by chance but the same every time; each with something that goes wrong,
/// if anything may.
#[must_use]
pub fn random_schedules<S: Strategy>(strategy: &S, search: &Search, many: usize) -> Vec<Schedule> {
    let races = Crowd::all(strategy, search.entrants())
        .into_iter()
        .map(|crowd| {
            let asked = Property::NoDoubleBooking;
            RaceModel::new(strategy, crowd, &search.faults, asked, unbounded())
        });
    let races: Vec<RaceModel<S>> = races.collect();
    let mut chance = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut drawn = Vec::new();
    for race in races.iter().cycle().take(many * TRIES) {
        let walk = walk(race, &mut chance);
        let is_wanted = search.faults.is_empty() || walk.0.iter().any(Move::is_fault);
        if is_wanted && !drawn.contains(&walk) {
            drawn.push(walk);
        }
        if drawn.len() == many {
            break;
        }
    }
    drawn
}

/// Moves drawn one after another until none is possible.
fn walk<S: Strategy>(race: &RaceModel<S>, chance: &mut Xoshiro256PlusPlus) -> Schedule {
    let mut state = race.start();
    let mut path = Vec::new();
    let mut moves = Vec::new();
    while path.len() < MOVES_MAX {
        moves.clear();
        race.moves(&state, &mut moves);
        let Some(step) = moves.choose(chance) else {
            break;
        };
        state = race.step(&state, *step).0;
        path.push(*step);
    }
    Schedule(path)
}
