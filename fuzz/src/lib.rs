//! The bodies of all targets, compiled once for all of them.

#[path = "../../tests/fuzz_bodies/mod.rs"]
mod fuzz_bodies;

/// Runs a target on one input.
pub fn run(target: &str, input: &[u8]) {
    fuzz_bodies::run(target, input);
}
