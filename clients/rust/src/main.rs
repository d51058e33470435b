//! A client of dwell: logs a user in, says that the user is still there until Ctrl-C, logs out
//! and reads what it adds up to. It outlives restarts of the server.

use std::{
    env,
    error::Error,
    fmt,
    process::ExitCode,
    time::{Duration, Instant},
};

use chrono::{DateTime, Days, NaiveDate};
use prost_types::Timestamp;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::sleep,
};
use tonic::{
    Code, Request, Status,
    metadata::AsciiMetadataValue,
    service::interceptor::InterceptedService,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};
use tonic_types::StatusExt;
use uuid::Uuid;

use dwell::{
    EndSessionRequest, GetUserStatisticsRequest, GetUserUsageStatsRequest, HeartbeatRequest,
    StartSessionRequest, insights_service_client::InsightsServiceClient,
    session_service_client::SessionServiceClient,
    usage_stats_service_client::UsageStatsServiceClient,
};

#[allow(clippy::pedantic, reason = "generated")]
mod dwell {
    tonic::include_proto!("dwell.v1");
}

/// For one attempt. Without a deadline a call to a server that hangs hangs with it. dwell itself
/// waits 5 seconds for its database, and what it says then is worth hearing.
const PATIENCE: Duration = Duration::from_secs(10);
/// After it the logout is not tried again: somebody waits for the program to end.
const FAREWELL: Duration = Duration::from_secs(15);
/// What may be over soon. CANCELLED, where we did not cancel, is how a server may say that the
/// deadline passed.
const PASSING: [Code; 3] = [Code::Unavailable, Code::DeadlineExceeded, Code::Cancelled];
const FIRST_DELAY: Duration = Duration::from_millis(250);
const MAX_DELAY: Duration = Duration::from_secs(5);

type Failure = Box<dyn Error + Send + Sync>;
type Connection = InterceptedService<Channel, Identity>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    let client = Client {
        connection: InterceptedService::new(connect()?, Identity::from_env()?),
        user: var("DWELL_USER", "0b6d9a52-7c1e-4f7b-8d34-9f1c2a6e5b70"),
        session: Uuid::now_v7().to_string(),
    };
    let beat = Duration::from_millis(var("DWELL_HEARTBEAT_MS", "30000").parse()?);
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // What is under way when the signal comes is dropped, and its call with it.
    tokio::select! {
        failed = client.stay(beat) => return failed,
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tokio::select! {
        left = client.leave() => left,
        _ = interrupt.recv() => Err("ended before it was logged out".into()),
    }
}

struct Client {
    connection: Connection,
    user: String,
    /// Our own id makes the login safe to repeat: the server knows it again.
    session: String,
}

impl Client {
    /// Logs in and sends heartbeats, until it is dropped or a call is refused.
    async fn stay(&self, beat: Duration) -> Result<(), Failure> {
        let sessions = SessionServiceClient::new(self.connection.clone());
        let login = StartSessionRequest {
            user_id: self.user.clone(),
            session_id: self.session.clone(),
            client_type: "web".to_owned(),
            ..Default::default()
        };
        let started = call("StartSession", None, async || {
            sessions.clone().start_session(login.clone()).await
        })
        .await?;
        println!(
            "logged in: session {}",
            started.session.unwrap_or_default().id
        );
        for n in 1.. {
            sleep(beat).await;
            let session_id = &self.session;
            let alive = call("Heartbeat", None, async || {
                let session_id = session_id.clone();
                sessions
                    .clone()
                    .heartbeat(HeartbeatRequest { session_id })
                    .await
            })
            .await?;
            println!("heartbeat {n}: {}", alive.state().as_str_name());
        }
        Ok(())
    }

    /// Logs out and tells what the user's sessions add up to.
    async fn leave(&self) -> Result<(), Failure> {
        let until = Some(Instant::now() + FAREWELL);
        let sessions = SessionServiceClient::new(self.connection.clone());
        let end = EndSessionRequest {
            session_id: self.session.clone(),
            ..Default::default()
        };
        let ended = call("EndSession", until, async || {
            sessions.clone().end_session(end.clone()).await
        })
        .await?;
        let session = ended.session.unwrap_or_default();
        println!(
            "logged out: {}, {}",
            session.end_reason().as_str_name(),
            session.completion_status().as_str_name()
        );

        // Days are those of the tenant's time zone, at most one off from ours.
        let days = GetUserUsageStatsRequest {
            user_id: self.user.clone(),
            start_date: (date(session.start_time)? - Days::new(1)).to_string(),
            end_date: (date(session.end_time)? + Days::new(1)).to_string(),
            ..Default::default()
        };
        let usage = UsageStatsServiceClient::new(self.connection.clone());
        let answer = call("GetUserUsageStats", until, async || {
            usage.clone().get_user_usage_stats(days.clone()).await
        })
        .await?;
        let total = answer.total.unwrap_or_default();
        println!(
            "usage: {} logins, {} sessions completed, {} s",
            total.login_count, total.sessions_completed, total.active_seconds
        );

        let whose = GetUserStatisticsRequest {
            user_id: self.user.clone(),
            ..Default::default()
        };
        let insights = InsightsServiceClient::new(self.connection.clone());
        let figures = call("GetUserStatistics", until, async || {
            insights.clone().get_user_statistics(whose.clone()).await
        })
        .await?;
        println!(
            "statistics: {} sessions, streak of {} days, {:.0}% completed",
            figures.total_sessions, figures.current_streak_days, figures.completion_rate_percentage
        );
        Ok(())
    }
}

