//! The file read again: what became of each call, as far as its caller knows.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use uuid::Uuid;

use super::{Call, Line, Outcome, Told};

/// A call and all that its caller was told.
#[derive(Debug)]
pub struct Entry {
    pub tenant: Uuid,
    pub user: Uuid,
    pub call: Call,
    /// The line of its intent.
    pub sent_at: usize,
    pub tries: u32,
    /// With their lines.
    outcomes: Vec<(usize, Outcome)>,
}

/// What is known of a call after all its tries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// Acknowledged on this line.
    Done { at: usize, told: Told },
    /// Refused each time.
    NotDone,
    /// Some try was not answered, and none acknowledged.
    Maybe,
}

impl Fate {
    pub const fn is_done(self) -> bool {
        matches!(self, Self::Done { .. })
    }

    pub const fn is_possible(self) -> bool {
        !matches!(self, Self::NotDone)
    }
}

impl Entry {
    pub fn fate(&self) -> Fate {
        let told = self
            .outcomes
            .iter()
            .find_map(|(at, outcome)| match outcome {
                Outcome::Acknowledged(told) => Some(Fate::Done {
                    at: *at,
                    told: *told,
                }),
                _ => None,
            });
        told.unwrap_or({
            let refused = self.refusals().count();
            if refused > 0 && u32::try_from(refused) == Ok(self.tries) {
                Fate::NotDone
            } else {
                Fate::Maybe
            }
        })
    }

    pub fn refusals(&self) -> impl Iterator<Item = &str> {
        self.outcomes
            .iter()
            .filter_map(|(_, outcome)| match outcome {
                Outcome::Refused(reason) => Some(reason.as_str()),
                _ => None,
            })
    }
}

/// All calls, in the order in which they were first meant.
#[derive(Debug)]
pub struct Book {
    pub entries: Vec<Entry>,
}

impl Book {
    /// Reads a ledger. A last line that was cut short was not acted on.
    pub fn read(path: &Path) -> Self {
        let mut entries = BTreeMap::new();
        let lines = BufReader::new(File::open(path).unwrap()).lines();
        for (at, line) in lines.enumerate() {
            let Ok(line) = serde_json::from_str(&line.unwrap()) else {
                break;
            };
            match line {
                Line::Sent {
                    number,
                    tenant,
                    user,
                    call,
                } => {
                    let entry = Entry {
                        tenant,
                        user,
                        call,
                        sent_at: at,
                        tries: 1,
                        outcomes: Vec::new(),
                    };
                    assert!(
                        entries.insert(number, entry).is_none(),
                        "a number used twice"
                    );
                }
                Line::Resent { number } => {
                    entries.get_mut(&number).expect("sent before").tries += 1;
                }
                Line::Answered { number, outcome } => {
                    let entry = entries.get_mut(&number).expect("sent before");
                    entry.outcomes.push((at, outcome));
                }
            }
        }
        Self {
            entries: entries.into_values().collect(),
        }
    }
}
