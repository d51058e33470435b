//! The network between client and dwell, and between dwell and PostgreSQL, by toxiproxy: slow,
//! narrow, sliced, reset and half-open.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    task::block_in_place,
    time::{sleep, timeout},
};
use tonic::transport::Endpoint;

use crate::{
    dwell::{Dwell, built},
    engine::Engine,
    proxy::Proxy,
    trial::Trial,
};

/// How long a connection is broken.
const BROKEN: Duration = Duration::from_millis(500);
/// The callers come to an end within this.
const END: Duration = Duration::from_mins(2);

/// What a toxic does; whether calls get through it.
const TOXICS: [(&str, &str, bool); 5] = [
    ("latency", r#"{"latency": 20, "jitter": 15}"#, true),
    ("bandwidth", r#"{"rate": 200}"#, true),
    (
        "slicer",
        r#"{"average_size": 40, "size_variation": 20, "delay": 50}"#,
        true,
    ),
    ("reset_peer", r#"{"timeout": 20}"#, false),
    ("timeout", r#"{"timeout": 0}"#, false),
];

/// A toxiproxy server, until it is dropped.
struct Toxiproxy {
    api: SocketAddr,
    http: reqwest::Client,
    child: Child,
}

impl Toxiproxy {
    async fn start(program: &str) -> Self {
        let api = free_address();
        let child = Command::new(program)
            .args(["-host", "127.0.0.1", "-port", &api.port().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let toxiproxy = Self {
            api,
            http: reqwest::Client::new(),
            child,
        };
        let listening = async {
            while TcpStream::connect(api).is_err() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(END, listening).await.expect("toxiproxy listens");
        toxiproxy
    }

    /// Where to connect to get to `upstream`.
    async fn before(&self, name: &str, upstream: SocketAddr) -> SocketAddr {
        let listen = free_address();
        let proxy = json!({
            "name": name, "listen": listen.to_string(), "upstream": upstream.to_string(),
            "enabled": true,
        });
        self.post("proxies", &proxy).await;
        listen
    }

    /// In both directions.
    async fn poison(&self, proxy: &str, kind: &str, attributes: &str) {
        let attributes: Value = serde_json::from_str(attributes).unwrap();
        for stream in ["upstream", "downstream"] {
            let toxic = json!({
                "name": stream, "type": kind, "stream": stream, "attributes": attributes,
            });
            self.post(&format!("proxies/{proxy}/toxics"), &toxic).await;
        }
    }

    async fn heal(&self, proxy: &str) {
        for stream in ["upstream", "downstream"] {
            let url = format!("http://{}/proxies/{proxy}/toxics/{stream}", self.api);
            let answer = self.http.delete(url).send().await.unwrap();
            assert!(answer.status().is_success());
        }
    }

    async fn post(&self, path: &str, body: &Value) {
        let url = format!("http://{}/{path}", self.api);
        let request = self.http.post(url).body(body.to_string());
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
    }
}

impl Drop for Toxiproxy {
    fn drop(&mut self) {
        // What is gone already needs no end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// On which nobody listens now.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs toxiproxy: its server's path in TOXIPROXY"]
async fn the_network_is_bad() {
    let program = std::env::var("TOXIPROXY").expect("the path of toxiproxy's server");
    let toxiproxy = Toxiproxy::start(&program).await;
    let mut trial = Trial::new(Engine::postgres(), 1);
    let (_, socket_dir) = trial.engine.url.split_once("host=").unwrap();
    // PostgreSQL has a unix socket only; this one lets everything through.
    let postgres = Proxy::start(socket_dir).await.unwrap();
    let database = toxiproxy.before("database", postgres.address()).await;
    let url = format!("postgres://postgres@{database}/postgres");
    let log = trial.engine.file("log");
    let dwell = block_in_place(|| Dwell::start(built(), &url, &[], &log));
    let clients = toxiproxy.before("clients", dwell.address()).await;
    let endpoint = Endpoint::from_shared(format!("http://{clients}")).unwrap();
    let channel = endpoint.timeout(Duration::from_secs(5)).connect_lazy();
    trial.load.aim(vec![channel]);
    trial.load.more(50).await;
    for side in ["clients", "database"] {
        for (kind, attributes, passes) in TOXICS {
            toxiproxy.poison(side, kind, attributes).await;
            if passes {
                trial.load.more(50).await;
            } else {
                sleep(BROKEN).await;
            }
            toxiproxy.heal(side).await;
            // It goes on by itself.
            trial.ready_since(Instant::now()).await;
            trial.load.more(50).await;
            println!("{kind} before {side}: it goes on");
        }
    }
    let channel = dwell.channel();
    let finished = timeout(END, trial.finish("a bad network", &channel));
    finished.await.expect("the lanes go on");
}
