//! Locks of racesim's own lock server: said where no Redis is raced, and refused as proof.

use super::AppError;
use super::output::{Outputs, print_error};
use crate::services::{RedisChoice, Services};

const NO_SERVER: &str = "no redis-server or valkey-server on PATH, using racesim's own lock server: this does not test \
    Redis; install one (apt-get install redis-server) or give --redis URL";

const AS_ASKED: &str =
    "using racesim's own lock server, as --redis embedded asks: this does not test Redis";

/// Says that no Redis is raced, if so. Where that was not asked for it is a warning, which is printed
/// under `--quiet` too.
pub(super) fn say(services: &Services, redis: &RedisChoice, outputs: &Outputs) {
    if !services.is_lock_embedded() {
        return;
    }
    match redis {
        RedisChoice::Embedded => outputs.note(AS_ASKED),
        RedisChoice::Any | RedisChoice::Private | RedisChoice::Urls(_) => print_error(NO_SERVER),
    }
}

/// Refuses to judge an assertion by a lock server that was not asked for.
pub(super) fn refuse_as_proof(services: &Services, redis: &RedisChoice) -> Result<(), AppError> {
    match redis {
        RedisChoice::Any if services.is_lock_embedded() => Err(AppError::NoRedisToAssert),
        RedisChoice::Any | RedisChoice::Embedded | RedisChoice::Private | RedisChoice::Urls(_) => {
            Ok(())
        }
    }
}
