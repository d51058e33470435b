//! `--metrics-listen`: what a scrape and the probes are told by the real program.

#![expect(clippy::float_cmp, reason = "what is counted is whole")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::Duration,
};

use tempfile::TempDir;
use tokio::time::timeout;
use tonic::Code;

use crate::{
    courier::SECRET,
    process::{Dwell, ask},
    receiver::Receiver,
    support::{ids::tenant, postgres::server::Server},
};

const LISTEN: [&str; 2] = ["--metrics-listen", "127.0.0.1:0"];

/// Where it says that metrics are told.
fn told(dwell: &Dwell) -> String {
    let line = dwell.logged("metrics are told");
    line.rsplit('=').next().unwrap().to_owned()
}

type Samples = BTreeMap<String, f64>;

async fn scrape(address: &str) -> Samples {
    let (status, text) = ask(address, "GET /metrics").await;
    assert_eq!(status, 200);
    assert!(text.ends_with("# EOF\n"), "{text}");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let samples = lines.map(|line| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    });
    samples.collect()
}

/// Scrapes until the samples are so: a call is counted when its answer is sent, and whoever is
/// answered may be quicker.
async fn scrape_until(address: &str, so: impl Fn(&Samples) -> bool) -> Samples {
    let mut last = Samples::new();
    let scraped = async {
        loop {
            last = scrape(address).await;
            if so(&last) {
                break;
            }
        }
    };
    let in_time = timeout(Duration::from_mins(1), scraped).await;
    assert!(in_time.is_ok(), "{last:#?}");
    last
}

fn calls(samples: &Samples, method: &str, code: &str) -> f64 {
    let name = format!(
        "rpc_server_call_duration_seconds_count{{rpc_method=\"dwell.v1.SessionService/{method}\",\
         rpc_response_status_code=\"{code}\"}}"
    );
    samples.get(&name).copied().unwrap_or(0.0)
}

