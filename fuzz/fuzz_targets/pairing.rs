#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| chunkdelta_fuzz::run("pairing", input));
