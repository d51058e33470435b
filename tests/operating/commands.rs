//! dwell as a process of its own.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

/// What a command that ends prints, what it complains of, and its exit code.
pub fn run(args: &[&str]) -> (String, String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dwell"));
    let Output {
        status,
        stdout,
        stderr,
    } = command.args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(stdout), text(stderr), status.code())
}

/// What a command prints that goes well.
pub fn well(args: &[&str]) -> String {
    let (printed, complaint, code) = run(args);
    assert_eq!(code, Some(0), "{args:?}: {complaint}");
    printed
}

/// The URL of a SQLite database in a folder.
pub fn sqlite(dir: &Path) -> String {
    format!("sqlite://{}", dir.join("db").display())
}

/// Serves until it is dropped.
pub struct Served {
    /// `http://` and where it listens.
    pub address: String,
    child: Child,
}

impl Served {
    /// Logs to a file in `dir`.
    pub fn start(dir: &Path, url: &str, flags: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dwell"))
            .args(["--listen", "127.0.0.1:0", "--database-url", url])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(File::create(dir.join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ");
        Self {
            address: format!("http://{}", address.expect("it serves")),
            child,
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
