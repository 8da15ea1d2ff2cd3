//! Many cases at once: a run waits for effects most of its time, so they share the machine well.

use std::io::Write as _;
use std::sync::Mutex;
use std::thread;

/// How many cases run at one time, and how many keys a world needs for them.
pub const SEATS: usize = 120;

/// Runs every case, each in a seat of its own; a case that panics fails the test.
pub fn each<T: Send>(cases: Vec<T>, check: impl Fn(&str, T) + Sync) {
    let queue = Mutex::new(cases.into_iter());
    thread::scope(|scope| {
        for seat in 0..SEATS {
            let (queue, check) = (&queue, &check);
            scope.spawn(move || {
                let key = format!("k{seat}");
                loop {
                    let case = queue.lock().unwrap().next();
                    let Some(case) = case else { return };
                    check(&key, case);
                }
            });
        }
    });
}

/// Says a line on the real stderr, also when the test passes: what was done, or why it was not.
pub fn say(line: &str) {
    // In one piece: other tests write there, too.
    let _ = std::io::stderr().lock().write_all(format!("processes: {line}\n").as_bytes());
}
