//! A PostgreSQL server of a process's own, made of the installed programs.

use std::{
    fs,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Lives as long as the pipe to it is open, so it ends with this process, however that ends.
pub struct Server {
    socket_dir: String,
    _process: Child,
}

impl Server {
    /// Starts one on a unix socket in a directory of its own, with settings such as `fsync=off`;
    /// a streaming replica if there is a `primary`.
    pub fn start(primary: Option<&Self>, settings: &[&str]) -> io::Result<Self> {
        let programs = programs().ok_or_else(|| {
            io::Error::other(
                "PostgreSQL's programs are needed: `apt-get install postgresql` puts them under \
                 /usr/lib/postgresql, elsewhere `initdb` must be on PATH",
            )
        })?;
        let mut process = shell()?
            .arg(include_str!("postgres.sh"))
            .arg("dwell-temporary-postgres")
            .arg(programs)
            .arg(primary.map_or("", |primary| &primary.socket_dir))
            .args(settings)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut socket_dir = String::new();
        if let Some(output) = process.stdout.take() {
            BufReader::new(output).read_line(&mut socket_dir)?;
        }
        let socket_dir = socket_dir.trim().to_owned();
        if socket_dir.is_empty() {
            return Err(io::Error::other("PostgreSQL did not start; see above"));
        }
        Ok(Self {
            socket_dir,
            _process: process,
        })
    }

    pub fn url(&self, database: &str) -> String {
        let dir = &self.socket_dir;
        format!("postgres://postgres@localhost/{database}?host={dir}")
    }
}

/// PostgreSQL does not run as root.
fn shell() -> io::Result<Command> {
    let id = Command::new("id").arg("-u").output()?;
    let mut command;
    if id.stdout.trim_ascii() == b"0" {
        command = Command::new("runuser");
        command.args(["-u", "nobody", "--", "sh"]);
    } else {
        command = Command::new("sh");
    }
    command.arg("-c");
    Ok(command)
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
    ["initdb", "postgres", "pg_isready", "pg_basebackup"]
        .iter()
        .all(|program| dir.join(program).exists())
}
