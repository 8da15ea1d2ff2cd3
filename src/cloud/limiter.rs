//! How many reads are under way: so many in all as was asked for, and of each region so many as it bears.
//!
//! Limits are per account, region and action, and nobody publishes them (reference 5). So each region begins
//! with as many as are allowed in all, halves when it is throttled, and grows by one while it goes well.
//! What waits for a region that is throttled takes no place from the others.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use tokio::sync::{Notify, Semaphore, SemaphorePermit};

/// Good answers of a region after which one more may be under way.
const GROW_AFTER: usize = 10;

/// Gives places to reads.
pub(super) struct Limiter {
    most: usize,
    all: Semaphore,
    lanes: RefCell<BTreeMap<String, Rc<Lane>>>,
}

/// The places of one region, or of a service that has none.
struct Lane {
    limit: Cell<usize>,
    under_way: Cell<usize>,
    good: Cell<usize>,
    /// How often it was halved.
    halved: Cell<u64>,
    freed: Notify,
}

/// A place; it is free again when this is dropped.
pub(super) struct Place<'a> {
    lane: Rc<Lane>,
    most: usize,
    halved: u64,
    of_all: Option<SemaphorePermit<'a>>,
}

impl Limiter {
    pub(super) fn new(most: usize) -> Self {
        Self { most, all: Semaphore::new(most), lanes: RefCell::default() }
    }

    /// Waits for a place.
    pub(super) async fn place(&self, lane: &str) -> Place<'_> {
        let lane = self.lane(lane);
        while lane.under_way.get() >= lane.limit.get() {
            lane.freed.notified().await;
        }
        lane.under_way.set(lane.under_way.get() + 1);
        let mut place = Place { halved: lane.halved.get(), lane, most: self.most, of_all: None };
        // It is never closed.
        place.of_all = self.all.acquire().await.ok();
        place
    }

    fn lane(&self, name: &str) -> Rc<Lane> {
        let new = || {
            Rc::new(Lane {
                limit: Cell::new(self.most),
                under_way: Cell::new(0),
                good: Cell::new(0),
                halved: Cell::new(0),
                freed: Notify::new(),
            })
        };
        Rc::clone(self.lanes.borrow_mut().entry(name.to_owned()).or_insert_with(new))
    }
}

impl Place<'_> {
    /// Learns from the answer.
    pub(super) fn answered(&self, throttled: bool) {
        let lane = &self.lane;
        if throttled {
            // Answers to requests that were sent before the last halving say nothing of the new limit.
            if self.halved == lane.halved.get() {
                lane.limit.set((lane.limit.get() / 2).max(1));
                lane.halved.set(lane.halved.get() + 1);
                lane.good.set(0);
            }
            return;
        }
        lane.good.set(lane.good.get() + 1);
        if lane.good.get() >= GROW_AFTER && lane.limit.get() < self.most {
            lane.limit.set(lane.limit.get() + 1);
            lane.good.set(0);
            lane.freed.notify_one();
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        drop(self.of_all.take());
        self.lane.under_way.set(self.lane.under_way.get() - 1);
        self.lane.freed.notify_one();
    }
}
