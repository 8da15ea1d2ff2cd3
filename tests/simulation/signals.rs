//! Signals that ask a run to end: at a call, after some time, a second one, and at last the kill.

use std::time::Duration;

use chrono::TimeDelta;
use renewctl::ports::{Interrupts, LocalFuture, Signal};
use std::cell::Cell;
use std::rc::Rc;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::coverage::Seen;
use crate::dice::Dice;
use crate::process::Process;
use crate::world::World;

/// Who sends signals to a run, and when.
#[derive(Clone, Copy, Debug)]
pub struct Signalling {
    /// After how long the first one comes by itself; calls may bring it sooner.
    pub first_after: Option<TimeDelta>,
    /// How long after the first one the second one comes.
    pub second_after: Option<TimeDelta>,
    /// How long after the first one the patience of the sender ends.
    pub killed_after: Option<TimeDelta>,
    pub signal: Signal,
}

impl Signalling {
    /// Ctrl-C twice, and CI runners, which kill after 7.5 to 30 s.
    pub fn draw(dice: &Dice) -> Self {
        let first_after = dice.chance(300).then(|| match dice.roll(2) {
            0 => TimeDelta::milliseconds(dice.between(0, 3_000)),
            _ => TimeDelta::seconds(dice.between(0, 400)),
        });
        let second_after = dice.chance(400).then(|| TimeDelta::milliseconds(dice.between(0, 7_500)));
        let killed_after = dice.chance(400).then(|| TimeDelta::milliseconds(dice.between(2_000, 30_000)));
        let signal = if dice.chance(500) { Signal::Interrupt } else { Signal::Terminate };
        Self { first_after, second_after, killed_after, signal }
    }
}

/// The signals that a run has got.
pub struct Signals {
    count: watch::Sender<usize>,
    signal: Cell<Signal>,
    /// When the first and the second one came, by the clock that only waits move: nobody can end while a
    /// disk keeps its one thread.
    at: [Cell<Option<Instant>>; 2],
}

impl Default for Signals {
    fn default() -> Self {
        Self { count: watch::channel(0).0, signal: Cell::new(Signal::Interrupt), at: Default::default() }
    }
}

impl Signals {
    pub fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// How long ago the signal of this number came.
    pub fn since(&self, number: usize) -> Option<Duration> {
        self.at[number - 1].get().map(|at| at.elapsed())
    }

    pub fn send(&self, world: &World, run: usize) {
        let number = self.count() + 1;
        if number > self.at.len() {
            return;
        }
        world.seen.note(if number == 1 { Seen::Signals } else { Seen::SecondSignals });
        world.say(|| format!("run {run} gets signal {number}"));
        self.at[number - 1].set(Some(Instant::now()));
        self.count.send_replace(number);
    }

    async fn arrived(&self, count: usize) -> Signal {
        // The sender lives as long as this does.
        let _ = self.count.subscribe().wait_for(|come| *come >= count).await;
        self.signal.get()
    }

    /// Sends what is to come by itself, and ends when the sender's patience does, if it does.
    pub async fn play(&self, world: &World, process: &Process, signalling: Option<Signalling>) {
        let Some(Signalling { first_after, second_after, killed_after, signal }) = signalling else {
            return std::future::pending().await;
        };
        self.signal.set(signal);
        let first = async {
            match first_after {
                Some(after) => world.hands.sleep(after).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = self.arrived(1) => {}
            () = first => self.send(world, process.number),
        }
        let second = async {
            if let Some(after) = second_after {
                world.hands.sleep(after).await;
                self.send(world, process.number);
            }
        };
        let killed = async {
            match killed_after {
                Some(after) => world.hands.sleep(after).await,
                None => std::future::pending().await,
            }
        };
        tokio::join!(second, killed);
    }
}

/// A run's ears.
pub struct Ears(pub Rc<Process>);

impl Interrupts for Ears {
    fn count(&self) -> usize {
        self.0.signals.count()
    }
    fn arrived(&self, count: usize) -> LocalFuture<'_, Signal> {
        Box::pin(self.0.signals.arrived(count))
    }
}
