//! What runs beside the load: dwell, and a bare tonic server. Each ends with its value.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::{Result, database::Database};

/// dwell as it is released, for as long as its database is there.
pub struct Dwell<'a> {
    pub address: String,
    child: Child,
    _database: &'a Database,
}

impl<'a> Dwell<'a> {
    pub fn start(database: &'a Database) -> Result<Self> {
        Self::start_with(database, Vec::new())
    }

    /// The same with more flags.
    pub fn start_with(database: &'a Database, flags: Vec<&OsStr>) -> Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dwell"));
        command
            .args(["--listen", "127.0.0.1:0", "--log", "warn,h2=error"])
            .args(["--database-url", &database.url])
            .args(flags);
        let (child, address) = listening(command)?;
        Ok(Self {
            address,
            child,
            _database: database,
        })
    }

    /// Bytes of memory that it holds.
    pub fn resident(&self) -> Result<u64> {
        self.status("VmRSS:")
    }

    /// The most that it held since [`Dwell::forget_peak`].
    pub fn peak_resident(&self) -> Result<u64> {
        self.status("VmHWM:")
    }

    /// Processor time that it has taken.
    pub fn cpu(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // After the name, which may be anything, the 12th and 13th: user and system time, in ticks
        // of 10 ms (proc(5)).
        let (_, rest) = stat.rsplit_once(')').ok_or("no such figure in /proc")?;
        let times = rest.split_whitespace().skip(11).take(2);
        let ticks = times
            .map(str::parse::<u64>)
            .sum::<std::result::Result<u64, _>>()?;
        Ok(Duration::from_millis(ticks * 10))
    }

    pub fn forget_peak(&self) -> Result<()> {
        // As proc(5) has it.
        fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5")?;
        Ok(())
    }

    fn status(&self, name: &str) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let value = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = value.and_then(|value| value.split_whitespace().next());
        Ok(kilobytes.ok_or("no such figure in /proc")?.parse::<u64>()? * 1_024)
    }
}

impl Drop for Dwell<'_> {
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
    let Some(address) = line.trim().strip_prefix("listening on ") else {
        end(&mut child);
        return Err("the server did not start".into());
    };
    Ok((child, address.to_owned()))
}

fn end(child: &mut Child) {
    // What is gone already needs no end.
    let _ = child.kill();
    let _ = child.wait();
}
