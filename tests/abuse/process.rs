//! dwell as a process of its own.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use dwell::pb::v1::{
    session_service_client::SessionServiceClient, tenant_service_client::TenantServiceClient,
    usage_stats_service_client::UsageStatsServiceClient,
};
use tempfile::TempDir;
use tonic::{
    Request, Status,
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};

pub const TENANT: &str = "7f0c1f3e-5a51-4e0a-9a63-3d2f4b8f6c11";
pub const HOSTILE: &str = "7f0c1f3e-5a51-4e0a-9a63-3d2f4b8f6c12";

/// Runs on a new database until it is dropped.
pub struct Dwell {
    pub address: SocketAddr,
    child: Child,
    dir: TempDir,
}

impl Dwell {
    pub fn start(flags: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let log = File::create(dir.path().join("log")).unwrap();
        let url = format!("sqlite://{}", dir.path().join("db").display());
        let mut child = Command::new(env!("CARGO_BIN_EXE_dwell"))
            .args(["--listen", "127.0.0.1:0", "--database-url", &url])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ");
        Self {
            address: address.expect("it serves").parse().unwrap(),
            child,
            dir,
        }
    }

    /// All that it logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    /// KiB that it held at most since [`Dwell::forget_peak`].
    pub fn peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = peak.unwrap().split_whitespace().next();
        number.unwrap().parse().unwrap()
    }

    /// The peak is what it holds now.
    pub fn forget_peak(&self) {
        // As proc(5) has it.
        fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").unwrap();
    }

    pub async fn connect(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        endpoint.connect().await.unwrap()
    }
}

impl Drop for Dwell {
    fn drop(&mut self) {
        // What is gone already needs no end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends the tenant, and other metadata, with each call.
#[derive(Clone)]
pub struct As(pub Vec<(&'static str, String)>);

impl Interceptor for As {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        for (name, value) in &self.0 {
            let value = value.parse().unwrap();
            request.metadata_mut().insert(*name, value);
        }
        Ok(request)
    }
}

type Called = InterceptedService<Channel, As>;

/// A tenant's clients.
pub struct Clients {
    pub sessions: SessionServiceClient<Called>,
    pub usage: UsageStatsServiceClient<Called>,
    pub settings: TenantServiceClient<Called>,
}

impl Clients {
    pub fn new(channel: &Channel, metadata: &[(&'static str, String)]) -> Self {
        let called = || InterceptedService::new(channel.clone(), As(metadata.to_vec()));
        Self {
            sessions: SessionServiceClient::new(called()),
            usage: UsageStatsServiceClient::new(called()),
            settings: TenantServiceClient::new(called()),
        }
    }

    pub fn of(channel: &Channel, tenant: &str) -> Self {
        Self::new(channel, &[("x-tenant-id", tenant.to_owned())])
    }
}
