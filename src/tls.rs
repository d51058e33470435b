//! TLS and mutual TLS. The files are looked at again for each connection, so that new
//! certificates need no restart; while new ones are bad, the old ones stay.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{Stream, StreamExt};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc,
    task::{JoinSet, spawn_blocking},
    time::{error::Elapsed, timeout},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, RootCertStore, ServerConfig,
        crypto::{CryptoProvider, aws_lc_rs},
        pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
        server::{VerifierBuilderError, WebPkiClientVerifier, danger::ClientCertVerifier},
    },
    server::TlsStream,
};
use tokio_stream::wrappers::ReceiverStream;
use tracing::{debug, info, warn};

use crate::config::TlsFiles;

/// Before the next try where the machine has no more connections to give.
const ACCEPT_DELAY: Duration = Duration::from_millis(100);
/// HTTP/2, which gRPC is spoken over.
const HTTP_2: &[u8] = b"h2";
/// For clients that do not speak gRPC.
const HTTP_1: &[u8] = b"http/1.1";

/// Why TLS cannot be served. It says nothing of what is in the files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{0} cannot be read: {1}")]
    File(String, pem::Error),
    #[error("{0} has no certificates")]
    Empty(String),
    #[error("the client roots cannot be used: {0}")]
    ClientCa(#[from] VerifierBuilderError),
    #[error("certificate and key cannot be used: {0}")]
    Pair(#[from] rustls::Error),
}

/// Makes connections secure.
pub struct Tls {
    files: TlsFiles,
    http1: bool,
    current: Mutex<Current>,
}

struct Current {
    seen: Stamps,
    config: Arc<ServerConfig>,
}

/// What tells one state of a file from another; `None` where it is not there.
type Stamp = Option<(u64, u64, i64, i64)>;
type Stamps = [Stamp; 3];

impl Tls {
    /// Reads the files. Clients are offered HTTP/2 and, with `http1`, HTTP/1.1.
    ///
    /// # Errors
    /// Says which file cannot be used.
    pub fn open(files: TlsFiles, http1: bool) -> Result<Self, TlsError> {
        let seen = stamps(&files);
        let config = Arc::new(config(&files, http1)?);
        Ok(Self {
            files,
            http1,
            current: Mutex::new(Current { seen, config }),
        })
    }

    /// Makes connections secure as they come, each within `patience`. Dropped, it takes no more.
    #[must_use]
    pub fn secure<S: Stream<Item = io::Result<C>> + Send + 'static, C: Io>(
        self: Arc<Self>,
        connections: S,
        patience: Duration,
    ) -> ReceiverStream<io::Result<TlsStream<C>>> {
        let (ready, secure) = mpsc::channel(1);
        tokio::spawn(accept(self, Box::pin(connections), patience, ready));
        ReceiverStream::new(secure)
    }

    /// What the files say now, or said when they were good.
    fn config(&self) -> Arc<ServerConfig> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = stamps(&self.files);
        if seen != current.seen {
            current.seen = seen;
            match config(&self.files, self.http1) {
                Ok(config) => {
                    info!("new certificates are in use");
                    current.config = Arc::new(config);
                }
                Err(error) => warn!("new certificates are not used: {error}"),
            }
        }
        current.config.clone()
    }
}

/// A connection that can be made secure.
pub trait Io: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<C: AsyncRead + AsyncWrite + Unpin + Send + 'static> Io for C {}

type Ready<C> = mpsc::Sender<io::Result<TlsStream<C>>>;

async fn accept<S: Stream<Item = io::Result<C>> + Unpin, C: Io>(
    tls: Arc<Tls>,
    mut connections: S,
    patience: Duration,
    ready: Ready<C>,
) {
    // Each has a task of its own, so that a slow one holds up no other.
    let mut handshakes = JoinSet::new();
    loop {
        tokio::select! {
            () = ready.closed() => return,
            Some(_) = handshakes.join_next() => {}
            accepted = connections.next() => match accepted {
                Some(Ok(connection)) => {
                    let made = timeout(patience, handshake(tls.clone(), connection));
                    handshakes.spawn(hand_over(made, ready.clone()));
                }
                Some(Err(error)) => {
                    warn!("a connection cannot be accepted: {error}");
                    tokio::time::sleep(ACCEPT_DELAY).await;
                }
                None => return,
            }
        }
    }
}

async fn hand_over<C: Io>(
    made: impl Future<Output = Result<io::Result<TlsStream<C>>, Elapsed>>,
    ready: Ready<C>,
) {
    match made.await {
        Ok(Ok(stream)) => {
            // Nobody is left to serve it if that fails.
            let _ = ready.send(Ok(stream)).await;
        }
        Ok(Err(error)) => debug!("a handshake failed: {error}"),
        Err(_) => debug!("a handshake took too long"),
    }
}

async fn handshake<C: Io>(tls: Arc<Tls>, connection: C) -> io::Result<TlsStream<C>> {
    let config = spawn_blocking(move || tls.config()).await?;
    TlsAcceptor::from(config).accept(connection).await
}

fn stamps(files: &TlsFiles) -> Stamps {
    let stamp = |path: &Path| {
        let file = fs::metadata(path).ok()?;
        Some((file.ino(), file.len(), file.mtime(), file.mtime_nsec()))
    };
    let client_ca = files.client_ca.as_deref();
    [
        stamp(&files.cert),
        stamp(&files.key),
        client_ca.and_then(stamp),
    ]
}

fn config(files: &TlsFiles, http1: bool) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let key = PrivateKeyDer::from_pem_file(&files.key);
    let key = key.map_err(|error| TlsError::File(name(&files.key), error))?;
    let builder = ServerConfig::builder_with_provider(provider.clone());
    let builder = builder.with_safe_default_protocol_versions()?;
    let builder = match &files.client_ca {
        Some(roots) => builder.with_client_cert_verifier(client_verifier(roots, provider)?),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(certificates(&files.cert)?, key)?;
    config.alpn_protocols = vec![HTTP_2.to_vec()];
    if http1 {
        config.alpn_protocols.push(HTTP_1.to_vec());
    }
    Ok(config)
}

fn client_verifier(
    roots: &Path,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut store = RootCertStore::empty();
    for root in certificates(roots)? {
        store.add(root)?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider);
    Ok(builder.build()?)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let read: Vec<_> = read.map_err(|error| TlsError::File(name(path), error))?;
    if read.is_empty() {
        return Err(TlsError::Empty(name(path)));
    }
    Ok(read)
}

fn name(path: &Path) -> String {
    path.display().to_string()
}
