//! Any bytes as a saved plan; see `checks::plan`.
#![no_main]
#![allow(dead_code, reason = "each target uses one of the checks")]

#[path = "../checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::plan(bytes));
