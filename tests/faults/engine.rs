//! The database under trial, which outlives whoever uses it.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use sqlx::{Connection, PgConnection, SqliteConnection, query_scalar};
use tempfile::TempDir;
use tokio::time::sleep;
use uuid::Uuid;

use crate::{
    dwell::signal,
    ledger::{Book, Call, Fate},
    server::Server,
};

/// A table, what is a row of it, and how many there are.
type Counted = (&'static str, fn(&Call) -> Option<Uuid>, &'static str);

const COUNTED: [Counted; 4] = [
    (
        "sessions",
        |call| match call {
            Call::Start { session } | Call::Record { session, .. } => Some(*session),
            _ => None,
        },
        "SELECT COUNT(*) FROM user_sessions",
    ),
    (
        "activities",
        |call| match call {
            Call::Activity { activity, .. } => Some(*activity),
            _ => None,
        },
        "SELECT COUNT(*) FROM session_activities",
    ),
    (
        "requests",
        |call| match call {
            Call::Usage { request, .. } => *request,
            _ => None,
        },
        "SELECT COUNT(*) FROM usage_requests",
    ),
    (
        "goals",
        |call| match call {
            Call::Goal { goal } => Some(*goal),
            _ => None,
        },
        "SELECT COUNT(*) FROM goals",
    ),
];

/// What must not be: each is counted, and there is none.
const NONE_OF_SQLITE: [&str; 2] = [
    "SELECT COUNT(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
    "SELECT COUNT(*) FROM pragma_foreign_key_check",
];
const LEFT_OPEN: &str = "
    SELECT COUNT(*) FROM pg_stat_activity
    WHERE application_name = 'dwell' AND state LIKE 'idle in transaction%'
        AND state_change < now() - interval '1 second'";
const NONE_OF_POSTGRES: [&str; 2] = [
    LEFT_OPEN,
    "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
];

/// A new database with a folder of its own, for the ledger and the log too.
pub struct Engine {
    pub url: String,
    pub dir: TempDir,
    postgres: Option<Server>,
}

impl Engine {
    pub fn sqlite() -> Self {
        let dir = TempDir::new().unwrap();
        Self {
            url: format!("sqlite://{}", dir.path().join("db").display()),
            dir,
            postgres: None,
        }
    }

    /// A PostgreSQL server of its own, as durable as they come.
    pub fn postgres() -> Self {
        let server = Server::start(None, &["max_connections=60"]).unwrap();
        Self {
            url: server.url("postgres"),
            dir: TempDir::new().unwrap(),
            postgres: Some(server),
        }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// SIGKILL for PostgreSQL's first process. Whoever started it starts it again.
    pub fn kill_postmaster(&self) {
        signal("KILL", self.postmaster());
    }

    /// SIGKILL for a process that serves one connection: the others are ended by PostgreSQL
    /// itself, which then recovers as from a crash.
    pub fn kill_backend(&self) {
        let parent = self.postmaster().to_string();
        let found = Command::new("pgrep")
            .args(["-P", &parent, "-f", "postgres: "])
            .output()
            .unwrap();
        let found = String::from_utf8(found.stdout).unwrap();
        let serves = |process: &&str| {
            let name = std::fs::read_to_string(format!("/proc/{process}/cmdline"));
            name.is_ok_and(|name| name.contains("postgres postgres"))
        };
        if let Some(process) = found.lines().find(serves) {
            signal("KILL", process.parse().unwrap());
        }
    }

    /// Waits until PostgreSQL answers, and returns when it did.
    pub async fn answers(&self) -> Instant {
        while PgConnection::connect(&self.url).await.is_err() {
            sleep(Duration::from_millis(10)).await;
        }
        Instant::now()
    }

    /// Waits until PostgreSQL has ended the transactions of those whom it hears no more.
    pub async fn lets_go(&self) {
        while self.count(LEFT_OPEN).await > 0 {
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// What the tables themselves have that the ledger has not, or the other way round.
    pub async fn look(&self, book: &Book) -> Vec<String> {
        let mut wrong = Vec::new();
        for (what, is_one, sql) in COUNTED {
            let (mut done, mut possible) = (BTreeSet::new(), BTreeSet::new());
            for entry in &book.entries {
                let Some(id) = is_one(&entry.call) else {
                    continue;
                };
                match entry.fate() {
                    Fate::Done { .. } => {
                        done.insert(id);
                        possible.insert(id);
                    }
                    Fate::Maybe => {
                        possible.insert(id);
                    }
                    Fate::NotDone => {}
                }
            }
            let found = usize::try_from(self.count(sql).await).unwrap();
            let (done, possible) = (done.len(), possible.len());
            if found < done || found > possible {
                wrong.push(format!(
                    "{found} {what}, and {done} to {possible} were sent"
                ));
            }
        }
        let none: &[_] = if self.postgres.is_some() {
            &NONE_OF_POSTGRES
        } else {
            &NONE_OF_SQLITE
        };
        for sql in none {
            let found = self.count(sql).await;
            if found > 0 {
                wrong.push(format!("{found} of: {sql}"));
            }
        }
        wrong
    }

    async fn count(&self, sql: &'static str) -> i64 {
        if self.postgres.is_some() {
            let mut conn = PgConnection::connect(&self.url).await.unwrap();
            query_scalar(sql).fetch_one(&mut conn).await.unwrap()
        } else {
            let mut conn = SqliteConnection::connect(&self.url).await.unwrap();
            query_scalar(sql).fetch_one(&mut conn).await.unwrap()
        }
    }

    fn postmaster(&self) -> u32 {
        let (_, dir) = self.url.split_once("host=").expect("a socket's directory");
        let file = PathBuf::from(dir).join("data/postmaster.pid");
        let file = std::fs::read_to_string(file).unwrap();
        file.lines().next().unwrap().parse().unwrap()
    }
}
