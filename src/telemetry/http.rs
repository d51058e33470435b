//! A listener of its own for whoever watches: `GET /metrics`, `/healthz` and `/readyz`.
//!
//! It speaks HTTP/1.1, and one request a connection: so a connection has a short time for all
//! that it does, whatever that is, and there are few at once. Others wait to be taken.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE},
};
use http_body_util::Full;
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tracing::warn;

use super::{metrics::Metrics, ready::Readiness};

/// From the first byte of a request to the last one of its answer.
const TIME: Duration = Duration::from_secs(5);
const CONNECTIONS: usize = 64;
/// Bytes of a request's head.
const HEAD: usize = 8 * 1024;
/// Before the next connection after one that could not be taken, as when there are no more files.
const PAUSE: Duration = Duration::from_millis(100);

const TEXT: &str = "text/plain; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is told.
#[derive(Debug)]
pub struct Told {
    pub metrics: Metrics,
    pub ready: Arc<Readiness>,
}

/// Answers until it is dropped.
pub async fn serve(listener: TcpListener, told: Told) -> Infallible {
    let told = Arc::new(told);
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // It is never closed.
        let permit = free.clone().acquire_owned().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let told = told.clone();
                tokio::spawn(async move {
                    // Whoever goes away or is too slow is told nothing more.
                    let _ = timeout(TIME, one(stream, told)).await;
                    drop(permit);
                });
            }
            Err(error) => complain(&error).await,
        }
    }
}

async fn complain(error: &io::Error) {
    warn!(%error, "a connection for metrics could not be taken");
    sleep(PAUSE).await;
}

async fn one(stream: TcpStream, told: Arc<Told>) -> hyper::Result<()> {
    let service = service_fn(|request: Request<Incoming>| {
        let answer = told.answer(request.method(), request.uri().path());
        async { Ok::<_, Infallible>(answer) }
    });
    http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

impl Told {
    fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        let (status, content, text) = match path {
            "/metrics" | "/healthz" | "/readyz" if method != Method::GET => (
                StatusCode::METHOD_NOT_ALLOWED,
                TEXT,
                "only GET is\n".to_owned(),
            ),
            "/metrics" => match self.metrics.text() {
                Ok(text) => (StatusCode::OK, OPEN_METRICS, text),
                Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, TEXT, error.to_string()),
            },
            "/healthz" => (StatusCode::OK, TEXT, "ok\n".to_owned()),
            "/readyz" => match self.ready.check() {
                Ok(()) => (StatusCode::OK, TEXT, "ok\n".to_owned()),
                Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{reason}\n")),
            },
            _ => (
                StatusCode::NOT_FOUND,
                TEXT,
                "there are /metrics, /healthz and /readyz\n".to_owned(),
            ),
        };
        let mut response = Response::new(Full::from(text));
        *response.status_mut() = status;
        let content = HeaderValue::from_static(content);
        response.headers_mut().insert(CONTENT_TYPE, content);
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::registry::Registry;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        time::Instant,
    };

    use super::*;

    /// Time is tokio's own, and moves on at once when everyone waits.
    #[tokio::test(start_paused = true)]
    async fn whoever_is_slow_is_let_go() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let told = Told {
            metrics: Metrics::from(Registry::default()),
            ready: Arc::default(),
        };
        tokio::spawn(serve(listener, told));
        for begun in ["", "GET /metr", "GET /metrics HTTP/1.1\r\nhost:"] {
            let since = Instant::now();
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(begun.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            // However it ends.
            let _ = stream.read_to_end(&mut answer).await;
            assert_eq!(answer, b"");
            assert_eq!(since.elapsed().as_secs(), TIME.as_secs());
        }
    }
}
