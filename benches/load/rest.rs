//! The same calls by HTTP and JSON, and what either way costs the server.

use std::time::Instant;

use reqwest::{Client, Response};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    Result,
    calls::{Caller, Workload, session_id, start_request, tenant_id, user_id},
    closed::{Load, connections},
    servers::Dwell,
};

/// How calls are made.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    Grpc,
    Rest,
}

/// Microseconds of the server's time for each call of the workload, by the first tenant.
pub async fn cost(dwell: &Dwell<'_>, load: Load, workload: &Workload, way: Way) -> Result<f64> {
    run(dwell, load, workload, way, load.warm_up()).await?;
    let before = dwell.cpu()?;
    let calls = run(dwell, load, workload, way, load.measured).await?;
    let spent = dwell.cpu()?.saturating_sub(before);
    Ok(spent.as_secs_f64() * 1_000_000.0 / f64::from(calls))
}

/// How many calls are answered in so much time.
async fn run(
    dwell: &Dwell<'_>,
    load: Load,
    workload: &Workload,
    way: Way,
    time: std::time::Duration,
) -> Result<u32> {
    let end = Instant::now() + time;
    let mut tasks = JoinSet::new();
    let channels = connections(&dwell.address).await?;
    let client = Client::new();
    for channel in channels.iter().cycle().take(load.callers) {
        let (workload, address) = (workload.clone(), dwell.address.clone());
        let mut caller = Caller::new(channel.clone(), load.population, fastrand::u64(..));
        let client = client.clone();
        tasks.spawn(async move {
            let mut calls = 0;
            while Instant::now() < end {
                match way {
                    Way::Grpc => insist(caller.call(&workload).await?)?,
                    Way::Rest => call(&client, &address, load, &workload).await?,
                }
                calls += 1;
            }
            Result::Ok(calls)
        });
    }
    let mut all = 0;
    while let Some(done) = tasks.join_next().await {
        all += done??;
    }
    Ok(all)
}

async fn call(client: &Client, address: &str, load: Load, workload: &Workload) -> Result<()> {
    let tenant = tenant_id(1);
    let answer = match workload {
        Workload::Get { sessions } => {
            let session = session_id(fastrand::u64(..*sessions));
            let request = client.get(format!("http://{address}/v1/sessions/{session}"));
            request
                .header("x-tenant-id", tenant.to_string())
                .send()
                .await?
        }
        Workload::Start => {
            let user = user_id(tenant, fastrand::u32(1..=load.population.users));
            let start = start_request(user);
            let body = json!({
                "userId": start.user_id, "clientType": start.client_type,
                "clientInfo": start.client_info, "ipAddress": start.ip_address,
            });
            let request = client.post(format!("http://{address}/v1/sessions"));
            let request = request.header("x-tenant-id", tenant.to_string());
            let request = request.header("content-type", "application/json");
            request.body(body.to_string()).send().await?
        }
        workload => return Err(format!("no such call by REST: {workload:?}").into()),
    };
    taken(answer).await
}

async fn taken(answer: Response) -> Result<()> {
    insist(answer.error_for_status()?.bytes().await?.len() > 100)
}

fn insist(holds: bool) -> Result<()> {
    if holds {
        Ok(())
    } else {
        Err("not the answer".into())
    }
}
