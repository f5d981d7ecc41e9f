//! racesim from outside: the real binary on real stores. One module per question.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod agreement;
mod architecture;
mod checker;
mod databases;
mod dependencies;
mod diagrams;
mod documents;
mod endings;
mod escapes;
mod explore;
mod faults;
mod figures;
mod formats;
mod input;
mod ladder;
mod locks;
mod matrix;
mod messages;
mod mutants;
mod outputs;
mod pairs;
mod possible;
mod races;
mod random;
mod recordings;
mod redis;
mod replay;
mod servers;
mod signals;
mod statements;
mod steps;
mod support;
mod truth;
mod wire;
mod words;
