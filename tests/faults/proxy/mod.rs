//! A proxy between dwell and PostgreSQL that reads along, and breaks at a commit.

mod fault;
mod points;
mod wire;

use std::{
    future::pending,
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    task::JoinSet,
    time::sleep,
};

use self::{
    fault::{Act, End, Faults, Sent},
    wire::{Frame, Reader, Wire, serializable},
};

/// After so long a silence a server's own machine ends the connection: later than the server ends
/// what is idle within a transaction.
const KEEP_ALIVE: Duration = Duration::from_secs(25);

/// Listens until it is dropped, which ends its connections.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    _accepting: JoinSet<()>,
}

struct Shared {
    /// The server's socket.
    server: PathBuf,
    faults: Faults,
    /// Has the lanes' transactions be serializable, whatever they ask for.
    serializable: AtomicBool,
    /// `BEGIN`s that were changed for that.
    changed: AtomicU64,
    /// How often all connections fell silent.
    silences: AtomicU64,
}

impl Proxy {
    /// Between whoever connects and the server that listens in this directory.
    pub async fn start(socket_dir: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            server: PathBuf::from(socket_dir).join(".s.PGSQL.5432"),
            faults: Faults::default(),
            serializable: AtomicBool::new(false),
            changed: AtomicU64::new(0),
            silences: AtomicU64::new(0),
        });
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, shared.clone()));
        Ok(Self {
            address,
            shared,
            _accepting: accepting,
        })
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@{}/{database}", self.address)
    }

    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Has the lanes' transactions be serializable from now on.
    pub fn make_serializable(&self) {
        self.shared.serializable.store(true, Ordering::SeqCst);
    }

    /// Nothing goes through the connections that there are any more, in either direction, and
    /// nobody is told, for as long as the proxy lives.
    pub fn fall_silent(&self) {
        self.shared.silences.fetch_add(1, Ordering::SeqCst);
    }

    /// How many transactions were made so.
    pub fn made_serializable(&self) -> u64 {
        self.shared.changed.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let shared = shared.clone();
        connections.spawn(async move {
            // Connections end with errors; that is what this is for.
            let _ = connect(client, &shared).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn connect(client: TcpStream, shared: &Shared) -> io::Result<()> {
    if !shared.faults.lets_in() {
        return client.set_zero_linger();
    }
    client.set_nodelay(true)?;
    let server = UnixStream::connect(&shared.server).await?;
    let mut relay = Relay {
        client: Wire::new(client),
        server: Wire::new(server),
        shared,
    };
    let hello = relay.client.hello().await?;
    relay.server.send(&hello).await?;
    relay.run().await
}

/// One connection.
struct Relay<'a> {
    client: Wire<TcpStream>,
    server: Wire<UnixStream>,
    shared: &'a Shared,
}

impl Relay<'_> {
    /// Lets all messages through until one side, or a fault, ends it.
    async fn run(&mut self) -> io::Result<()> {
        let mut reader = Reader::default();
        let silences = || self.shared.silences.load(Ordering::SeqCst);
        let begun = silences();
        loop {
            tokio::select! {
                answer = self.server.frame() => {
                    if silences() > begun {
                        return self.keep_silent().await;
                    }
                    self.client.send(&answer?).await?;
                }
                request = self.client.frame() => {
                    if silences() > begun {
                        return self.keep_silent().await;
                    }
                    let mut request = request?;
                    let moment = reader.read(&request);
                    if self.shared.serializable.load(Ordering::SeqCst)
                        && let Some(changed) = serializable(&request)
                    {
                        self.shared.changed.fetch_add(1, Ordering::SeqCst);
                        request = changed;
                    }
                    let strikes = moment.and_then(|moment| self.shared.faults.strike(moment));
                    match strikes {
                        Some(act) => self.strike(&act, &request).await?,
                        None => self.server.send(&request).await?,
                    }
                }
            }
        }
    }

    /// The server is told at last, as by its keep-alive; dwell is not.
    async fn keep_silent(&mut self) -> io::Result<()> {
        sleep(KEEP_ALIVE).await;
        self.server.stream.shutdown().await?;
        pending().await
    }

    /// Does as the fault says. An error ends the connection.
    async fn strike(&mut self, act: &Act, request: &Frame) -> io::Result<()> {
        match act.sent {
            Sent::Not => {}
            Sent::Half => {
                let (half, _) = request.0.split_at(request.0.len() / 2);
                self.server.stream.write_all(half).await?;
            }
            Sent::Whole => self.server.send(request).await?,
            Sent::Answered => {
                self.server.send(request).await?;
                self.server.answer().await?;
            }
        }
        sleep(act.pause).await;
        match act.end {
            End::Cut => Err(io::ErrorKind::ConnectionAborted.into()),
            End::Reset => {
                self.client.stream.set_zero_linger()?;
                Err(io::ErrorKind::ConnectionReset.into())
            }
            End::Forward => self.server.send(request).await,
            End::Late(late) => {
                self.server.send(request).await?;
                let answer = self.server.answer().await?;
                sleep(late).await;
                deliver(&mut self.client, &answer).await
            }
            End::Slices => {
                let answer = self.server.answer().await?;
                for byte in answer.iter().flat_map(|frame| &frame.0) {
                    self.client.stream.write_all(&[*byte]).await?;
                    tokio::task::yield_now().await;
                }
                Ok(())
            }
            End::RolledBack(code) => {
                self.server.send(&Frame::query("ROLLBACK")).await?;
                self.server.answer().await?;
                let answer = [Frame::error(code, false), Frame::ready()];
                deliver(&mut self.client, &answer).await
            }
            End::Fatal(code) => {
                self.client.send(&Frame::error(code, true)).await?;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
        }
    }
}

async fn deliver<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<S>,
    frames: &[Frame],
) -> io::Result<()> {
    for frame in frames {
        wire.send(frame).await?;
    }
    Ok(())
}
