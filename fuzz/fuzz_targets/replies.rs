//! Any bytes as a reply of the API; see `checks::replies`.
#![no_main]
#![allow(dead_code, reason = "each target uses one of the checks")]

#[path = "../checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::replies(bytes));
