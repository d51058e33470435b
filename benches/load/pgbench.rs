//! The same login by pgbench, the database's own benchmark client.

use std::{fs, path::Path, process::Command, time::Duration};

use crate::{
    Bench, Result,
    closed::{Load, Outcome, histogram},
    database::{Database, Engine},
};

/// Numbers of clients among which the fastest is looked for.
const CLIENTS: [usize; 6] = [2, 4, 8, 16, 32, 64];

/// As one statement: update the user, add to the day, insert the session.
const LOGIN: &str = include_str!("login.sql");

/// The number of clients at which it is fastest.
pub async fn best_clients(bench: &Bench) -> Result<usize> {
    let mut best = (0, 0.0);
    for clients in CLIENTS {
        let database = bench.database(Engine::Postgres).await?;
        let rate = rate(&database, &bench.load(), clients)?;
        if rate > best.1 {
            best = (clients, rate);
        }
    }
    Ok(best.0)
}

/// Logins in a second by so many clients.
pub fn rate(database: &Database, load: &Load, clients: usize) -> Result<f64> {
    run(database, load, clients, None)
}

/// What one client alone waits for a login.
pub fn alone(database: &Database, load: &Load) -> Result<Outcome> {
    let logs = tempfile::tempdir()?;
    run(database, load, 1, Some(logs.path()))?;
    let mut latencies = histogram()?;
    for log in fs::read_dir(logs.path())? {
        for line in fs::read_to_string(log?.path())?.lines() {
            // Client, transaction, microseconds, and more.
            let micros = line
                .split(' ')
                .nth(2)
                .ok_or("no latency in pgbench's log")?;
            latencies.record(micros.parse()?)?;
        }
    }
    Outcome::of(&latencies, load.measured)
}

/// Warms up, then runs for the time measured, and answers the rate. With a directory for logs,
/// the time of each login goes there.
fn run(database: &Database, load: &Load, clients: usize, logs: Option<&Path>) -> Result<f64> {
    let directory = tempfile::tempdir()?;
    let script = directory.path().join("login.sql");
    let population = load.population;
    let variables = format!(
        "\\set tenants {}\n\\set users {}\n",
        population.tenants, population.users
    );
    fs::write(&script, variables + LOGIN)?;
    let pgbench = |time: Duration| {
        let mut command = Command::new("pgbench");
        command
            .args(["-n", "-M", "prepared", "-j", "2"])
            .args(["-c", &clients.to_string()])
            .args(["-T", &time.as_secs().max(1).to_string(), "-f"])
            .arg(&script);
        command
    };
    pgbench(load.warm_up()).arg(&database.url).output()?;
    let mut measured = pgbench(load.measured);
    if let Some(logs) = logs {
        measured.arg("-l").arg("--log-prefix").arg(logs.join("log"));
    }
    let output = measured.arg(&database.url).output()?;
    let text = String::from_utf8(output.stdout)?;
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = "));
    let rate = rate.and_then(|rate| rate.split(' ').next());
    let rate = rate.filter(|_| output.status.success());
    let failed = || format!("pgbench: {}", String::from_utf8_lossy(&output.stderr));
    Ok(rate.ok_or_else(failed)?.parse()?)
}
