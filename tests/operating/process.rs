//! dwell as a process of its own, with everything that watches it.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use dwell::pb::v1::{
    EndSessionRequest, GetSessionRequest, StartSessionRequest,
    session_service_client::SessionServiceClient,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tonic::{
    Request, Status,
    transport::{Channel, Endpoint},
};
use uuid::Uuid;

use crate::support::ids::tenant;

/// How long something may take that comes at all.
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs until it is dropped.
pub struct Dwell {
    pub address: String,
    child: Child,
    log: Receiver<String>,
    _dir: TempDir,
}

impl Dwell {
    /// On SQLite, unless the flags have another database.
    pub fn start(flags: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let url = format!("sqlite://{}", dir.path().join("db").display());
        let mut child = Command::new(env!("CARGO_BIN_EXE_dwell"))
            .env("DWELL_DATABASE_URL", url)
            .env("OTEL_BSP_SCHEDULE_DELAY", "20")
            .args(["--listen", "127.0.0.1:0"])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (line, log) = channel();
        let errors = BufReader::new(child.stderr.take().unwrap());
        thread::spawn(move || {
            errors
                .lines()
                .map_while(Result::ok)
                .try_for_each(|l| line.send(l))
        });
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut first)
            .unwrap();
        let address = first.trim().strip_prefix("listening on ");
        Self {
            address: address.expect("it serves").to_owned(),
            child,
            log,
            _dir: dir,
        }
    }

    /// The next line of the log that has this in it.
    pub fn logged(&self, part: &str) -> String {
        loop {
            let line = self.log.recv_timeout(PATIENCE).expect(part);
            if line.contains(part) {
                return line;
            }
        }
    }

    pub async fn sessions(&self) -> Sessions {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        Sessions(SessionServiceClient::new(endpoint.connect().await.unwrap()))
    }

    /// Asks it to end, and returns once it has, well.
    pub fn end(mut self) {
        let id = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status();
        assert!(asked.unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Dwell {
    fn drop(&mut self) {
        // What is gone already needs no end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Calls for tenant 1.
#[derive(Clone)]
pub struct Sessions(SessionServiceClient<Channel>);

impl Sessions {
    fn with<T>(message: T, traceparent: Option<&str>) -> Request<T> {
        let mut request = Request::new(message);
        let metadata = request.metadata_mut();
        metadata.insert("x-tenant-id", tenant(1).to_string().parse().unwrap());
        if let Some(traceparent) = traceparent {
            metadata.insert("traceparent", traceparent.parse().unwrap());
        }
        request
    }

    /// Returns the session's id.
    pub async fn start(&mut self, user: u128, traceparent: Option<&str>) -> String {
        let message = StartSessionRequest {
            user_id: Uuid::from_u128(user).to_string(),
            client_type: "web".to_owned(),
            ..StartSessionRequest::default()
        };
        let request = Self::with(message, traceparent);
        let started = self.0.start_session(request).await.unwrap();
        started.into_inner().session.unwrap().id
    }

    pub async fn end(&mut self, session_id: String) {
        let message = EndSessionRequest {
            session_id,
            ..EndSessionRequest::default()
        };
        self.0.end_session(Self::with(message, None)).await.unwrap();
    }

    pub async fn get(&mut self, session_id: &str) -> Result<(), Status> {
        let message = GetSessionRequest {
            session_id: session_id.to_owned(),
        };
        let got = self.0.get_session(Self::with(message, None)).await;
        got.map(|_| ())
    }
}

/// The status and the body of what is answered to one HTTP request.
pub async fn ask(address: &str, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{request} HTTP/1.1\r\nhost: dwell\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}
