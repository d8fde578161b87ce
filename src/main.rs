//! The `chunkdelta` command.

fn main() {}
