//! What the fuzz targets do with their input: plain functions of bytes, so that the fuzzer and the
//! replay under `cargo test` run the same code. A body that returns found nothing wrong.

mod covers;
mod delta;
mod delta_resealed;
mod detector;
mod draw;
mod encoders;
mod headers;
mod image;
mod inflate;
mod layers;
mod memory;
mod model;
mod pairing;
mod roundtrip;
mod scenarios;
mod seeds;
mod tables;
mod walker;

pub(crate) use seeds::seeds;

/// A target's name and body.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// Every target, by name.
pub(crate) const TARGETS: [Target; 11] = [
    ("covers", covers::run),
    ("delta", delta::run),
    ("delta_resealed", delta_resealed::run),
    ("detector", detector::run),
    ("encoders", encoders::run),
    ("headers", headers::run),
    ("image", image::run),
    ("inflate", inflate::run),
    ("pairing", pairing::run),
    ("roundtrip", roundtrip::run),
    ("walker", walker::run),
];

/// Runs a target on one input.
pub(crate) fn run(target: &str, input: &[u8]) {
    let body = TARGETS.iter().find(|(name, _)| *name == target);
    body.expect("the target is in the list").1(input);
}
