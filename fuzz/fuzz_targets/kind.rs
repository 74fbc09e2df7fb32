//! See `ringbus_fuzz::kind`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ringbus_fuzz::kind::run(data));
