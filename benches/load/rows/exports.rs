//! How fast sessions leave the database as a file, and what that takes.

use std::{
    process::{Command, Stdio},
    time::Instant,
};

use dwell::pb::v1::{
    ExportSessionsRequest, ListSessionsRequest, export_sessions_request::Format,
    report_service_client::ReportServiceClient,
};
use futures::FutureExt;
use prost_types::Timestamp;

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

const FORMATS: [(&str, Format); 2] = [("CSV", Format::Csv), ("JSON lines", Format::Ndjson)];

pub fn all(args: &Args) -> Vec<Measurement> {
    let sessions = grouped(args.stream_rows);
    let rate = |name: &str| Row {
        what: format!("ExportSessions as {name} on PostgreSQL, {sessions} sessions"),
        reference: "COPY TO STDOUT WITH CSV",
        unit: Unit::PerSecond,
        target: Target::None,
    };
    let memory = Row {
        what: format!("Resident memory that ExportSessions adds, {sessions} sessions"),
        reference: "",
        unit: Unit::Mebibytes,
        target: Target::AtMost(32.0),
    };
    let rows: Vec<_> = FORMATS
        .iter()
        .map(|(name, _)| rate(name))
        .chain([memory])
        .collect();
    vec![Measurement::new(rows, |bench| {
        export_against_copy(bench).boxed_local()
    })]
}

async fn export_against_copy(bench: &Bench) -> Result<Vec<Series>> {
    let database = bench.databases.empty(Engine::Postgres).await?;
    let sessions = bench.args.stream_rows;
    data::history(&database, sessions).await?;
    data::settle(&mut database.connect().await?).await?;
    let sessions = f64::from(sessions);
    let (mut rates, mut growth) = (vec![Vec::new(); FORMATS.len()], Vec::new());
    for _ in 0..bench.args.pairs {
        let begin = Instant::now();
        copy(&database)?;
        let copied = sessions / begin.elapsed().as_secs_f64();
        let dwell = Dwell::start(&database)?;
        // Connections and statements are there before it counts.
        let nothing = ListSessionsRequest {
            start_time_until: Some(Timestamp {
                seconds: 946_684_800,
                nanos: 0,
            }),
            ..ListSessionsRequest::default()
        };
        export(&dwell, Format::Csv, Some(nothing)).await?;
        let resident = dwell.resident()?;
        dwell.forget_peak()?;
        for ((_, format), rates) in FORMATS.iter().zip(&mut rates) {
            let begin = Instant::now();
            let lines = export(&dwell, *format, None).await?;
            rates.push((sessions / begin.elapsed().as_secs_f64(), copied));
            if f64::from(lines) < sessions {
                return Err("the file is short".into());
            }
        }
        let more = dwell.peak_resident()?.saturating_sub(resident);
        growth.push((mebibytes(more)?, 1.0));
    }
    Ok(rates
        .into_iter()
        .chain([growth])
        .flat_map(Series::of)
        .collect())
}

/// The sessions that dwell exports, by the database's own client.
fn copy(database: &Database) -> Result<()> {
    let sql = format!(
        "COPY (SELECT * FROM user_sessions WHERE tenant_id = '{}') TO STDOUT WITH (FORMAT csv)",
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

/// How many lines came. No cell of these sessions has one of its own.
async fn export(
    dwell: &Dwell<'_>,
    format: Format,
    filter: Option<ListSessionsRequest>,
) -> Result<u32> {
    let mut client = ReportServiceClient::new(connect(&dwell.address).await?);
    let message = ExportSessionsRequest {
        format: format.into(),
        filter,
    };
    let answer = client.export_sessions(with_tenant(message, tenant_id(1)));
    let mut chunks = answer.await?.into_inner();
    let mut lines = 0;
    while let Some(answer) = chunks.message().await? {
        let ends = answer.chunk.iter().filter(|byte| **byte == b'\n');
        lines += u32::try_from(ends.count())?;
    }
    Ok(lines)
}
