//! See `ringbus_fuzz::history`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringbus_fuzz::history::run(data));
