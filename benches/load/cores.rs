//! Which processors what runs on. A load that is more than the machine can make beside the server
//! is made on processors of its own, so that what it takes is not the server's.

use std::{
    fs,
    process::{self, Command, Stdio},
};

use crate::Result;

/// The machine's processors in two parts, until it is dropped; in between it is told which part
/// this process has, and what it starts then keeps that.
pub struct Parted {
    all: String,
    load: String,
    servers: String,
}

impl Parted {
    /// Half of the processors for the load, the others for what it asks; `None` with one only, or
    /// where `taskset` is missing.
    pub fn new() -> Result<Option<Self>> {
        let status = fs::read_to_string("/proc/self/status")?;
        let all = status
            .lines()
            .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))
            .ok_or("no list of processors in /proc")?
            .trim();
        let processors = each(all).ok_or("an unknown list of processors in /proc")?;
        let (servers, load) = processors.split_at(processors.len().div_ceil(2));
        if load.is_empty() || !pin(all) {
            return Ok(None);
        }
        Ok(Some(Self {
            all: all.to_owned(),
            load: load.join(","),
            servers: servers.join(","),
        }))
    }

    /// What is started from now on is a server.
    pub fn start_servers(&self) -> Result<()> {
        insist(&self.servers)
    }

    /// From now on there is nothing but the load.
    pub fn start_load(&self) -> Result<()> {
        insist(&self.load)
    }
}

impl Drop for Parted {
    fn drop(&mut self) {
        // It was possible before.
        pin(&self.all);
    }
}

fn insist(processors: &str) -> Result<()> {
    if pin(processors) {
        Ok(())
    } else {
        Err("taskset failed".into())
    }
}

/// All threads of this process. False if that cannot be.
fn pin(processors: &str) -> bool {
    let pinned = Command::new("taskset")
        .args(["--all-tasks", "--cpu-list", "--pid", processors])
        .arg(process::id().to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    pinned.is_ok_and(|status| status.success())
}

/// Each of a list such as `0-3,8`.
fn each(listed: &str) -> Option<Vec<String>> {
    let mut all = Vec::new();
    for part in listed.split(',') {
        let (first, end) = part.split_once('-').unwrap_or((part, part));
        let range = first.parse::<u32>().ok()?..=end.parse::<u32>().ok()?;
        all.extend(range.map(|processor| processor.to_string()));
    }
    Some(all)
}
