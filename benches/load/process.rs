//! What runs beside the load: dwell, a bare tonic server, PostgreSQL. Each ends with its value.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use tempfile::TempDir;

use crate::{Result, run::Load};

/// dwell as it is released, on a database of its own.
pub struct Dwell {
    pub address: String,
    child: Child,
    _directory: TempDir,
}

impl Dwell {
    pub fn on_sqlite() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let url = format!("sqlite://{}", directory.path().join("dwell.db").display());
        Self::start(&url, directory)
    }

    pub fn on_postgres(postgres: &Postgres) -> Result<Self> {
        let database = postgres.fresh()?;
        Self::start(&postgres.url(&database), tempfile::tempdir()?)
    }

    fn start(url: &str, directory: TempDir) -> Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dwell"));
        command.args([
            "--listen",
            "127.0.0.1:0",
            "--log",
            "warn",
            "--database-url",
            url,
        ]);
        let (child, address) = listening(command)?;
        Ok(Self {
            address,
            child,
            _directory: directory,
        })
    }
}

impl Drop for Dwell {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// A tonic server that answers `StartSession` at once.
pub struct Echo {
    pub address: String,
    child: Child,
}

impl Echo {
    pub fn start() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--echo");
        let (child, address) = listening(command)?;
        Ok(Self { address, child })
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Starts a server and waits for its `listening on ADDR`.
fn listening(mut command: Command) -> Result<(Child, String)> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().ok_or("no standard output")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    let address = line.trim().strip_prefix("listening on ");
    let address = address.ok_or("the server did not start")?.to_owned();
    Ok((child, address))
}

fn end(child: &mut Child) {
    // What is gone already needs no end.
    let _ = child.kill();
    let _ = child.wait();
}

/// A PostgreSQL of its own, durable as it comes.
pub struct Postgres {
    pub directory: TempDir,
    child: Child,
    databases: AtomicU32,
}

impl Postgres {
    pub fn start() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let root = directory.path();
        run(Command::new("chmod").arg("777").arg(root))?;
        let data = root.join("data");
        run(as_nobody("initdb")
            .args(["-N", "-A", "trust", "-U", "postgres", "-D"])
            .arg(&data))?;
        let child = as_nobody("postgres")
            .arg("-D")
            .arg(&data)
            .args(["-c", "listen_addresses=", "-c", "max_connections=100"])
            .args(["-c", "shared_buffers=512MB", "-c", "max_wal_size=4GB", "-c"])
            .arg(format!("unix_socket_directories={}", root.display()))
            .stderr(fs::File::create(root.join("log"))?)
            .spawn()?;
        let postgres = Self {
            directory,
            child,
            databases: AtomicU32::new(0),
        };
        while postgres.psql("postgres", "SELECT 1").is_err() {
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(postgres)
    }

    pub fn socket_dir(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    pub fn url(&self, database: &str) -> String {
        let directory = self.directory.path().display();
        format!("postgres://postgres@localhost/{database}?host={directory}")
    }

    /// A new database.
    pub fn fresh(&self) -> Result<String> {
        let name = format!("load_{}", self.databases.fetch_add(1, Ordering::SeqCst));
        self.psql("postgres", &format!("CREATE DATABASE {name}"))?;
        Ok(name)
    }

    /// A new database with dwell's schema, and the users that the load is spread over.
    pub fn fresh_schema(&self, load: &Load) -> Result<String> {
        let name = self.fresh()?;
        run(Command::new(env!("CARGO_BIN_EXE_dwell"))
            .args(["migrate", "--database-url", &self.url(&name)])
            .stdout(Stdio::null()))?;
        let (tenants, users) = (load.tenants, load.users);
        self.psql(
            &name,
            &format!(
                "INSERT INTO tenants SELECT lpad(to_hex(t), 32, '0')::uuid, 'UTC', '[]', 1800,
                    86400, NULL, 1, '[]', NULL, NULL, 0.5, 1, now(), now()
                FROM generate_series(1, {tenants}) AS t;
                INSERT INTO users SELECT lpad(to_hex(t), 32, '0')::uuid,
                    (lpad(to_hex(t), 16, '0') || lpad(to_hex(u), 16, '0'))::uuid, 0, NULL, NULL,
                    now(), 0, now(), NULL, now(), now()
                FROM generate_series(1, {tenants}) AS t, generate_series(1, {users}) AS u;
                VACUUM ANALYZE users"
            ),
        )?;
        Ok(name)
    }

    fn psql(&self, database: &str, sql: &str) -> Result<()> {
        let mut command = Command::new("psql");
        command.args(["-qX", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-h"]);
        command.arg(self.directory.path()).args(["-d", database]);
        for statement in sql.split(';') {
            command.args(["-c", statement]);
        }
        run(command.stdout(Stdio::null()).stderr(Stdio::null()))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let pid = fs::read_to_string(self.directory.path().join("data/postmaster.pid"));
        let pid = pid.unwrap_or_default();
        if let Some(pid) = pid.lines().next() {
            // What is gone already needs no end.
            let _ = Command::new("kill").args(["-INT", pid]).status();
        }
        let _ = self.child.wait();
    }
}

/// PostgreSQL does not run as root.
fn as_nobody(program: &str) -> Command {
    let path = fs::canonicalize(format!("/usr/local/bin/{program}"));
    let path = path.unwrap_or_else(|_| PathBuf::from(program));
    let mut command = Command::new("runuser");
    command.args(["-u", "nobody", "--"]).arg(path);
    command
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.stdout(Stdio::null()).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{} failed", command.get_program().display()).into())
    }
}
