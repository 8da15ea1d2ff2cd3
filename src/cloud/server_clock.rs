//! The cloud's time, as its answers tell it.

use std::cell::Cell;

use chrono::{DateTime, Duration, Utc};

/// A change of the server's clock against ours that is smaller than this is not believed, in seconds: a Date
/// header tells whole ones, and taking each would let the server's time run back.
const OFFSET_S_MIN: i64 = 2;

/// The server's clock minus the machine's, once an answer has told it.
#[derive(Debug, Default)]
pub(super) struct ServerClock(Cell<Option<Duration>>);

impl ServerClock {
    pub(super) fn offset(&self) -> Option<Duration> {
        self.0.get()
    }

    /// A Date header was written between the question, at `asked` on the machine's clock, and the arrival of
    /// the answer: what is known and lies within is kept. Otherwise the later end is taken, as if the answer
    /// had needed no time on its way back to us: then a reading may seem older than it is, and never newer,
    /// also after a machine has slept while the answer was on its way.
    pub(super) fn learn(&self, asked: DateTime<Utc>, date: DateTime<Utc>, arrived: DateTime<Utc>) {
        let slack = Duration::seconds(OFFSET_S_MIN);
        let (earliest, latest) = (date - arrived, date - asked);
        let fits = |known: Duration| earliest - slack <= known && known <= latest + slack;
        if !self.0.get().is_some_and(fits) {
            self.0.set(Some(latest));
        }
    }
}
