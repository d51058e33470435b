//! Reads everything back and compares it with the ledger.

mod days;
mod expected;
mod goals;
pub mod read;
mod sessions;

use std::{collections::BTreeSet, fmt};

use tonic::transport::Channel;
use uuid::Uuid;

use self::expected::Expected;
use crate::{
    ledger::{Book, Call, Entry, Fate},
    terms::passes,
};

/// What was sent, and how it ended.
#[derive(Clone, Copy, Default, Debug)]
pub struct Tally {
    pub sent: usize,
    pub resent: usize,
    pub acknowledged: usize,
    pub refused: usize,
    /// Never known, as it could not be sent again.
    pub unknown: usize,
}

impl Tally {
    pub fn of(book: &Book) -> Self {
        let mut tally = Self::default();
        for entry in &book.entries {
            tally.sent += 1;
            tally.resent += usize::try_from(entry.tries).unwrap() - 1;
            match entry.fate() {
                Fate::Done { .. } => tally.acknowledged += 1,
                Fate::NotDone => tally.refused += 1,
                Fate::Maybe => tally.unknown += 1,
            }
        }
        tally
    }

    pub fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.resent += other.resent;
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.unknown += other.unknown;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} sent, {} acknowledged, {} refused, {} unknown; sent again {} times",
            self.sent, self.acknowledged, self.refused, self.unknown, self.resent
        )
    }
}

/// What may have become of a call that was not answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unanswered {
    /// It is there or not.
    Unknown,
    /// Nothing: whoever stops in order answers what it has let in.
    NotDone,
}

/// Everything that is not as the ledger has it, in words.
pub async fn recount(book: &Book, unanswered: Unanswered, channel: &Channel) -> Vec<String> {
    let mut wrong: Vec<_> = book.entries.iter().filter_map(impossible).collect();
    if unanswered == Unanswered::NotDone {
        wrong.extend(book.entries.iter().filter_map(done_before));
    }
    let tenants: BTreeSet<Uuid> = book.entries.iter().map(|entry| entry.tenant).collect();
    for tenant in tenants {
        let entries = book.entries.iter().filter(|entry| entry.tenant == tenant);
        let expected = Expected::of(entries, unanswered);
        let found = read::sessions(channel, tenant).await;
        wrong.extend(sessions::compare(&expected, &found));
        wrong.extend(sessions::compare_activities(&expected, channel, tenant).await);
        wrong.extend(days::compare(&expected, &found, channel, tenant).await);
        wrong.extend(goals::compare(&expected, channel, tenant).await);
    }
    wrong
}

/// Done by a try that was not answered, as a later one was told.
fn done_before(entry: &Entry) -> Option<String> {
    let Fate::Done { told, .. } = entry.fate() else {
        return None;
    };
    let before = told.created == Some(false);
    before.then(|| format!("done and not answered: {:?}", entry.call))
}

/// A refusal for which the ledger has no reason: callers send nothing that could be wrong, but for
/// signs of life of sessions that have ended.
fn impossible(entry: &Entry) -> Option<String> {
    let late = matches!(
        entry.call,
        Call::Heartbeat { .. } | Call::Pause { .. } | Call::Resume { .. }
    );
    let mut refusals = entry.refusals();
    let reason = refusals.find(|reason| !(passes(reason) || late && *reason == "SESSION_ENDED"))?;
    Some(format!("refused for {reason}: {:?}", entry.call))
}
