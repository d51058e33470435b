use std::convert::Infallible;

use futures::{channel::mpsc, poll};
use http_body::Frame;
use http_body_util::StreamBody;
use prost::bytes::Bytes;
use tokio::time::Instant;

use super::*;

type Sent = Result<Frame<Bytes>, Infallible>;

/// A body that is still to come, and who sends it.
fn body() -> (
    mpsc::UnboundedSender<Sent>,
    StreamBody<mpsc::UnboundedReceiver<Sent>>,
) {
    let (sender, body) = mpsc::unbounded();
    (sender, StreamBody::new(body))
}

#[tokio::test]
async fn a_message_is_heard_to_its_end() {
    let (sender, body) = body();
    let mut heard = pin!(hear_out(body));
    assert!(poll!(&mut heard).is_pending());
    let message = Frame::data(Bytes::from_static(b"a message"));
    sender.unbounded_send(Ok(message)).unwrap();
    assert!(poll!(&mut heard).is_pending());
    drop(sender);
    heard.await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_does_not_come_is_not_waited_for() {
    let (_sender, body) = body();
    let begun = Instant::now();
    hear_out(body).await;
    assert_eq!(begun.elapsed(), WITHIN);
}

#[tokio::test]
async fn of_one_that_goes_on_some_is_heard() {
    let (sender, body) = body();
    for _ in 0..2 {
        let half = Frame::data(Bytes::from(vec![0; MOST / 2]));
        sender.unbounded_send(Ok(half)).unwrap();
    }
    hear_out(body).await;
}
