//! dwell as a process that can be killed.

use std::{
    fs::OpenOptions,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use tonic::transport::{Channel, Endpoint};

/// No call takes as long: whoever waits longer waits for nothing.
const CALL: Duration = Duration::from_secs(30);

/// Ends with its value.
pub struct Dwell {
    address: String,
    child: Child,
}

impl Dwell {
    /// Starts it and returns once it listens. What it logs is appended to `log`.
    pub fn start(program: &Path, url: &str, flags: &[&str], log: &Path) -> Self {
        let log = OpenOptions::new().create(true).append(true).open(log);
        let mut child = Command::new(program)
            .args(["--listen", "127.0.0.1:0", "--database-url", url])
            .args(["--connection-rate", "1000"])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(log.unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ");
        Self {
            address: address.expect("it serves").to_owned(),
            child,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address.parse().unwrap()
    }

    /// A connection that is made when it is first used.
    pub fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        endpoint.timeout(CALL).connect_lazy()
    }

    /// SIGKILL, and gone.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM. Returns once it is gone.
    pub async fn terminate(mut self) -> ExitStatus {
        signal("TERM", self.child.id());
        tokio::task::spawn_blocking(move || self.child.wait().unwrap())
            .await
            .unwrap()
    }
}

impl Drop for Dwell {
    fn drop(&mut self) {
        // What is gone already needs no end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program under trial.
pub fn built() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_dwell"))
}

/// Sends a signal to a process.
pub fn signal(name: &str, process: u32) {
    let sent = Command::new("kill")
        .args([format!("-{name}"), process.to_string()])
        .status();
    assert!(sent.unwrap().success());
}
