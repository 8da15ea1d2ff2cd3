//! All integration tests, in one binary: they judge behaviour at the boundary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::too_many_lines,
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    missing_docs,
    unreachable_pub,
    reason = "tests stop at the first surprise, and touch the world"
)]

mod support;

mod account;
mod calendar;
mod canary;
mod client;
mod command_line;
mod cloud_account;
mod cloud_calls;
mod cloud_errors;
mod cloud_pace;
mod cloud_reads;
mod cloud_replies;
mod cloud_script;
mod config;
mod credentials;
mod deciding;
mod deciding_laws;
mod deciding_table;
mod dice;
mod doctor;
mod emulator;
mod files;
mod folder;
mod fuzzing;
mod guards;
mod interrupts;
mod journal;
mod layers;
mod markdown;
mod money_safety;
mod plan_schema;
mod policy;
mod past;
mod processes;
mod rendering;
mod saved_plans;
mod signing;
mod views;
mod words;
mod year;
