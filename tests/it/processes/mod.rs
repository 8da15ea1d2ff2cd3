//! The binary as processes: killed, starved, and many at once. What counts is the ledger of the world
//! that they work in, which lives in the test.

mod crowd;
mod disks;
mod durable;
mod fleet;
mod full_disks;
mod hang_ups;
mod judge;
mod kills;
mod signals;
mod site;
mod streams;
mod together;
mod traced;
mod wire;
