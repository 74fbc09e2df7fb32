//! See `ringbus_fuzz::builder`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringbus_fuzz::builder::run(data));
