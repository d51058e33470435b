//! [ghz](https://ghz.sh), a load generator that is not ours.

use std::{collections::BTreeMap, fs, io, process::Command};

use prost::Message;
use serde::Deserialize;

use crate::{
    Result,
    calls::{start_request, tenant_id, user_id},
    closed::{Load, Outcome},
};

/// Messages that it sends in turn.
const MESSAGES: u32 = 10_000;

#[derive(Deserialize)]
struct Report {
    rps: f64,
    #[serde(rename = "latencyDistribution")]
    latencies: Vec<Latency>,
    #[serde(rename = "statusCodeDistribution")]
    codes: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct Latency {
    percentage: u32,
    /// Nanoseconds.
    latency: f64,
}

pub fn is_installed() -> bool {
    Command::new("ghz").arg("--version").output().is_ok()
}

/// `StartSession` for random users of the load's first tenant.
pub fn start_sessions(address: &str, load: &Load) -> Result<Outcome> {
    let directory = tempfile::tempdir()?;
    let messages = directory.path().join("messages");
    let tenant = tenant_id(load.population.first_tenant);
    let mut bytes = Vec::new();
    for _ in 0..MESSAGES {
        let user = user_id(tenant, 1 + fastrand::u32(..load.population.users));
        start_request(user).encode_length_delimited(&mut bytes)?;
    }
    fs::write(&messages, bytes)?;
    let callers = load.callers.to_string();
    let output = Command::new("ghz")
        .args([
            "--insecure",
            "--call",
            "dwell.v1.SessionService.StartSession",
        ])
        .args(["--metadata", &format!("{{\"x-tenant-id\": \"{tenant}\"}}")])
        .arg("--binary-file")
        .arg(&messages)
        .args(["--concurrency", &callers])
        .args(["--connections", &load.callers.min(8).to_string()])
        .args(["--duration", &format!("{}s", load.measured.as_secs())])
        .args(["--duration-stop", "wait", "--format", "json", address])
        .output()?;
    let report: Report = serde_json::from_slice(&output.stdout)
        .map_err(|_| io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))?;
    if report.codes.keys().any(|code| code != "OK") {
        return Err(format!("ghz: {:?}", report.codes).into());
    }
    let millis = |percentage| {
        let mut latencies = report.latencies.iter();
        let found = latencies.find(|latency| latency.percentage == percentage);
        found.map_or(f64::NAN, |latency| latency.latency / 1e6)
    };
    Ok(Outcome {
        rate: report.rps,
        median_ms: millis(50),
        p99_ms: millis(99),
    })
}
