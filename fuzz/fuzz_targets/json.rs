//! See `ringbus_fuzz::json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringbus_fuzz::json::run(data));
