//! How many writes a batch takes: as many as are likely to be committed in a while that those
//! who wait for the next one can do with.

#[cfg(test)]
mod tests;

use std::time::Duration;

/// How long a batch is to take while there are several tenants.
const IN_COMPANY: Duration = Duration::from_millis(20);
/// How long one is to take while there is only one, as with an import at night: what a batch
/// costs by itself, some 4 ms on SQLite, is then a tenth of it and not a third.
const ALONE: Duration = Duration::from_millis(40);
/// So many writes it takes however slow they are, as what it costs by itself is shared by them.
const LEAST: u128 = 64;
/// More it does not take however fast they are: they would hardly be faster.
const MOST: u128 = 500;
/// The newest batch counts for one in so many.
const WEIGHT: u128 = 8;
/// What took longer met a stall, or a database that was away, and tells no more of the next one
/// than that it may be slow.
const STALL: Duration = Duration::from_millis(80);
/// Writes are counted in such parts, so that what rounding leaves is small.
const PARTS: u128 = 1_000;

/// What the writes of a lane have cost of late: exponentially weighted sums over its batches.
#[derive(Debug, Default)]
pub struct Pace {
    nanos: u128,
    parts: u128,
}

impl Pace {
    /// How many writes the next batch is to take at most, while there are several tenants
    /// or not.
    pub fn most(&self, in_company: bool) -> usize {
        let aim = if in_company { IN_COMPANY } else { ALONE };
        let writes = (aim.as_nanos() * self.parts / PARTS).checked_div(self.nanos);
        // Before the first batch nothing is known.
        let writes = writes.unwrap_or(LEAST).clamp(LEAST, MOST);
        usize::try_from(writes).unwrap_or(usize::MAX)
    }

    /// A batch of so many writes has taken so long.
    pub fn took(&mut self, writes: usize, time: Duration) {
        let writes = u128::try_from(writes).unwrap_or(MOST);
        self.nanos = self.nanos - self.nanos / WEIGHT + time.min(STALL).as_nanos();
        self.parts = self.parts - self.parts / WEIGHT + writes * PARTS;
    }
}
