//! Journals on a disk that fails: full, slow, torn, locked by another run.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;

use renewctl::ports::JournalStorage;

use crate::coverage::Seen;
use crate::process::{Process, Start};
use crate::world::World;

/// Where a journal's bytes lie, whoever writes them.
#[derive(Default)]
pub struct Disk {
    pub bytes: RefCell<Vec<u8>>,
    locked: Cell<bool>,
}

impl Disk {
    pub fn with(bytes: Vec<u8>) -> Self {
        Self { bytes: RefCell::new(bytes), locked: Cell::new(false) }
    }
}

/// A process's hold of a journal. Its lock ends with it.
pub struct Handle {
    world: Rc<World>,
    process: Rc<Process>,
    disk: Rc<Disk>,
    locks: bool,
    alone: bool,
    holds: Cell<bool>,
    wrote: Cell<bool>,
}

impl Handle {
    pub fn new(world: Rc<World>, process: Rc<Process>, disk: Rc<Disk>, start: &Start) -> Self {
        Self {
            world,
            process,
            disk,
            locks: start.locks,
            alone: start.alone,
            holds: Cell::new(false),
            wrote: Cell::new(false),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.holds.get() {
            self.disk.locked.set(false);
        }
    }
}

fn gone<T>() -> io::Result<T> {
    Err(io::Error::other("the process is gone"))
}

fn full<T>() -> io::Result<T> {
    Err(io::Error::other("no space left on device"))
}

/// What happens to one line.
enum Fate {
    Written,
    Slow,
    Full,
    /// Half of it is there, and the error comes back.
    FullTorn,
    DiedBefore,
    DiedTorn,
    DiedAfter,
}

impl Handle {
    fn fate(&self) -> Fate {
        let (dice, weather) = (&self.world.dice, &self.process.weather);
        if dice.chance(weather.crash) {
            return match dice.roll(3) {
                0 => Fate::DiedBefore,
                1 => Fate::DiedTorn,
                _ => Fate::DiedAfter,
            };
        }
        if dice.chance(weather.journal) {
            return match dice.roll(4) {
                0 => Fate::Full,
                1 => Fate::FullTorn,
                // A slow disk stops the one thread: other runs would sleep with their answers on the way.
                _ if self.alone => Fate::Slow,
                _ => Fate::Written,
            };
        }
        Fate::Written
    }

    fn put(&self, bytes: &[u8]) {
        self.disk.bytes.borrow_mut().extend_from_slice(bytes);
    }

    fn put_part(&self, bytes: &[u8]) {
        // Never the whole line: then it would not be torn.
        let len = self.world.dice.index(bytes.len().max(1));
        self.put(&bytes[..len]);
    }

    fn durable(&self, bytes: &[u8]) {
        self.put(bytes);
        self.world.judge.journalled(&self.world, &self.process, bytes);
    }

    fn die(&self) {
        self.world.seen.note(Seen::CrashAtJournal);
        self.process.die(&self.world, "at a journal line");
    }
}

impl JournalStorage for Handle {
    fn read(&self) -> io::Result<Vec<u8>> {
        if self.process.dead.get() {
            return gone();
        }
        let bytes = self.disk.bytes.borrow().clone();
        if !self.wrote.get() {
            self.process.found.replace(Some((Rc::clone(&self.disk), bytes.len())));
        }
        Ok(bytes)
    }

    fn lock(&self) -> io::Result<bool> {
        if !self.locks {
            return Ok(true);
        }
        if self.disk.locked.replace(true) && !self.holds.get() {
            return Ok(false);
        }
        self.holds.set(true);
        Ok(true)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        if self.process.dead.get() {
            return gone();
        }
        self.wrote.set(true);
        self.process.may_be_signalled(&self.world);
        let seen = &self.world.seen;
        match self.fate() {
            Fate::Written => self.durable(bytes),
            Fate::Slow => {
                seen.note(Seen::JournalSlow);
                self.world.hands.stall(self.world.dice.pick(&[200, 5_000, 58_000, 61_000, 900_000]));
                self.durable(bytes);
            }
            Fate::Full => {
                seen.note(Seen::JournalFull);
                return full();
            }
            Fate::FullTorn => {
                seen.note(Seen::JournalFull);
                self.put_part(bytes);
                return full();
            }
            Fate::DiedBefore => {
                self.die();
                return gone();
            }
            Fate::DiedTorn => {
                seen.note(Seen::CrashTorn);
                self.put_part(bytes);
                self.die();
                return gone();
            }
            Fate::DiedAfter => {
                self.durable(bytes);
                self.die();
            }
        }
        Ok(())
    }
}
