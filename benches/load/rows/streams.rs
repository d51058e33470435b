//! How fast many rows leave the database.

use std::{
    process::{Command, Stdio},
    time::Instant,
};

use dwell::pb::v1::{StreamUsageStatsRequest, usage_stats_service_client::UsageStatsServiceClient};
use futures::FutureExt;

use super::{Measurement, footprint::mebibytes};
use crate::{
    Args, Bench, Result,
    calls::{tenant_id, with_tenant},
    closed::connect,
    data,
    database::{Database, Engine},
    servers::Dwell,
    table::{Row, Series, Target, Unit, grouped},
};

/// Days of each user.
const DAYS: u32 = 100;

pub fn all(args: &Args) -> Vec<Measurement> {
    let rows = grouped(args.stream_rows);
    let rate = Row {
        what: format!("StreamUsageStats on PostgreSQL, {rows} rows"),
        reference: "COPY TO STDOUT",
        unit: Unit::PerSecond,
        target: Target::AtLeast(0.5),
    };
    let memory = Row {
        what: format!("Resident memory that StreamUsageStats adds, {rows} rows"),
        reference: "",
        unit: Unit::Mebibytes,
        target: Target::AtMost(32.0),
    };
    vec![Measurement::new([rate, memory], |bench| {
        stream_against_copy(bench).boxed_local()
    })]
}

async fn stream_against_copy(bench: &Bench) -> Result<Vec<Series>> {
    let database = bench.databases.empty(Engine::Postgres).await?;
    let users = bench.args.stream_rows / DAYS;
    let (first, last) = data::days(&database, users, DAYS).await?;
    let rows = f64::from(users * DAYS);
    let (mut rates, mut growth) = (Vec::new(), Vec::new());
    for _ in 0..bench.args.pairs {
        let begin = Instant::now();
        copy(&database)?;
        let copied = rows / begin.elapsed().as_secs_f64();
        let dwell = Dwell::start(&database)?;
        // Connections and statements are there before it counts.
        stream(&dwell, &last, &last).await?;
        let resident = dwell.resident()?;
        dwell.forget_peak()?;
        let begin = Instant::now();
        let streamed = f64::from(stream(&dwell, &first, &last).await?);
        if streamed < rows {
            return Err("the stream is short".into());
        }
        rates.push((streamed / begin.elapsed().as_secs_f64(), copied));
        let more = dwell.peak_resident()?.saturating_sub(resident);
        growth.push((mebibytes(more)?, 1.0));
    }
    Ok([rates, growth].into_iter().flat_map(Series::of).collect())
}

/// The rows that dwell streams, by the database's own client.
fn copy(database: &Database) -> Result<()> {
    let sql = format!(
        "COPY (SELECT user_id, usage_date, login_count, active_seconds, simulation_runs,
            documents_accessed, feature_usage, sessions_started, sessions_completed, updated_at
        FROM user_usage_stats WHERE tenant_id = '{}') TO STDOUT",
        tenant_id(1)
    );
    let copied = Command::new("psql")
        .args(["-qX", "-c", &sql, &database.url])
        .stdout(Stdio::null())
        .status()?;
    if copied.success() {
        Ok(())
    } else {
        Err("psql failed".into())
    }
}

/// How many rows came.
async fn stream(dwell: &Dwell<'_>, first: &str, last: &str) -> Result<u32> {
    let mut client = UsageStatsServiceClient::new(connect(&dwell.address).await?);
    let message = StreamUsageStatsRequest {
        start_date: first.to_owned(),
        end_date: last.to_owned(),
        ..StreamUsageStatsRequest::default()
    };
    let answer = client.stream_usage_stats(with_tenant(message, tenant_id(1)));
    let mut rows = answer.await?.into_inner();
    let mut count = 0;
    while rows.message().await?.is_some() {
        count += 1;
    }
    Ok(count)
}
