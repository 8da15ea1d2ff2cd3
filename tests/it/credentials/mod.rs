//! Where keys come from, judged by what signs the requests that leave.

mod binary;
mod chain;
mod home;
mod long_apply;
mod renewal;
mod sources;
mod wires;
