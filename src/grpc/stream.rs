//! Streams in which each message is answered.

use std::future::Future;

use futures::{Stream, StreamExt, stream};
use tokio::task::unconstrained;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, Streaming};

use super::status;

/// Answers each message of `input` in order, with up to `window` of them under way at once. They
/// begin in order too.
///
/// Ends when the caller has nothing more to send, or with UNAVAILABLE when the service begins
/// to stop; what was taken from the caller by then is answered first.
pub fn answer_each<Q, A, F>(
    input: Streaming<Q>,
    stopping: CancellationToken,
    window: usize,
    answer: impl FnMut(Q) -> F + Send + 'static,
) -> impl Stream<Item = Result<A, Status>> + Send + 'static
where
    Q: Send + 'static,
    A: Send + 'static,
    F: Future<Output = A> + Send + 'static,
{
    let stopped = stopping.clone();
    let mut answer = answer;
    let messages = input.take_until(stopping.cancelled_owned());
    messages
        .map(move |message| {
            let answered = message.map(&mut answer);
            async move {
                match answered {
                    // A future whose task has used up its time is put behind later ones, and
                    // so would be its write.
                    Ok(answer) => Ok(unconstrained(answer).await),
                    Err(status) => Err(status),
                }
            }
        })
        .buffered(window)
        .chain(
            stream::once(async move { stopped }).filter_map(|stopped| async move {
                stopped.is_cancelled().then(|| Err(status::stopping()))
            }),
        )
}

/// The code and message for a message of a stream that failed.
pub fn code_and_message(status: &Status) -> (i32, String) {
    (i32::from(status.code()), status.message().to_owned())
}

/// The code of a message that did not.
pub const OK: i32 = Code::Ok as i32;
