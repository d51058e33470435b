//! Connections: how many there are, and when one ends that is of no use. What HTTP/2 itself has
//! limits for is set in the server; hyper has none for a peer that never speaks, for one that does
//! not take what it is sent, and tonic none for calls that outlive their connection's age. Of HTTP/1
//! hyper gives 30 seconds for the head of a request and takes some 400 KB of it, and tonic passes on
//! no other limits: so the first head, which anybody may send, has less of both.

mod speech;

use std::{
    future::ready,
    io::{self, ErrorKind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready as done},
    time::Duration,
};

use futures::{Stream, StreamExt, stream};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep, sleep, sleep_until},
};
use tonic::transport::server::{Connected, TcpIncoming};
use tracing::{info, warn};

use self::speech::Speech;
use crate::config::LimitArgs;

/// How long a connection may do what.
#[derive(Clone, Copy, Debug)]
struct Rules {
    /// Until it has spoken.
    handshake: Duration,
    /// Without taking any of what it is sent.
    stall: Duration,
    /// In all.
    age: Duration,
}

/// The connections that come in, up to so many at once; others are closed as they come.
pub fn incoming(
    listener: TcpListener,
    limits: &LimitArgs,
) -> impl Stream<Item = io::Result<Connection<TcpStream>>> + use<> {
    let rules = Rules {
        handshake: limits.handshake_timeout,
        stall: limits.keepalive_interval + limits.keepalive_timeout,
        age: limits.max_connection_age + limits.connection_grace,
    };
    let most = usize::try_from(limits.max_connections).unwrap_or(usize::MAX);
    let free = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
    let mut full = false;
    // tonic sets it for listeners of its own only. Without it a call waits some 40 ms for the
    // acknowledgement of what was sent before.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let pace = Pace::new(limits.connection_rate);
    let paced = stream::unfold((incoming, pace), |(mut incoming, mut pace)| async move {
        pace.turn().await;
        Some((incoming.next().await?, (incoming, pace)))
    });
    paced.filter_map(move |accepted| {
        let permit = free.clone().try_acquire_owned().ok();
        if full != permit.is_none() {
            full = permit.is_none();
            if full {
                warn!("there are as many connections as are allowed: new ones are closed");
            } else {
                info!("connections are taken again");
            }
        }
        let connection = permit.map(|permit| accepted.map(|io| Connection::new(io, rules, permit)));
        ready(connection)
    })
}

/// How fast connections are taken; others wait in the kernel's queue. A client whose connection
/// the service ended may come again at once, which must not cost more than what it did there.
struct Pace {
    distance: Duration,
    due: Instant,
}

impl Pace {
    /// So many in a second, at least 1.
    fn new(rate: u32) -> Self {
        Self {
            distance: Duration::from_secs(1) / rate,
            due: Instant::now(),
        }
    }

    /// Returns when the next one may come. As many as a second's may come at once.
    async fn turn(&mut self) {
        let now = Instant::now();
        let ahead = self.due.saturating_duration_since(now);
        self.due = now + ahead + self.distance;
        sleep((ahead + self.distance).saturating_sub(Duration::from_secs(1))).await;
    }
}

/// A connection that is read and written within its rules.
pub struct Connection<IO> {
    io: IO,
    rules: Rules,
    speech: Speech,
    /// Runs while something must happen: the first words, or a write.
    patience: Option<Pin<Box<Sleep>>>,
    end: Pin<Box<Sleep>>,
    _permit: OwnedSemaphorePermit,
}

impl<IO> Connection<IO> {
    fn new(io: IO, rules: Rules, permit: OwnedSemaphorePermit) -> Self {
        let now = Instant::now();
        Self {
            io,
            rules,
            speech: Speech::default(),
            patience: Some(Box::pin(sleep_until(now + rules.handshake))),
            end: Box::pin(sleep_until(now + rules.age)),
            _permit: permit,
        }
    }

    /// Fails once time is up, whether the connection waits to read or to write.
    fn in_time(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.end.as_mut().poll(cx).is_ready() {
            return Err(io::Error::new(ErrorKind::TimedOut, "too old"));
        }
        let patience = self.patience.as_mut();
        if patience.is_some_and(|patience| patience.as_mut().poll(cx).is_ready()) {
            return Err(io::Error::new(ErrorKind::TimedOut, "silent for too long"));
        }
        Ok(())
    }

    /// After a write: one that waits has so much time, and one that does not has all of it.
    fn wrote(&mut self, waits: bool, cx: &mut Context<'_>) {
        if !self.speech.is_over() {
            return;
        }
        if !waits {
            self.patience = None;
        } else if self.patience.is_none() {
            let mut patience = Box::pin(sleep_until(Instant::now() + self.rules.stall));
            // It has just begun; this has the task woken at its end.
            let _ = patience.as_mut().poll(cx);
            self.patience = Some(patience);
        }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Connection<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.in_time(cx)?;
        let before = buffer.filled().len();
        done!(Pin::new(&mut this.io).poll_read(cx, buffer))?;
        if !this.speech.is_over() {
            this.speech
                .hear(buffer.filled().get(before..).unwrap_or_default())?;
            if this.speech.is_over() {
                this.patience = None;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Connection<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        this.in_time(cx)?;
        let written = Pin::new(&mut this.io).poll_write(cx, bytes);
        this.wrote(written.is_pending(), cx);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        this.in_time(cx)?;
        let written = Pin::new(&mut this.io).poll_write_vectored(cx, parts);
        this.wrote(written.is_pending(), cx);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl<IO: Connected> Connected for Connection<IO> {
    type ConnectInfo = IO::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.io.connect_info()
    }
}

#[cfg(test)]
mod tests;
