//! When to try again: the classes of answers and the time between attempts.
//!
//! Pure: chance comes in as a number. Which code belongs to which class is in `cloud::error`.

use std::time::Duration;

/// What an answer means for the one who asked (reference 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Transient: again, with a new nonce, timestamp and signature; a charge with the same token.
    Retry {
        /// The service asked for fewer requests, and certainly did not act on this one.
        throttled: bool,
    },
    /// An earlier order or request is in progress.
    Busy {
        /// It is the request with this very token: wait, read again, then the same token. Otherwise it
        /// is somebody else's order for the instance, and its effect can come later than any wait.
        own: bool,
    },
    /// The token is held by other parameters: an order may exist. Never another token in this run.
    Claimed,
    /// Clock or nonce: sign anew and send once more.
    Resign,
    /// Key, signature or session is wrong: nothing else will work either.
    Credentials,
    /// Account, payment or risk control: no further charge in this run.
    Stop,
    /// This request cannot be served as asked; others can.
    Refused,
}

/// How patiently one call is repeated.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Attempts in all, the first one included.
    pub attempts_max: u32,
    /// Upper bound of the first wait.
    pub base_ms: u64,
    /// Shortest wait after throttling: a limit is per minute, so hurrying only burns attempts.
    pub throttled_floor_ms: u64,
    /// Longest single wait of our own arithmetic.
    pub delay_ms_max: u64,
    /// The wait while an earlier order is in progress. The official sample allows ten seconds for one.
    pub busy_ms: u64,
    /// Attempts in a row that find no connection at all: a network that is not there stays away.
    pub unsent_max: u32,
    /// Longest wait that the server may wish for. The official CLI stops at a minute, too.
    pub wish_ms_max: u64,
}

/// Eight attempts, when throttled over more than a minute: a caller throttled in one minute is let in
/// again in the next (reference 5).
pub const PATIENCE: Patience = Patience {
    attempts_max: 8,
    base_ms: 400,
    throttled_floor_ms: 1_000,
    delay_ms_max: 30_000,
    busy_ms: 10_000,
    unsent_max: 4,
    wish_ms_max: 60_000,
};

impl Patience {
    /// The wait before attempt number `attempt` (2 or more). The server's own wish, if it named one,
    /// wins over our arithmetic, up to a bound. Otherwise exponential with equal jitter:
    /// half of the bound is certain, the other half is scaled by `chance` (0 to 255).
    pub fn delay(&self, attempt: u32, throttled: bool, wish_ms: Option<u64>, chance: u8) -> Duration {
        if let Some(wish) = wish_ms {
            return Duration::from_millis(wish.min(self.wish_ms_max));
        }
        let doublings = attempt.saturating_sub(2).min(16);
        let base = if throttled { self.base_ms.max(self.throttled_floor_ms) } else { self.base_ms };
        let bound = base.saturating_mul(1 << doublings).min(self.delay_ms_max);
        let jittered = bound / 2 + bound / 2 * u64::from(chance) / 255;
        let floor = if throttled { self.throttled_floor_ms } else { 0 };
        Duration::from_millis(jittered.max(floor))
    }
}
