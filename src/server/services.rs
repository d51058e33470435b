//! The services, and whether they serve.

use std::{error::Error, sync::Arc, time::Duration};

use tokio::time::timeout;
use tonic::{server::NamedService, service::Routes};
use tonic_health::{ServingStatus, server::HealthReporter};
use tracing::{info, warn};

use crate::{
    config::LimitArgs,
    grpc::{Context, Goals, Insights, Reports, Sessions, Tenants, UsageStats},
    pb::{
        FILE_DESCRIPTOR_SET,
        v1::{
            goal_service_server::GoalServiceServer, insights_service_server::InsightsServiceServer,
            report_service_server::ReportServiceServer,
            session_service_server::SessionServiceServer,
            tenant_service_server::TenantServiceServer,
            usage_stats_service_server::UsageStatsServiceServer,
        },
    },
    store::Store,
    telemetry::ready::Readiness,
};

const HEALTH_INTERVAL: Duration = Duration::from_secs(2);
const PING_TIMEOUT: Duration = Duration::from_secs(2);

type Session = SessionServiceServer<Sessions>;
type Usage = UsageStatsServiceServer<UsageStats>;
type Insight = InsightsServiceServer<Insights>;
type Report = ReportServiceServer<Reports>;
type Goal = GoalServiceServer<Goals>;
type Tenant = TenantServiceServer<Tenants>;

/// The names that health answers for: the whole, and each service.
const HEALTH_NAMES: [&str; 7] = [
    "",
    Session::NAME,
    Usage::NAME,
    Insight::NAME,
    Report::NAME,
    Goal::NAME,
    Tenant::NAME,
];

/// The services behind the gate, and whoever says how each is.
pub fn routes(
    context: Context,
    limits: &LimitArgs,
    reflected: bool,
) -> Result<(HealthReporter, Routes), Box<dyn Error + Send + Sync>> {
    let request = usize::try_from(limits.max_request_size)?;
    let response = usize::try_from(limits.max_response_size)?;
    // Each service has a type of its own.
    macro_rules! sized {
        ($server:ident, $service:expr) => {
            $server::new($service)
                .max_decoding_message_size(request)
                .max_encoding_message_size(response)
        };
    }
    let (health, health_service) = tonic_health::server::health_reporter();
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            // So that grpcurl can read the details of an error.
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
            .with_service_name(Session::NAME)
            .with_service_name(Usage::NAME)
            .with_service_name(Insight::NAME)
            .with_service_name(Report::NAME)
            .with_service_name(Goal::NAME)
            .with_service_name(Tenant::NAME)
            .with_service_name("grpc.health.v1.Health")
    };
    let mut routes = Routes::new(health_service)
        .add_service(sized!(Session, Sessions(context.clone())))
        .add_service(sized!(Usage, UsageStats(context.clone())))
        .add_service(sized!(Insight, Insights(context.clone())))
        .add_service(sized!(Goal, Goals(context.clone())))
        .add_service(sized!(Report, Reports(context.clone())))
        .add_service(sized!(Tenant, Tenants(context)));
    if reflected {
        routes = routes
            .add_service(reflection().build_v1()?)
            .add_service(reflection().build_v1alpha()?);
    }
    Ok((health, routes))
}

/// Says the same of all services.
pub async fn set_health(health: &HealthReporter, status: ServingStatus) {
    for name in HEALTH_NAMES {
        health.set_service_status(name, status).await;
    }
}

/// Says that the service does not serve while the database does not answer.
pub async fn watch_database(store: Arc<dyn Store>, health: HealthReporter, ready: Arc<Readiness>) {
    let mut ticks = tokio::time::interval(HEALTH_INTERVAL);
    loop {
        ticks.tick().await;
        let answers = matches!(timeout(PING_TIMEOUT, store.ping()).await, Ok(Ok(())));
        if answers != ready.set_database(answers) {
            let status = if answers {
                info!("the database answers again");
                ServingStatus::Serving
            } else {
                warn!("the database does not answer");
                ServingStatus::NotServing
            };
            set_health(&health, status).await;
        }
    }
}
