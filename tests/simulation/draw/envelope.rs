//! The envelope: what the tool is promised to survive. How long the nights go on follows from it.

use crate::judge::{CLOCK_S, READING_AGE_S_MAX};

/// Envelope: an order shows within this time.
pub const LAG_S_MAX: i64 = 30 * 60;
/// Envelope: a request is carried out within this time after it was sent, or never, whatever has become of
/// its sender.
pub const FLIGHT_S_MAX: i64 = 90;
/// Envelope: a token is kept at least so much longer than an order takes to show.
///
/// This is exactly what the rules need. Whoever pays a second time under the same token has not seen the first
/// order, so that its reading was answered before the lag of that order was over. It sends at most
/// [`READING_AGE_S_MAX`] (and the grain of the clock, [`CLOCK_S`]) after that answer, and the request arrives
/// at most [`FLIGHT_S_MAX`] later. A token that is still known then makes it a repetition. With less, two
/// orders are possible although every rule is kept: the second half of a reading takes long, and meanwhile
/// another run buys, or the first request is carried out after it was given up. Where none of that can happen,
/// seconds are enough: see `brief_tokens`.
pub const RETENTION_BEYOND_LAG_S_MIN: i64 = READING_AGE_S_MAX + CLOCK_S + FLIGHT_S_MAX;

/// Envelope: the nightly job waits so much longer than an order takes to show (`--verify-timeout`).
/// Otherwise what it has bought is in doubt, and doubt ends a run.
pub const PATIENCE_BEYOND_LAG_S: u64 = 300;

/// An order that was acknowledged and does not show is held for 72 hours; after so many nights that is
/// over, too.
pub(super) const NIGHTS: usize = 6;
/// Until every instance of that mix is renewed or has stopped.
pub(super) const NIGHTS_OF_TOKENS: usize = 20;
