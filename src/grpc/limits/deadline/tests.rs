use std::convert::Infallible;

use http::HeaderValue;
use prost::bytes::Bytes;
use tokio::time::sleep;
use tower::{ServiceExt, service_fn};

use super::*;

const LONGEST: Duration = Duration::from_secs(30);
const CALL: &str = "/dwell.v1.SessionService/GetSession";
const STREAM: &str = "/dwell.v1.SessionService/StreamHeartbeats";

/// The status of an answer, and after how many milliseconds it was whole.
async fn ended(path: &str, timeout: Option<&str>, answer: Response<Body>) -> (String, u128) {
    ended_after(20_000, path, timeout, answer).await
}

/// The same of a call that takes so many milliseconds.
async fn ended_after(
    takes: u64,
    path: &str,
    timeout: Option<&str>,
    answer: Response<Body>,
) -> (String, u128) {
    let layer = DeadlineLayer::new(LONGEST);
    let mut answer = Some(answer);
    let service = layer.layer(service_fn(move |request: Request<()>| {
        let answer = answer.take();
        async move {
            let takes = request.headers().get("takes-ms").unwrap();
            sleep(Duration::from_millis(
                takes.to_str().unwrap().parse().unwrap(),
            ))
            .await;
            Ok::<_, Infallible>(answer.unwrap())
        }
    }));
    let mut request = Request::get(path).header("takes-ms", takes.to_string());
    if let Some(timeout) = timeout {
        request = request.header(HEADER, timeout);
    }
    let begun = Instant::now();
    let response = service.oneshot(request.body(()).unwrap()).await.unwrap();
    let (mut head, mut body) = response.into_parts();
    while let Some(frame) = next(&mut body).await {
        if let Ok(trailers) = frame.into_trailers() {
            head.headers.extend(trailers);
        }
    }
    let status = head.headers.get("grpc-status");
    let status = status.map_or("none", |status| status.to_str().unwrap());
    (status.to_owned(), begun.elapsed().as_millis())
}

async fn next(body: &mut Body) -> Option<Frame<Bytes>> {
    let frame = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx));
    frame.await.map(Result::unwrap)
}

fn fine() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert("grpc-status", HeaderValue::from_static("0"));
    response
}

/// Goes on for ever, now and then with a byte.
struct Endless(Pin<Box<Sleep>>);

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        std::task::ready!(self.0.as_mut().poll(cx));
        self.0 = Box::pin(sleep(Duration::from_millis(7)));
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"-")))))
    }
}

fn endless() -> Response<Body> {
    Response::new(Body::new(Endless(Box::pin(sleep(Duration::ZERO)))))
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_by_its_own_time_or_by_the_longest() {
    let late = |millis| ("4".to_owned(), millis);
    assert_eq!(ended(CALL, Some("100m"), fine()).await, late(99));
    assert_eq!(ended(CALL, Some("2S"), fine()).await, late(1_999));
    assert_eq!(ended(CALL, Some("0n"), fine()).await, late(0));
    let fine_at = |millis| ("0".to_owned(), millis);
    assert_eq!(
        ended(CALL, Some("99999999H"), fine()).await,
        fine_at(20_000)
    );
    assert_eq!(ended(CALL, None, fine()).await, fine_at(20_000));
}

#[tokio::test(start_paused = true)]
async fn no_call_takes_longer_than_the_longest() {
    let late = |millis| ("4".to_owned(), millis);
    assert_eq!(ended_after(60_000, CALL, None, fine()).await, late(30_000));
    let asked = ended_after(60_000, CALL, Some("1H"), fine()).await;
    assert_eq!(asked, late(30_000));
    let stream = ended_after(60_000, STREAM, None, fine()).await;
    assert_eq!(stream, ("0".to_owned(), 60_000));
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_by_its_own_time_alone() {
    let late = |millis| ("4".to_owned(), millis);
    assert_eq!(ended(STREAM, Some("100m"), endless()).await, late(99));
    assert_eq!(ended(STREAM, Some("60S"), endless()).await, late(59_999));
    assert_eq!(ended(STREAM, None, fine()).await, ("0".to_owned(), 20_000));
}

#[tokio::test(start_paused = true)]
async fn a_time_that_cannot_be_read_is_refused() {
    for wrong in [
        "",
        "S",
        "1",
        "1s",
        "-1S",
        "+1S",
        "123456789S",
        "1.5S",
        " 1S",
    ] {
        let refused = ("3".to_owned(), 0);
        assert_eq!(ended(CALL, Some(wrong), fine()).await, refused, "{wrong:?}");
    }
}
