//! Whether reads stay flat as the ledger grows.

use dwell::pb::v1::{
    GetTenantUsageReportRequest, Granularity, ListSessionsRequest, RecordUsageRequest,
    UsageIncrement, session_service_client::SessionServiceClient,
};
use futures::FutureExt;

use super::Measurement;
use crate::{
    Args, Bench, Result,
    calls::{Workload, tenant_id, user_id, with_tenant},
    closed::{Load, connect},
    data::{self, one_tenant},
    database::{Database, Engine},
    import,
    servers::Dwell,
    table::{Row, Series, Target, Unit, grouped},
};

/// The small ledgers.
const FEW_SESSIONS: u32 = 10_000;
const FEW_USERS: u32 = 1_000;
/// So that the few sessions have as many pages.
const PAGE_SIZE: i32 = 10;
const PAGE: i32 = 1_000;
/// Days on which each user is active, of the eight weeks that a report is of.
const ACTIVE_DAYS: u32 = 4;
const REPORT_DAYS: u32 = 56;

pub fn all(args: &Args) -> Vec<Measurement> {
    let (sessions, users) = (grouped(args.sessions), grouped(args.report_users));
    let row = |what: &str, reference, most| Row {
        what: what.to_owned(),
        reference,
        unit: Unit::Millis,
        target: Target::AtMost(most),
    };
    let mut all = Vec::new();
    for engine in Engine::BOTH {
        let calls = [
            "GetSession",
            "GetUserUsageStats",
            "ListSessions first page",
            "ListSessions page 1,000",
        ];
        let rows = calls.map(|call| {
            let what = format!("{call} on {engine} at {sessions} sessions");
            row(&what, "at 10,000", 1.5)
        });
        all.push(Measurement::new(rows, move |bench| {
            reads(bench, engine).boxed_local()
        }));
    }
    for engine in Engine::BOTH {
        let rows = ["days", "weeks", "months"].map(|periods| {
            let what = format!("GetTenantUsageReport of {periods} on {engine} with {users} users");
            row(&what, "with 1,000", 2.0)
        });
        all.push(Measurement::new(rows, move |bench| {
            reports(bench, engine).boxed_local()
        }));
    }
    all
}

async fn reads(bench: &Bench, engine: Engine) -> Result<Vec<Series>> {
    let sizes = [bench.args.sessions, FEW_SESSIONS];
    let mut databases = Vec::new();
    for sessions in sizes {
        let database = bench.databases.empty(engine).await?;
        let days = data::history(&database, sessions).await?;
        databases.push((database, sessions, days));
    }
    let mut ledgers = Vec::new();
    for (database, sessions, days) in &databases {
        let dwell = Dwell::start(database)?;
        let workloads = read_workloads(&dwell, *sessions, days).await?;
        ledgers.push((dwell, sessions / data::SESSIONS_OF_USER, workloads));
    }
    compare(bench, &ledgers).await
}

async fn read_workloads(
    dwell: &Dwell<'_>,
    sessions: u32,
    (first, last): &(String, String),
) -> Result<Vec<Workload>> {
    let first_page = ListSessionsRequest {
        page_size: PAGE_SIZE,
        ..ListSessionsRequest::default()
    };
    let late_page = ListSessionsRequest {
        page_token: token_after(dwell, (PAGE - 1) * PAGE_SIZE).await?,
        ..first_page.clone()
    };
    Ok(vec![
        Workload::Get {
            sessions: sessions.into(),
        },
        Workload::UserDays {
            first: first.clone(),
            last: last.clone(),
        },
        Workload::Page(first_page),
        Workload::Page(late_page),
    ])
}

/// The token of the page that begins after so many sessions, as a reader comes by it.
async fn token_after(dwell: &Dwell<'_>, sessions: i32) -> Result<String> {
    let mut client = SessionServiceClient::new(connect(&dwell.address).await?);
    let (mut rest, mut page_token) = (sessions, String::new());
    while rest > 0 {
        let message = ListSessionsRequest {
            page_size: rest.min(1_000),
            page_token,
            ..ListSessionsRequest::default()
        };
        rest -= message.page_size;
        let answer = client.list_sessions(with_tenant(message, tenant_id(1)));
        page_token = answer.await?.into_inner().next_page_token;
    }
    Ok(page_token)
}

async fn reports(bench: &Bench, engine: Engine) -> Result<Vec<Series>> {
    let sizes = [bench.args.report_users, FEW_USERS];
    let mut databases = Vec::new();
    for users in sizes {
        databases.push((bench.databases.empty(engine).await?, users));
    }
    let mut ledgers = Vec::new();
    for (database, users) in &databases {
        ledgers.push(used(database, *users).await?);
    }
    compare(bench, &ledgers).await
}

/// A server whose first tenant's users were active on some days each: imported, so that all that
/// a write keeps for reports is there.
async fn used(database: &Database, users: u32) -> Result<(Dwell<'_>, u32, Vec<Workload>)> {
    let dwell = Dwell::start(database)?;
    let tenant = tenant_id(1);
    let active = (0..ACTIVE_DAYS).flat_map(move |time| (1..=users).map(move |user| (time, user)));
    let records = active.map(move |(time, user)| RecordUsageRequest {
        user_id: user_id(tenant, user).to_string(),
        date: report_date((user * 7 + time * REPORT_DAYS / ACTIVE_DAYS) % REPORT_DAYS),
        increment: Some(UsageIncrement {
            active_seconds: 600,
            documents_accessed: 3,
            feature_usage: [("export".to_owned(), 1), ("search".to_owned(), 5)].into(),
            ..UsageIncrement::default()
        }),
        ..RecordUsageRequest::default()
    });
    import::import(&dwell.address, tenant, records, |_| {}).await?;
    let whole = [
        (Granularity::Day, "2024-02-25"),
        (Granularity::Week, "2024-02-25"),
        (Granularity::Month, "2024-02-29"),
    ];
    let workloads = whole.map(|(granularity, end)| {
        Workload::Report(GetTenantUsageReportRequest {
            start_date: report_date(0),
            end_date: end.to_owned(),
            granularity: granularity.into(),
        })
    });
    Ok((dwell, users, workloads.into()))
}

/// A day of the eight weeks that began with Monday 2024-01-01.
fn report_date(day: u32) -> String {
    match day {
        0..31 => format!("2024-01-{:02}", day + 1),
        _ => format!("2024-02-{:02}", day - 30),
    }
}

/// One caller's median of each workload on the large ledger against that on the small one.
/// A ledger is a server, its users, and the workloads.
async fn compare(
    bench: &Bench,
    ledgers: &[(Dwell<'_>, u32, Vec<Workload>)],
) -> Result<Vec<Series>> {
    let [(large, many, of_large), (small, few, of_small)] = ledgers else {
        return Err("there are two ledgers to compare".into());
    };
    let run = async |dwell: &Dwell<'_>, users: u32, workload: &Workload| -> Result<f64> {
        let load = Load {
            population: one_tenant(users),
            ..bench.alone()
        };
        let outcome = load.run(&[&dwell.address], workload).await?;
        Ok(outcome.median_ms)
    };
    let mut series = Vec::new();
    for (of_large, of_small) in of_large.iter().zip(of_small) {
        let pairs = bench.pairs(async || {
            let small = run(small, *few, of_small).await?;
            Ok((run(large, *many, of_large).await?, small))
        });
        series.extend(Series::of(pairs.await?));
    }
    Ok(series)
}
