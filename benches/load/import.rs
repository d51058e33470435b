//! `ImportUsage`: one stream of usage, and its answers.

use std::time::Instant;

use dwell::pb::v1::{
    ImportUsageRequest, RecordUsageRequest, usage_stats_service_client::UsageStatsServiceClient,
};
use futures::stream;
use uuid::Uuid;

use crate::{
    Result,
    calls::{tenant_id, usage_request, user_id, with_tenant},
    closed::{Load, connect},
};

/// Sends records as fast as they are taken, until there are no more, and tells `answered` of
/// each answer.
pub async fn import(
    address: &str,
    tenant: Uuid,
    records: impl Iterator<Item = RecordUsageRequest> + Send + 'static,
    mut answered: impl FnMut(Instant),
) -> Result<()> {
    let mut client = UsageStatsServiceClient::new(connect(address).await?);
    let messages = records.map(|record| ImportUsageRequest {
        record: Some(record),
    });
    let messages = with_tenant(stream::iter(messages), tenant);
    let mut answers = client.import_usage(messages).await?.into_inner();
    while let Some(answer) = answers.message().await? {
        if answer.code != 0 {
            return Err(answer.message.into());
        }
        answered(Instant::now());
    }
    Ok(())
}

/// Records of random users of the load's first tenant answered in a second, each with an id.
pub async fn rate(address: &str, load: &Load) -> Result<f64> {
    let tenant = tenant_id(load.population.first_tenant);
    let users = load.population.users;
    let begin = Instant::now() + load.warm_up();
    let end = begin + load.measured;
    let mut random = fastrand::Rng::new();
    let records = std::iter::from_fn(move || {
        let user = user_id(tenant, 1 + random.u32(..users));
        let id = Uuid::from_u128(random.u128(1..));
        (Instant::now() < end).then(|| usage_request(user, id))
    });
    let (mut answers, mut last) = (0_u32, begin);
    let count = |now| {
        if now >= begin {
            answers += 1;
            last = now;
        }
    };
    import(address, tenant, records, count).await?;
    Ok(f64::from(answers) / (last - begin).as_secs_f64())
}
