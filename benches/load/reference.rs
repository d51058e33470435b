//! The same login transaction by pgbench.

use std::{fs, process::Command};

use crate::{
    Result,
    process::Postgres,
    run::{Load, Outcome},
};

/// Clients among which the best rate is looked for.
const CLIENTS: [usize; 4] = [4, 8, 16, 32];

/// As one statement: update the user, add to the day, insert the session.
const LOGIN: &str = include_str!("login.sql");

/// The best rate that pgbench reaches at any number of clients.
pub fn best_pgbench(postgres: &Postgres, load: &Load) -> Result<Outcome> {
    let runs = CLIENTS.map(|clients| pgbench(postgres, load, clients));
    let mut best: Option<Outcome> = None;
    for run in runs {
        let run = run?;
        if best.is_none_or(|best| run.rate > best.rate) {
            best = Some(run);
        }
    }
    best.ok_or_else(|| "pgbench did not run".into())
}

/// The rate of so many clients of pgbench, on a database with dwell's own schema and users.
pub fn pgbench(postgres: &Postgres, load: &Load, clients: usize) -> Result<Outcome> {
    let database = postgres.fresh_schema(load)?;
    let script = postgres.directory.path().join("login.sql");
    let tenants = format!(
        "\\set tenants {}\n\\set users {}\n",
        load.tenants, load.users
    );
    fs::write(&script, tenants + LOGIN)?;
    let output = Command::new("pgbench")
        .args(["-n", "-M", "prepared", "-U", "postgres", "-h"])
        .arg(postgres.socket_dir())
        .args(["-c", &clients.to_string(), "-j", "2"])
        .args(["-T", &load.measured.as_secs().to_string(), "-f"])
        .arg(&script)
        .arg(&database)
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let number = |name: &str| -> Result<f64> {
        let line = text.lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.split('=').nth(1));
        let value = value.and_then(|value| value.split_whitespace().next());
        Ok(value
            .ok_or_else(|| format!("pgbench: {}", String::from_utf8_lossy(&output.stderr)))?
            .parse()?)
    };
    let latency = number("latency average")?;
    Ok(Outcome {
        rate: number("tps")?,
        median_ms: latency,
        p99_ms: latency,
    })
}
