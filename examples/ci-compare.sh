#!/bin/sh
# Fails a build in which the locked strategy sells a seat twice, or in which no race occurred,
# so nothing was tested. Keeps the report beside the build's other results.
#
#   examples/ci-compare.sh [FOLDER]
#
# RACESIM is the command to run; RACESIM_REDIS the server to race on, a private one when it is unset.
# Without a Redis nothing is raced, and the build fails (exit 4): racesim's own lock server would prove nothing.
set -eu

folder=${1:-.}
: "${RACESIM:=cargo run --release --quiet --}"
: "${RACESIM_REDIS:=private}"
export RACESIM_REDIS

# shellcheck disable=SC2086 # a command with its arguments
$RACESIM compare naive locked --users 500 --rounds 20 \
    --assert 'naive.double_bookings > 0' \
    --assert 'locked.double_bookings == 0' \
    --assert 'locked.bookings == 1' \
    --export "json:$folder/race.json" \
    --export "markdown:$folder/race.md"