/// The one channel of the program: a clone of it shares its connection, which is made at the
/// first call and again by the next call after it is lost.
fn connect() -> Result<Channel, Failure> {
    let address = var("DWELL_ADDRESS", "127.0.0.1:50051");
    let ca = env::var_os("DWELL_CA");
    let scheme = if ca.is_some() { "https" } else { "http" };
    let mut endpoint = Endpoint::from_shared(format!("{scheme}://{address}"))?
        .connect_timeout(PATIENCE)
        // Between heartbeats nothing is sent, and a router forgets a silent connection without
        // a word. Pings keep it, and find out when it is dead.
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_while_idle(true);
    if let Some(ca) = ca {
        let trusted = Certificate::from_pem(std::fs::read(ca)?);
        endpoint = endpoint.tls_config(ClientTlsConfig::new().ca_certificate(trusted))?;
    }
    Ok(endpoint.connect_lazy())
}

/// Says with every call who calls, and until when an answer is of use.
#[derive(Clone)]
struct Identity {
    tenant: AsciiMetadataValue,
    authorization: Option<AsciiMetadataValue>,
}

impl Identity {
    fn from_env() -> Result<Self, Failure> {
        let token = env::var("DWELL_TOKEN").ok();
        Ok(Self {
            tenant: var("DWELL_TENANT", "7f0c1f3e-5a51-4e0a-9a63-3d2f4b8f6c11").parse()?,
            authorization: token
                .map(|token| format!("Bearer {token}").parse())
                .transpose()?,
        })
    }
}

impl tonic::service::Interceptor for Identity {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.set_timeout(PATIENCE);
        let metadata = request.metadata_mut();
        metadata.insert("x-tenant-id", self.tenant.clone());
        if let Some(authorization) = &self.authorization {
            metadata.insert("authorization", authorization.clone());
        }
        Ok(request)
    }
}

/// Repeats a call, later and later, until it is answered, refused, or it is too late. All calls
/// of this program may be repeated: even one that was not answered in time.
async fn call<T>(
    method: &'static str,
    until: Option<Instant>,
    attempt: impl AsyncFn() -> Result<tonic::Response<T>, Status>,
) -> Result<T, Refused> {
    let mut delay = FIRST_DELAY;
    loop {
        let status = match attempt().await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) => plain(status),
        };
        let asked = status
            .get_details_retry_info()
            .and_then(|info| info.retry_delay);
        // Not all clients at the same moment, and none sooner than the server asked for.
        let jittered = delay.mul_f64(0.5 + fastrand::f64() / 2.0);
        let wait = jittered.max(asked.unwrap_or_default());
        let too_late = until.is_some_and(|until| Instant::now() + wait > until);
        if !(asked.is_some() || PASSING.contains(&status.code())) || too_late {
            return Err(Refused { method, status });
        }
        if delay == FIRST_DELAY {
            eprintln!("{method}: {}, trying again", name(status.code()));
        }
        sleep(wait).await;
        delay = MAX_DELAY.min(2 * delay);
    }
}

/// A status as the other languages have it. tonic says CANCELLED of a deadline that passed, and
/// UNKNOWN or CANCELLED of a connection that broke; either has a source, which what the server
/// itself answered has not.
fn plain(status: Status) -> Status {
    let Some(mut source) = status.source() else {
        return status;
    };
    let message = status.message().to_owned();
    loop {
        if source.is::<tonic::TimeoutExpired>() {
            return Status::deadline_exceeded(message);
        }
        match source.source() {
            Some(deeper) => source = deeper,
            None => return Status::unavailable(message),
        }
    }
}

/// A call that is not tried again.
#[derive(Debug)]
struct Refused {
    method: &'static str,
    status: Status,
}

impl Error for Refused {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code, message) = (name(self.status.code()), self.status.message());
        write!(f, "{}: {code}: {message}", self.method)?;
        let bad = self.status.get_details_bad_request();
        for violation in bad.into_iter().flat_map(|bad| bad.field_violations) {
            write!(f, "\n  {}: {}", violation.field, violation.description)?;
        }
        Ok(())
    }
}

/// `INVALID_ARGUMENT` of `InvalidArgument`.
fn name(code: Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

fn date(time: Option<Timestamp>) -> Result<NaiveDate, Failure> {
    let time = time.ok_or("a session that ended has a start and an end")?;
    let time = DateTime::from_timestamp(time.seconds, 0).ok_or("a time out of range")?;
    Ok(time.date_naive())
}

fn var(name: &str, otherwise: &str) -> String {
    env::var(name).unwrap_or_else(|_| otherwise.to_owned())
}
