//! Calls to the dwell that is filled, for one tenant.

use std::{error::Error, fs, time::Duration};

use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};
use uuid::Uuid;

use crate::{
    auth::{TENANT_KEY, mint},
    config::{DemoArgs, Role, TokenArgs},
    domain::time::SystemClock,
    pb::v1::{
        goal_service_client::GoalServiceClient, session_service_client::SessionServiceClient,
        tenant_service_client::TenantServiceClient,
        usage_stats_service_client::UsageStatsServiceClient,
    },
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long tokens are good for: longer than any demo takes.
const TOKEN_TTL: Duration = Duration::from_hours(1);

type Called = InterceptedService<Channel, Named>;

/// The services that are filled, as a tenant's service and, for its settings, its admin.
#[derive(Clone)]
pub struct Client {
    pub sessions: SessionServiceClient<Called>,
    pub usage: UsageStatsServiceClient<Called>,
    pub goals: GoalServiceClient<Called>,
    pub settings: TenantServiceClient<Called>,
}

impl Client {
    /// For that tenant.
    ///
    /// # Errors
    /// Fails if no token can be made.
    pub fn new(channel: &Channel, args: &DemoArgs, tenant: Uuid) -> Result<Self, String> {
        let named = |role| {
            let named = Named::new(args, tenant, role)?;
            Ok::<_, String>(InterceptedService::new(channel.clone(), named))
        };
        let service = named(Role::Service)?;
        Ok(Self {
            sessions: SessionServiceClient::new(service.clone()),
            usage: UsageStatsServiceClient::new(service.clone()),
            goals: GoalServiceClient::new(service),
            settings: TenantServiceClient::new(named(Role::Admin)?),
        })
    }
}

/// Connects to the server.
///
/// # Errors
/// Fails if nothing answers there, or with another certificate.
pub async fn connect(args: &DemoArgs) -> Result<Channel, Box<dyn Error + Send + Sync>> {
    let mut endpoint = Endpoint::from(args.address.clone()).connect_timeout(CONNECT_TIMEOUT);
    if let Some(path) = &args.tls_ca {
        let roots = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(roots));
        endpoint = endpoint.tls_config(tls)?;
    }
    let connected = endpoint.connect().await;
    Ok(connected.map_err(|error| {
        let (address, cause) = (&args.address, cause(&error));
        format!("no dwell at {address} ({cause}): start it first, or name it with --address")
    })?)
}

/// What is at the root of an error, as tonic says no more than that there was one.
fn cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Says who calls in the metadata of each call.
#[derive(Clone)]
pub struct Named {
    key: &'static str,
    value: MetadataValue<Ascii>,
}

impl Named {
    fn new(args: &DemoArgs, tenant: Uuid, role: Role) -> Result<Self, String> {
        let (key, value) = match args.jwt_secret_file.clone() {
            None => (TENANT_KEY, tenant.to_string()),
            Some(jwt_secret_file) => {
                let args = TokenArgs {
                    jwt_secret_file,
                    tenant,
                    user: None,
                    role,
                    ttl: TOKEN_TTL,
                    claims: args.claims.clone(),
                };
                let token = mint::token(&args, &SystemClock)?;
                ("authorization", format!("Bearer {token}"))
            }
        };
        let value = value
            .parse()
            .map_err(|_| "the token is no text".to_owned())?;
        Ok(Self { key, value })
    }
}

impl Interceptor for Named {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert(self.key, self.value.clone());
        Ok(request)
    }
}
