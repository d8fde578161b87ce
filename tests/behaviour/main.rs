//! How the command behaves, looked at from outside: exit code, messages, and what is in the
//! directories afterwards.
//!
//! Every run goes through [`lab::Lab`], which gives it a directory of its own and another one for
//! temporary files, and checks after each that nothing is left in the second; a run that is refused
//! must leave the first as it was.

#[path = "../support/mod.rs"]
mod support;

mod archive;
mod bad_delta;
mod bad_image;
mod bad_input;
mod bad_layer;
mod base;
mod determinism;
mod disks;
mod exit_codes;
mod forged;
mod json;
mod lab;
mod limits;
mod naming;
mod options;
mod output;
mod signals;
mod streams;
mod trace;
