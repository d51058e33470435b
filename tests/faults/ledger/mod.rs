//! What callers meant to write and what they were told, on disk before it is acted on.

mod book;

use std::{
    fs::File,
    io::Write,
    path::Path,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
};

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use uuid::Uuid;

pub use self::book::{Book, Entry, Fate};

/// What is added to a day.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Amounts {
    pub logins: i64,
    pub seconds: i64,
    pub runs: i64,
    pub documents: i64,
    pub uses: i64,
}

/// One write, with all that it takes to send it again.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Call {
    Start {
        session: Uuid,
    },
    Heartbeat {
        session: Uuid,
    },
    Pause {
        session: Uuid,
    },
    Resume {
        session: Uuid,
    },
    End {
        session: Uuid,
    },
    /// A session that is over: it began so many seconds after 1970.
    Record {
        session: Uuid,
        start: i64,
        seconds: i64,
    },
    Activity {
        session: Uuid,
        activity: Uuid,
        items: i64,
    },
    Usage {
        request: Option<Uuid>,
        date: String,
        amounts: Amounts,
    },
    Goal {
        goal: Uuid,
    },
    Progress {
        goal: Uuid,
        date: String,
        value: i64,
    },
}

impl Call {
    /// Whether to send it twice does no more than to send it once.
    pub const fn is_repeatable(&self) -> bool {
        !matches!(self, Self::Usage { request: None, .. })
    }
}

/// What an acknowledgement says beyond that it is done.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Told {
    /// How long the session took that ended.
    pub seconds: Option<i64>,
    /// Microseconds since 1970 of the last sign of life.
    pub active: Option<i64>,
    /// Whether it was this try that did it.
    pub created: Option<bool>,
}

/// What the caller knows after a try.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Outcome {
    /// It is there.
    Acknowledged(Told),
    /// It is not there, for this reason.
    Refused(String),
    /// It may be there, or not.
    Unknown(String),
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
enum Line {
    /// It is about to be sent.
    Sent {
        number: u64,
        tenant: Uuid,
        user: Uuid,
        call: Call,
    },
    /// It is about to be sent again, as it was.
    Resent {
        number: u64,
    },
    Answered {
        number: u64,
        outcome: Outcome,
    },
}

type Written = (Vec<u8>, oneshot::Sender<()>);

/// The file while it is written: JSON lines, each on disk before the caller goes on. Lines that
/// come while others are being synced share the next sync.
pub struct Ledger {
    lines: mpsc::Sender<Written>,
    next: AtomicU64,
}

impl Ledger {
    pub fn create(path: &Path) -> Self {
        let mut file = File::create(path).unwrap();
        let (lines, waiting) = mpsc::channel::<Written>();
        thread::spawn(move || {
            while let Ok(first) = waiting.recv() {
                let written: Vec<_> = [first].into_iter().chain(waiting.try_iter()).collect();
                let bytes: Vec<_> = written.iter().flat_map(|(line, _)| line.clone()).collect();
                file.write_all(&bytes).unwrap();
                file.sync_data().unwrap();
                for (_, done) in written {
                    // A caller that is gone needs not know.
                    let _ = done.send(());
                }
            }
        });
        Self {
            lines,
            next: AtomicU64::new(0),
        }
    }

    /// Returns the call's number.
    pub async fn sent(&self, tenant: Uuid, user: Uuid, call: Call) -> u64 {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        let line = Line::Sent {
            number,
            tenant,
            user,
            call,
        };
        self.write(&line).await;
        number
    }

    pub async fn resent(&self, number: u64) {
        self.write(&Line::Resent { number }).await;
    }

    pub async fn answered(&self, number: u64, outcome: Outcome) {
        self.write(&Line::Answered { number, outcome }).await;
    }

    async fn write(&self, line: &Line) {
        let mut bytes = serde_json::to_vec(line).unwrap();
        bytes.push(b'\n');
        let (done, on_disk) = oneshot::channel();
        self.lines.send((bytes, done)).unwrap();
        on_disk.await.expect("the ledger is written");
    }
}
