//! When a lane may go on: once all others have had their turn.
//!
//! A batch takes the processor from those who read calls and refuse what is too much, wherever the
//! database is on the same machine; and they are many small tasks where a lane is one. So where
//! more comes than can be done, batches would go on at the expense of calls that wait in their
//! sockets, for seconds, and are neither taken in nor refused.

use std::{future::poll_fn, mem, task::Poll, time::Duration};

use tokio::time::Instant;

/// A round in which all tasks that can do something do it is short where nobody is behind.
const SHORT: Duration = Duration::from_micros(2_500);
/// What waits for a lane must not wait for others for ever.
const PATIENCE: Duration = Duration::from_millis(100);

/// Returns after a round of the runtime that was short, or when there is no more patience.
pub async fn turn() {
    let begun = Instant::now();
    let mut before = begun;
    loop {
        behind_all_others().await;
        let now = Instant::now();
        if now - before < SHORT || now - begun >= PATIENCE {
            return;
        }
        before = now;
    }
}

/// Goes to the end of the line of tasks. With tokio's `yield_now` a task is the next one again as
/// soon as events were looked at, however many others there are.
async fn behind_all_others() {
    let mut is_behind = false;
    poll_fn(|cx| {
        if mem::replace(&mut is_behind, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    /// How long it takes beside a task that takes so long in each of so many rounds.
    async fn beside(long: Duration, rounds: u32) -> Duration {
        let begun = Instant::now();
        let busy = tokio::spawn(async move {
            for _ in 0..rounds {
                advance(long).await;
            }
        });
        turn().await;
        busy.abort();
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_not_behind_is_not_waited_for() {
        assert!(beside(SHORT / 2, u32::MAX).await < SHORT);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_behind_comes_first() {
        assert_eq!(beside(2 * SHORT, 4).await, 8 * SHORT);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_waited_for_for_ever() {
        assert_eq!(beside(2 * SHORT, u32::MAX).await, PATIENCE);
    }
}
