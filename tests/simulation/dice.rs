//! Chance from a seed. The same seed draws the same case, on every machine.

use std::cell::Cell;

use renewctl::ports::Entropy;

/// SplitMix64: small, seeded, good enough to draw cases.
pub struct Dice(Cell<u64>);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(Cell::new(seed.wrapping_mul(0xD134_2543_DE82_EF95)))
    }

    pub fn next(&self) -> u64 {
        self.0.set(self.0.get().wrapping_add(0x9E37_79B9_7F4A_7C15));
        let mut z = self.0.get();
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to below `below`.
    pub fn roll(&self, below: u64) -> u64 {
        self.next() % below.max(1)
    }

    /// From `from` to `to`, both included.
    pub fn between(&self, from: i64, to: i64) -> i64 {
        from + i64::try_from(self.roll((to - from + 1).unsigned_abs())).unwrap()
    }

    pub fn index(&self, len: usize) -> usize {
        usize::try_from(self.roll(len as u64)).unwrap()
    }

    pub fn pick<T: Copy>(&self, from: &[T]) -> T {
        from[self.index(from.len())]
    }

    /// Of a thousand.
    pub fn chance(&self, per_mille: u64) -> bool {
        self.roll(1000) < per_mille
    }
}

impl Entropy for Dice {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let len = chunk.len();
            chunk.copy_from_slice(&self.next().to_be_bytes()[..len]);
        }
    }
}
