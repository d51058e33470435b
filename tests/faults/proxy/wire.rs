//! As much of PostgreSQL's protocol as it takes to find a commit.

use std::{collections::BTreeSet, io};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Requests that stand where a version would be: for TLS, and for GSSAPI.
const ENCRYPTION: [[u8; 4]; 2] = [80_877_103_u32.to_be_bytes(), 80_877_104_u32.to_be_bytes()];
/// The kind of message by which the server says that it awaits the next request.
pub const READY: u8 = b'Z';

/// One message, as it came: its kind, its length and what it says.
pub struct Frame(pub Vec<u8>);

impl Frame {
    /// The first byte, which says what kind of message it is; of no use for a connection's first
    /// message, which has none.
    pub fn kind(&self) -> u8 {
        self.0.first().copied().unwrap_or_default()
    }

    fn new(kind: u8, body: &[u8]) -> Self {
        let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
        let mut bytes = vec![kind];
        bytes.extend(length.to_be_bytes());
        bytes.extend(body);
        Self(bytes)
    }

    pub fn query(sql: &str) -> Self {
        Self::new(b'Q', format!("{sql}\0").as_bytes())
    }

    /// The server refuses, and ends the connection if it is `fatal`.
    pub fn error(code: &str, fatal: bool) -> Self {
        let severity = if fatal { "FATAL" } else { "ERROR" };
        let body = format!("S{severity}\0V{severity}\0C{code}\0Mas told\0\0");
        Self::new(b'E', body.as_bytes())
    }

    /// The server awaits the next request, outside of a transaction.
    pub fn ready() -> Self {
        Self::new(READY, b"I")
    }

    /// The text at `from` in what it says, up to its end.
    fn text(&self, from: usize) -> &str {
        let body = self.0.get(5 + from..).unwrap_or_default();
        let text = body.split(|byte| *byte == 0).next().unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }
}

/// Where a lane is in its transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// `BEGIN` and its locks.
    Begin,
    /// The one statement that writes all rows of a tenant.
    Write,
    Commit,
}

/// Tells by the requests of one connection where its transaction is.
#[derive(Default)]
pub struct Reader {
    /// Names of prepared statements that write.
    writes: BTreeSet<String>,
}

impl Reader {
    /// What sqlx sends: `BEGIN` and `COMMIT` as simple queries, all else prepared.
    pub fn read(&mut self, request: &Frame) -> Option<Moment> {
        match request.kind() {
            b'Q' if request.text(0).starts_with(LANES_BEGIN) => Some(Moment::Begin),
            b'Q' if request.text(0) == "COMMIT" => Some(Moment::Commit),
            b'P' => {
                let name = request.text(0);
                if request.text(name.len() + 1).starts_with("WITH w0") {
                    self.writes.insert(name.to_owned());
                } else {
                    self.writes.remove(name);
                }
                None
            }
            b'B' => {
                let portal = request.text(0);
                let statement = request.text(portal.len() + 1);
                self.writes.contains(statement).then_some(Moment::Write)
            }
            _ => None,
        }
    }
}

/// How the writer's lanes begin; readers ask for a snapshot.
const LANES_BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// The same request with the strictest isolation, if it is a lane's `BEGIN`.
pub fn serializable(request: &Frame) -> Option<Frame> {
    let rest = request.text(0).strip_prefix(LANES_BEGIN)?;
    (request.kind() == b'Q')
        .then(|| Frame::query(&format!("BEGIN ISOLATION LEVEL SERIALIZABLE{rest}")))
}

/// One side of a connection, message by message.
pub struct Wire<S> {
    pub stream: S,
    read: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub const fn new(stream: S) -> Self {
        Self {
            stream,
            read: Vec::new(),
        }
    }

    /// The first message of a client, after it was told that nothing is encrypted.
    pub async fn hello(&mut self) -> io::Result<Frame> {
        loop {
            let frame = self.take(0).await?;
            if ENCRYPTION.iter().any(|code| frame.0.get(4..) == Some(code)) {
                self.stream.write_all(b"N").await?;
            } else {
                return Ok(frame);
            }
        }
    }

    /// The next message. A caller that stops waiting loses nothing.
    pub async fn frame(&mut self) -> io::Result<Frame> {
        self.take(1).await
    }

    /// The next message, whose length stands at `at`.
    async fn take(&mut self, at: usize) -> io::Result<Frame> {
        loop {
            if let Some(length) = self.read.get(at..at + 4) {
                let length = length
                    .iter()
                    .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
                if self.read.len() >= at + length {
                    let rest = self.read.split_off(at + length);
                    return Ok(Frame(std::mem::replace(&mut self.read, rest)));
                }
            }
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    pub async fn send(&mut self, frame: &Frame) -> io::Result<()> {
        self.stream.write_all(&frame.0).await
    }

    /// The rest of an answer, up to where the server awaits the next request.
    pub async fn answer(&mut self) -> io::Result<Vec<Frame>> {
        let mut frames = Vec::new();
        loop {
            let frame = self.frame().await?;
            let last = frame.kind() == READY;
            frames.push(frame);
            if last {
                return Ok(frames);
            }
        }
    }
}
