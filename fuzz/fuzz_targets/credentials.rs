//! Any bytes as whatever a key is read from; see `checks::credentials`.
#![no_main]
#![allow(dead_code, reason = "each target uses one of the checks")]

#[path = "../checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::credentials(bytes));
