//! Where keys come from, judged by what signs the requests that leave.

mod chain;
mod home;
mod renewal;
mod sources;
