//! A PostgreSQL server for one test process, made of the installed programs.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::Mutex;

/// Lives as long as the pipe to it is open, so it ends with this process, however that ends.
struct Server {
    socket_dir: String,
    _process: Child,
}

static SERVER: OnceLock<Server> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);
/// A database is made by copying another one, which wants to be alone.
static CREATING: Mutex<()> = Mutex::const_new(());

/// The URL of a new, empty database.
pub async fn database() -> String {
    let server = SERVER.get_or_init(start);
    let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::SeqCst));
    let _alone = CREATING.lock().await;
    let mut conn = PgConnection::connect(&url(server, "postgres"))
        .await
        .expect("the server answers");
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .execute(&mut conn)
        .await
        .expect("the database is new");
    conn.close().await.expect("the connection is whole");
    url(server, &name)
}

fn url(server: &Server, database: &str) -> String {
    let dir = &server.socket_dir;
    format!("postgres://postgres@localhost/{database}?host={dir}")
}

fn start() -> Server {
    let programs = programs().expect(
        "these tests need PostgreSQL's programs: `apt-get install postgresql` puts them under \
         /usr/lib/postgresql, elsewhere `initdb` must be on PATH",
    );
    let mut process = wrapper()
        .arg(include_str!("postgres.sh"))
        .arg("dwell-test-postgres")
        .arg(programs)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sh runs (as root through runuser, since PostgreSQL refuses root)");
    let output = process.stdout.take().expect("standard output is piped");
    let mut socket_dir = String::new();
    BufReader::new(output)
        .read_line(&mut socket_dir)
        .expect("the directory is text");
    let socket_dir = socket_dir.trim().to_owned();
    assert!(
        !socket_dir.is_empty(),
        "the server did not start; see above"
    );
    Server {
        socket_dir,
        _process: process,
    }
}

/// PostgreSQL does not run as root.
fn wrapper() -> Command {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    let mut command;
    if id.stdout.trim_ascii() == b"0" {
        command = Command::new("runuser");
        command.args(["-u", "nobody", "--", "sh"]);
    } else {
        command = Command::new("sh");
    }
    command.arg("-c");
    command
}

/// The directory of `initdb` and the other programs: the newest that is installed, or that
/// of the `initdb` on PATH.
fn programs() -> Option<PathBuf> {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let newest = installed
        .flatten()
        .filter_map(|version| {
            let number: u32 = version.file_name().to_str()?.parse().ok()?;
            Some((number, version.path().join("bin")))
        })
        .filter(|(_, dir)| is_complete(dir))
        .max();
    let path = std::env::var_os("PATH").unwrap_or_default();
    newest.map(|(_, dir)| dir).or_else(|| {
        // A link on PATH leads to where the other programs are.
        std::env::split_paths(&path)
            .filter_map(|dir| fs::canonicalize(dir.join("initdb")).ok())
            .filter_map(|initdb| Some(initdb.parent()?.to_owned()))
            .find(|dir| is_complete(dir))
    })
}

fn is_complete(dir: &Path) -> bool {
    ["initdb", "postgres", "pg_isready"]
        .iter()
        .all(|program| dir.join(program).exists())
}
