//! Files as streams of messages: pages are read one after the other, some of them ahead of the
//! reader, and what becomes of them is cut into chunks.

use std::{future::Future, mem};

use futures::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::status;
use crate::store::{Error, Page};

/// The bytes of a chunk; only the last one of a file has fewer.
pub const CHUNK: usize = 64 * 1024;

/// Pages that wait for the reader, or are being read, while another one is sent.
const AHEAD: usize = 2;

/// The pages of a list, each read as `next` says from the key of the page before.
///
/// A page is read when there is room for it, so a slow reader holds no connection, and a few
/// pages are all that is in memory. Ends after the last page or the first error, with
/// UNAVAILABLE between two pages when the service begins to stop, and by itself when the caller
/// goes away.
pub fn pages<T, K, F>(
    after: Option<K>,
    stopping: CancellationToken,
    next: impl FnMut(Option<K>) -> F + Send + 'static,
) -> BoxStream<'static, Result<Vec<T>, Status>>
where
    T: Send + 'static,
    K: Send + 'static,
    F: Future<Output = Result<Page<T, K>, Error>> + Send + 'static,
{
    let (room, read) = mpsc::channel(AHEAD);
    tokio::spawn(read_ahead(after, next, room));
    let pages = ReceiverStream::new(read).map(move |page| {
        if stopping.is_cancelled() {
            return Err(status::stopping());
        }
        page
    });
    pages.boxed()
}

/// Reads pages as there is room for them, until the last one or until nobody wants them.
async fn read_ahead<T, K, F>(
    mut after: Option<K>,
    mut next: impl FnMut(Option<K>) -> F,
    pages: mpsc::Sender<Result<Vec<T>, Status>>,
) where
    F: Future<Output = Result<Page<T, K>, Error>>,
{
    loop {
        let Ok(room) = pages.reserve().await else {
            return;
        };
        match next(after).await {
            Ok(page) => {
                room.send(Ok(page.items));
                if page.next.is_none() {
                    return;
                }
                after = page.next;
            }
            Err(error) => {
                room.send(Err(error.into()));
                return;
            }
        }
    }
}

/// The bytes of all `pieces`, [`CHUNK`] at a time, wherever a piece ends. An error is passed on
/// after the whole chunks before it, and ends the file.
pub fn chunks(
    pieces: impl Stream<Item = Result<Vec<u8>, Status>> + Send + 'static,
) -> BoxStream<'static, Result<Vec<u8>, Status>> {
    let ends = pieces.map(Some).chain(stream::once(async { None }));
    let chunks = ends.scan(Some(Vec::new()), |rest, piece| {
        let cut = match (rest.as_mut(), piece) {
            (None, _) => return std::future::ready(None),
            (Some(bytes), Some(Ok(piece))) => {
                bytes.extend_from_slice(&piece);
                cut(bytes).into_iter().map(Ok).collect()
            }
            (Some(_), Some(Err(status))) => {
                *rest = None;
                vec![Err(status)]
            }
            (Some(bytes), None) if bytes.is_empty() => Vec::new(),
            (Some(bytes), None) => vec![Ok(mem::take(bytes))],
        };
        std::future::ready(Some(stream::iter(cut)))
    });
    chunks.flatten().boxed()
}

/// Takes the whole chunks off the front.
fn cut(bytes: &mut Vec<u8>) -> Vec<Vec<u8>> {
    let whole = bytes.len() / CHUNK * CHUNK;
    let rest = bytes.split_off(whole);
    let chunks = bytes.chunks(CHUNK).map(<[u8]>::to_vec).collect();
    *bytes = rest;
    chunks
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;
    use proptest::prelude::*;
    use tokio::runtime::Builder;

    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(future)
    }

    proptest! {
        #[test]
        fn a_file_is_cut_wherever_its_pieces_end(
            lengths in prop::collection::vec(prop_oneof![0..9_usize, 0..200_000_usize], 0..8),
        ) {
            let byte = |at: usize| u8::try_from(at % 251).unwrap();
            let pieces: Vec<Vec<u8>> = lengths
                .iter()
                .enumerate()
                .map(|(number, length)| (0..*length).map(|at| byte(at + 7 * number)).collect())
                .collect();
            let file = pieces.concat();
            let stream = stream::iter(pieces.into_iter().map(Ok));
            let chunks: Vec<_> = block_on(chunks(stream).try_collect()).unwrap();
            prop_assert_eq!(chunks.concat(), file);
            let short = chunks.iter().rev().skip(1).any(|chunk| chunk.len() != CHUNK);
            prop_assert!(!short);
            prop_assert!(chunks.iter().all(|chunk| (1..=CHUNK).contains(&chunk.len())));
        }
    }

    #[test]
    fn an_error_ends_a_file() {
        let pieces = [
            Ok(vec![0; CHUNK + 1]),
            Err(Status::unavailable("away")),
            Ok(vec![1]),
        ];
        let answers: Vec<_> = block_on(chunks(stream::iter(pieces)).collect());
        let told: Vec<_> = answers
            .iter()
            .map(|answer| answer.as_ref().map(Vec::len).map_err(Status::code))
            .collect();
        assert_eq!(told, [Ok(CHUNK), Err(tonic::Code::Unavailable)]);
    }
}
