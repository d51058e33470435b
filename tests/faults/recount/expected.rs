//! What must be there, what may be, and what must not, by user.

use std::{collections::BTreeMap, ops::AddAssign};

use uuid::Uuid;

use super::Unanswered;

use crate::ledger::{Amounts, Call, Entry, Fate, Told};

/// What was said of one session.
#[derive(Debug)]
pub struct Session {
    pub user: Uuid,
    /// How it came to be: its start or its record.
    pub made: Call,
    pub fate: Fate,
    /// Its ends. More than one where it was sent twice at once.
    pub ends: Vec<Fate>,
    /// Signs of life: the line of the intent, and what came of it.
    pub alive: Vec<(usize, Fate)>,
    /// Of pauses and resumptions the last one, and whether it was a pause.
    pub paused: Option<(bool, Fate)>,
}

impl Session {
    /// The line on which its end was first known.
    pub fn ended_at(&self) -> Option<usize> {
        let lines = self.ends.iter().filter_map(|fate| match fate {
            Fate::Done { at, .. } => Some(*at),
            _ => None,
        });
        lines.min()
    }

    pub fn told(&self) -> impl Iterator<Item = Told> {
        let alive = self.alive.iter().map(|(_, fate)| fate);
        self.ends.iter().chain(alive).filter_map(|fate| match fate {
            Fate::Done { told, .. } => Some(*told),
            _ => None,
        })
    }
}

/// From what was acknowledged to what was sent and not refused.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Bounds {
    pub low: Amounts,
    pub high: Amounts,
}

impl AddAssign for Amounts {
    fn add_assign(&mut self, other: Self) {
        self.logins += other.logins;
        self.seconds += other.seconds;
        self.runs += other.runs;
        self.documents += other.documents;
        self.uses += other.uses;
    }
}

impl Bounds {
    fn add(&mut self, amounts: Amounts, fate: Fate) {
        if fate.is_done() {
            self.low += amounts;
        }
        if fate.is_possible() {
            self.high += amounts;
        }
    }

    pub fn plus(mut self, other: Self) -> Self {
        self.low += other.low;
        self.high += other.high;
        self
    }
}

/// What was set for a goal's day: each value with what came of it, in order.
type Values = Vec<(i64, Fate)>;

/// One tenant's.
#[derive(Default, Debug)]
pub struct Expected {
    pub sessions: BTreeMap<Uuid, Session>,
    /// By session and id: what was done there, and whether.
    pub activities: BTreeMap<Uuid, BTreeMap<Uuid, (i64, Fate)>>,
    /// By user and date.
    pub usage: BTreeMap<(Uuid, String), Bounds>,
    /// By user and id.
    pub goals: BTreeMap<(Uuid, Uuid), Fate>,
    /// By goal and date.
    pub progress: BTreeMap<(Uuid, String), Values>,
}

impl Expected {
    pub fn of<'a>(entries: impl Iterator<Item = &'a Entry>, unanswered: Unanswered) -> Self {
        let mut expected = Self::default();
        // The same request id sent twice at once is one request.
        let mut requests = BTreeMap::<Uuid, (Uuid, String, Amounts, Fate)>::new();
        for entry in entries {
            let fate = match entry.fate() {
                Fate::Maybe if unanswered == Unanswered::NotDone => Fate::NotDone,
                fate => fate,
            };
            if let Call::Usage {
                request: Some(request),
                date,
                amounts,
            } = &entry.call
            {
                let one = (entry.user, date.clone(), *amounts, fate);
                let known = requests.entry(*request).or_insert(one);
                known.3 = either(known.3, fate);
            } else {
                expected.add(entry, fate);
            }
        }
        for (user, date, amounts, fate) in requests.into_values() {
            expected
                .usage
                .entry((user, date))
                .or_default()
                .add(amounts, fate);
        }
        expected
    }

    fn add(&mut self, entry: &Entry, fate: Fate) {
        match &entry.call {
            Call::Start { session } | Call::Record { session, .. } => {
                let made = Session {
                    user: entry.user,
                    made: entry.call.clone(),
                    fate,
                    ends: Vec::new(),
                    alive: Vec::new(),
                    paused: None,
                };
                assert!(self.sessions.insert(*session, made).is_none());
            }
            Call::Heartbeat { session } => self.alive(*session, entry, fate),
            Call::Pause { session } | Call::Resume { session } => {
                self.alive(*session, entry, fate);
                if fate.is_possible() {
                    let paused = matches!(entry.call, Call::Pause { .. });
                    self.session(*session).paused = Some((paused, fate));
                }
            }
            Call::End { session } => self.session(*session).ends.push(fate),
            Call::Activity {
                session,
                activity,
                items,
            } => {
                let activities = self.activities.entry(*session).or_default();
                activities.insert(*activity, (*items, fate));
            }
            Call::Usage { date, amounts, .. } => {
                let day = self.usage.entry((entry.user, date.clone())).or_default();
                day.add(*amounts, fate);
            }
            Call::Goal { goal } => {
                self.goals.insert((entry.user, *goal), fate);
            }
            Call::Progress { goal, date, value } => {
                let values = self.progress.entry((*goal, date.clone())).or_default();
                values.push((*value, fate));
            }
        }
    }

    fn alive(&mut self, session: Uuid, entry: &Entry, fate: Fate) {
        self.session(session).alive.push((entry.sent_at, fate));
    }

    fn session(&mut self, session: Uuid) -> &mut Session {
        self.sessions.get_mut(&session).expect("made before")
    }

    /// Everyone for whom something may be there.
    pub fn users(&self) -> Vec<Uuid> {
        let sessions = self
            .sessions
            .values()
            .filter(|session| session.fate.is_possible());
        let usage = self.usage.iter().filter(|(_, bounds)| bounds.high.runs > 0);
        let mut users: Vec<_> = sessions
            .map(|session| session.user)
            .chain(usage.map(|((user, _), _)| *user))
            .collect();
        users.sort_unstable();
        users.dedup();
        users
    }
}

fn either(one: Fate, other: Fate) -> Fate {
    match (one, other) {
        (Fate::Done { .. }, _) => one,
        (_, Fate::Done { .. }) => other,
        (Fate::NotDone, Fate::NotDone) => Fate::NotDone,
        _ => Fate::Maybe,
    }
}
