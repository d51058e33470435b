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
        let now = Duration::ZERO;
        let either = if random.bool() {
            Sent::Whole
        } else {
            Sent::Not
        };
        match self {
            Self::CutBeforeCommit | Self::Refused => Act::new(Sent::Not, now, End::Cut),
            Self::CutAfterCommit => Act::new(Sent::Whole, now, End::Cut),
            Self::SwallowedAnswer => Act::new(Sent::Answered, STALL, End::Cut),
            Self::StalledCommit => Act::new(Sent::Not, STALL, End::Forward),
            Self::Reset => Act::new(either, now, End::Reset),
            Self::Slices => Act::new(Sent::Whole, now, End::Slices),
            Self::CutWrite => Act::new(Sent::Half, now, End::Cut),
            Self::CutBegin => Act::new(either, now, End::Cut),
            Self::Error => Self::error(random),
            Self::HalfOpen => Act::new(either, SILENCE, End::Cut),
            Self::Late => Act::new(Sent::Not, STALL, End::Late(STALL)),
        }
    }

    fn error(random: &mut Rng) -> Act {
        let sent = if random.bool() {
            Sent::Answered
        } else {
            Sent::Not
        };
        let (sent, end) = match random.u8(..4) {
            0 => (Sent::Not, End::RolledBack("40001")),
            1 => (Sent::Not, End::RolledBack("40P01")),
            2 => (sent, End::Fatal("57P01")),
            _ => (sent, End::Fatal("53300")),
        };
        Act::new(sent, Duration::ZERO, end)
    }
}

/// What is done to the message at which a fault strikes, and to its connection.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    pub sent: Sent,
    pub pause: Duration,
    pub end: End,
}

impl Act {
    const fn new(sent: Sent, pause: Duration, end: End) -> Self {
        Self { sent, pause, end }
    }
}

/// How much of the message goes on before the pause.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sent {
    Not,
    Half,
    Whole,
    /// All of it, and its answer is awaited and told to nobody.
    Answered,
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

    /// How often it struck since it was armed.
    pub fn struck(&self) -> u32 {
        self.state().struck
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
