//! Streams in which each message is answered.

use std::{future::Future, time::Duration};

use futures::{Stream, StreamExt, stream};
use tokio::{task::unconstrained, time::timeout};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use super::status;

/// Answers each message of `input` in order, with up to `window` of them under way at once. They
/// begin in order too.
///
/// Ends when the caller has nothing more to send, with UNAVAILABLE when the service begins to
/// stop, or as too late when the caller has sent nothing for as long as `idle`; what was
/// taken from the caller by then is answered first.
pub fn answer_each<Q, A, F>(
    input: impl Stream<Item = Result<Q, Status>> + Send + Unpin + 'static,
    stopping: CancellationToken,
    idle: Duration,
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
    let messages = unless_idle(input, idle).take_until(stopping.cancelled_owned());
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

/// The messages of `input` for as long as they keep coming.
fn unless_idle<Q>(
    input: impl Stream<Item = Result<Q, Status>> + Unpin,
    idle: Duration,
) -> impl Stream<Item = Result<Q, Status>> {
    stream::unfold(Some(input), move |input| async move {
        let mut input = input?;
        match timeout(idle, input.next()).await {
            Ok(message) => Some((message?, Some(input))),
            Err(_) => Some((Err(status::idle(idle)), None)),
        }
    })
}

/// The code and message for a message of a stream that failed.
pub fn code_and_message(status: &Status) -> (i32, String) {
    (i32::from(status.code()), status.message().to_owned())
}

/// The code of a message that did not.
pub const OK: i32 = Code::Ok as i32;

#[cfg(test)]
mod tests {
    use tokio::{sync::mpsc, time::Instant};
    use tokio_stream::wrappers::ReceiverStream;

    use super::*;

    const IDLE: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_that_says_nothing() {
        let (sender, input) = mpsc::channel(1);
        let input = ReceiverStream::new(input);
        let double = |number: i32| async move { number * 2 };
        let answers = answer_each(input, CancellationToken::new(), IDLE, 4, double);
        let mut answers = Box::pin(answers);
        let begun = Instant::now();
        // Never silent for too long, though it takes longer than that in all.
        tokio::spawn(async move {
            for number in 0..3 {
                tokio::time::sleep(Duration::from_secs(9)).await;
                sender.send(Ok(number)).await.unwrap();
            }
            sender.closed().await;
        });
        for number in 0..3 {
            assert_eq!(answers.next().await.unwrap().unwrap(), number * 2);
        }
        let ended = answers.next().await.unwrap().unwrap_err();
        assert_eq!(ended.code(), Code::DeadlineExceeded);
        assert!(ended.message().contains("nothing for 10 s"), "{ended}");
        assert_eq!(begun.elapsed().as_secs(), 37);
        assert!(answers.next().await.is_none());
    }
}