#[tokio::test]
async fn numbers_are_exact_after_known_calls() {
    let dwell = Dwell::start(&LISTEN);
    let address = told(&dwell);
    let mut sessions = dwell.sessions().await;
    let mut started = Vec::new();
    for user in 1..=3 {
        started.push(sessions.start(user, None).await);
    }
    for session in started.drain(..2) {
        sessions.end(session).await;
    }
    let missing = sessions.get("00000000-0000-7000-8000-000000000000").await;
    assert_eq!(missing.unwrap_err().code(), Code::NotFound);
    let counted = |samples: &Samples| {
        calls(samples, "StartSession", "OK") >= 3.0
            && calls(samples, "EndSession", "OK") >= 2.0
            && calls(samples, "GetSession", "NOT_FOUND") >= 1.0
    };
    let samples = scrape_until(&address, counted).await;
    #[rustfmt::skip]
    let expected = [
        (r#"rpc_server_call_duration_seconds_count{rpc_method="dwell.v1.SessionService/StartSession",rpc_response_status_code="OK"}"#, 3.0),
        (r#"rpc_server_call_duration_seconds_bucket{le="+Inf",rpc_method="dwell.v1.SessionService/StartSession",rpc_response_status_code="OK"}"#, 3.0),
        (r#"rpc_server_call_duration_seconds_count{rpc_method="dwell.v1.SessionService/EndSession",rpc_response_status_code="OK"}"#, 2.0),
        (r#"rpc_server_call_duration_seconds_count{rpc_method="dwell.v1.SessionService/GetSession",rpc_response_status_code="NOT_FOUND"}"#, 1.0),
        (r#"rpc_server_active_requests{rpc_method="dwell.v1.SessionService/StartSession"}"#, 0.0),
        // One after the other, so each write was a batch of its own.
        ("dwell_writer_batch_size_count", 5.0),
        ("dwell_writer_batch_size_sum", 5.0),
        ("dwell_writer_queue_wait_seconds_count", 5.0),
        (r#"dwell_writer_transaction_duration_seconds_count{outcome="committed"}"#, 5.0),
        ("dwell_writer_queue_length", 0.0),
        ("dwell_writer_refusals_total", 0.0),
        (r#"dwell_admission_refusals_total{reason="tenant_rate"}"#, 0.0),
        (r#"dwell_database_connections_limit{pool="write"}"#, 1.0),
        (r#"dwell_task_items_total{task="expire_sessions"}"#, 0.0),
        ("dwell_database_up", 1.0),
        ("dwell_ready", 1.0),
        (concat!("dwell_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1.0),
    ];
    for (name, value) in expected {
        assert_eq!(samples.get(name), Some(&value), "{name}");
    }
    let series = |name: &str| samples.keys().filter(|key| key.starts_with(name)).count();
    // Three methods and codes were seen; nothing is told of others.
    assert_eq!(series("rpc_server_call_duration_seconds_count"), 3);
    assert!(samples["process_resident_memory_bytes"] > 1e6);
    let tenant = tenant(1).to_string();
    assert!(!samples.keys().any(|key| key.contains(&tenant)));
}

#[tokio::test]
async fn what_is_refused_is_counted_by_its_limit() {
    let dwell =
        Dwell::start(&[&LISTEN[..], &["--tenant-rate", "1", "--tenant-burst", "1"]].concat());
    let address = told(&dwell);
    let mut sessions = dwell.sessions().await;
    let mut refused = 0;
    for _ in 0..3 {
        let got = sessions.get("00000000-0000-7000-8000-000000000000").await;
        refused += u32::from(got.unwrap_err().code() == Code::ResourceExhausted);
    }
    assert!(refused > 0);
    let name = r#"dwell_admission_refusals_total{reason="tenant_rate"}"#;
    let samples = scrape_until(&address, |_| true).await;
    assert_eq!(samples[name], f64::from(refused));
}

#[tokio::test]
async fn only_what_is_there_is_told_and_only_to_get() {
    let dwell = Dwell::start(&LISTEN);
    let address = told(&dwell);
    assert_eq!(
        ask(&address, "GET /healthz").await,
        (200, "ok\n".to_owned())
    );
    assert_eq!(ask(&address, "GET /readyz").await, (200, "ok\n".to_owned()));
    assert_eq!(ask(&address, "POST /metrics").await.0, 405);
    assert_eq!(ask(&address, "DELETE /readyz").await.0, 405);
    assert_eq!(ask(&address, "GET /").await.0, 404);
    dwell.end();
}

#[tokio::test]
async fn a_database_that_is_away_is_not_ready_and_alive() {
    let server = Server::start(None, &["fsync=off"]).unwrap();
    let url = server.url("postgres");
    let dwell = Dwell::start(&[&LISTEN[..], &["--database-url", &url]].concat());
    let address = told(&dwell);
    assert_eq!(ask(&address, "GET /readyz").await.0, 200);
    drop(server);
    scrape_until(&address, |samples| samples["dwell_database_up"] == 0.0).await;
    let away = (503, "the database does not answer\n".to_owned());
    assert_eq!(ask(&address, "GET /readyz").await, away);
    assert_eq!(ask(&address, "GET /healthz").await.0, 200);
}

/// The names of metrics in a file for Prometheus or Grafana.
fn names(path: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(path).unwrap();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = ["dwell_", "rpc_", "process_"];
    // What is left is names of labels.
    let labels = ["rpc_method", "rpc_response_status_code"];
    words
        .filter(|word| ours.iter().any(|prefix| word.starts_with(prefix)))
        .filter(|word| !labels.contains(word))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn dashboards_and_alerts_ask_for_what_is_told() {
    let receiver = Receiver::start().await;
    let dir = TempDir::new().unwrap();
    let secret = dir.path().join("secret");
    fs::write(&secret, SECRET).unwrap();
    let points = [
        "--points-url",
        &receiver.url,
        "--points-secret-file",
        secret.to_str().unwrap(),
    ];
    let dwell = Dwell::start(&[&LISTEN[..], &points].concat());
    let address = told(&dwell);
    dwell.sessions().await.start(1, None).await;
    let counted = |samples: &Samples| {
        calls(samples, "StartSession", "OK") == 1.0 && samples.contains_key("dwell_sessions_open")
    };
    let samples = scrape_until(&address, counted).await;
    let told: BTreeSet<_> = samples
        .keys()
        .map(|key| key.split('{').next().unwrap().to_owned())
        .collect();
    for path in ["ops/alerts.yml", "ops/dashboard.json"] {
        let asked = names(path);
        assert!(asked.len() > 10, "{path}: {asked:?}");
        let missing: Vec<_> = asked.difference(&told).collect();
        assert!(missing.is_empty(), "{path} asks for {missing:?}");
    }
}
