//! What happens to a connection, when, and how often it did.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fastrand::Rng;
use tokio::time::Instant;

use super::wire::Moment;

/// How long a connection stalls: longer than a batch takes, by far.
const STALL: Duration = Duration::from_millis(150);
/// How long nothing is heard of a half-open one.
const SILENCE: Duration = Duration::from_millis(400);
/// So many strikes are enough of a run: a lane is patient for some seconds and no more.
const MOST: u32 = 4;

/// Where the way to the database breaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Point {
    /// `COMMIT` never reaches the server.
    CutBeforeCommit,
    /// `COMMIT` reaches the server, and its answer nobody.
    CutAfterCommit,
    /// The commit is done; its answer is swallowed, and the connection stalls until it is cut.
    SwallowedAnswer,
    /// `COMMIT` waits on its way.
    StalledCommit,
    /// The connection is reset, before or after the commit.
    Reset,
    /// The answer comes byte by byte.
    Slices,
    /// Half of the statement that writes all rows arrives.
    CutWrite,
    /// The connection ends at `BEGIN`, before or after the locks are taken.
    CutBegin,
    /// An error instead of the answer: rolled back, or ended with either outcome.
    Error,
    /// Cut before the commit, and no new connection for a while.
    Refused,
    /// Nothing goes through any more, in either direction, and nobody is told.
    HalfOpen,
    /// `COMMIT` is late, and its answer is late again.
    Late,
}

impl Point {
    pub const ALL: [Self; 12] = [
        Self::CutBeforeCommit,
        Self::CutAfterCommit,
        Self::SwallowedAnswer,
        Self::StalledCommit,
        Self::Reset,
        Self::Slices,
        Self::CutWrite,
        Self::CutBegin,
        Self::Error,
        Self::Refused,
        Self::HalfOpen,
        Self::Late,
    ];

    const fn strikes_at(self, moment: Moment) -> bool {
        match self {
            Self::CutWrite => matches!(moment, Moment::Write),
            Self::CutBegin => matches!(moment, Moment::Begin),
            Self::HalfOpen => true,
            _ => matches!(moment, Moment::Commit),
        }
    }

    fn act(self, random: &mut Rng) -> Act {
        let either = |random: &mut Rng| {
            if random.bool() {
                Sent::Whole
            } else {
                Sent::Not
            }
        };
        let whole = Act {
            sent: Sent::Whole,
            swallowed: false,
            pause: Duration::ZERO,
            end: End::Cut,
        };
        match self {
            Self::CutBeforeCommit | Self::Refused => Act {
                sent: Sent::Not,
                ..whole
            },
            Self::CutAfterCommit => whole,
            Self::SwallowedAnswer => Act {
                swallowed: true,
                pause: STALL,
                ..whole
            },
            Self::StalledCommit => Act {
                sent: Sent::Not,
                pause: STALL,
                end: End::Forward,
                ..whole
            },
            Self::Reset => Act {
                sent: either(random),
                end: End::Reset,
                ..whole
            },
            Self::Slices => Act {
                end: End::Slices,
                ..whole
            },
            Self::CutWrite => Act {
                sent: Sent::Half,
                ..whole
            },
            Self::CutBegin => Act {
                sent: either(random),
                ..whole
            },
            Self::Error => Self::error(random, whole),
            Self::HalfOpen => Act {
                sent: either(random),
                pause: SILENCE,
                ..whole
            },
            Self::Late => Act {
                sent: Sent::Not,
                pause: STALL,
                end: End::Late(STALL),
                ..whole
            },
        }
    }

    fn error(random: &mut Rng, whole: Act) -> Act {
        match random.u8(..4) {
            0 => Act {
                sent: Sent::Not,
                end: End::RolledBack("40001"),
                ..whole
            },
            1 => Act {
                sent: Sent::Not,
                end: End::RolledBack("40P01"),
                ..whole
            },
            other => {
                let committed = random.bool();
                Act {
                    sent: if committed { Sent::Whole } else { Sent::Not },
                    swallowed: committed,
                    end: End::Fatal(if other == 2 { "57P01" } else { "53300" }),
                    ..whole
                }
            }
        }
    }
}

/// What is done to the message at which a fault strikes, and to its connection.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    pub sent: Sent,
    /// Whether the server's answer is awaited, and told to nobody.
    pub swallowed: bool,
    pub pause: Duration,
    pub end: End,
}

/// How much of the message goes on before the pause.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sent {
    Not,
    Half,
    Whole,
}

/// What comes after the pause.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    Cut,
    Reset,
    /// The message goes on, and so does the connection.
    Forward,
    /// The same, with an answer that is this late.
    Late(Duration),
    /// The answer comes byte by byte.
    Slices,
    /// The transaction is rolled back, and said to be with this code.
    RolledBack(&'static str),
    /// The connection ends with this code.
    Fatal(&'static str),
}

/// Which fault strikes, and how often it did.
#[derive(Default)]
pub struct Faults(Mutex<State>);

#[derive(Default)]
struct State {
    armed: Option<(Point, Rng)>,
    struck: u32,
    /// No connection is let in before.
    refused_until: Option<Instant>,
}

impl Faults {
    /// From now on `point` strikes, at moments that follow from the seed.
    pub fn arm(&self, point: Point, seed: u64) {
        *self.state() = State {
            armed: Some((point, Rng::with_seed(seed))),
            ..State::default()
        };
    }

    /// It strikes no more. Returns how often it did.
    pub fn disarm(&self) -> u32 {
        let mut state = self.state();
        state.armed = None;
        state.struck
    }

    /// Whether, and how, it strikes at this message.
    pub fn strike(&self, moment: Moment) -> Option<Act> {
        let mut state = self.state();
        let state = &mut *state;
        let (point, random) = state.armed.as_mut()?;
        // The first one does: no run goes by without.
        let strikes = state.struck == 0 || random.u8(..3) == 0;
        if !point.strikes_at(moment) || state.struck >= MOST || !strikes {
            return None;
        }
        state.struck += 1;
        if *point == Point::Refused {
            state.refused_until = Some(Instant::now() + STALL);
        }
        Some(point.act(random))
    }

    /// Whether new connections are let in.
    pub fn lets_in(&self) -> bool {
        let refused_until = self.state().refused_until;
        refused_until.is_none_or(|time| Instant::now() >= time)
    }

    /// No code panics while it holds the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
