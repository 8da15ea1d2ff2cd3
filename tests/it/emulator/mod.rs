//! The emulator refuses what the cloud refuses, with the documented code and status, and charges by
//! its own rules.

mod client;

mod account;
mod actions;
mod errors;
mod gateway;
mod life;
mod parameters;
mod regions;
mod roles;
mod signatures;
mod world;
