//! HTTP/2 frames and headers as bytes.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{Outcome, PATIENCE};

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;
pub const END_STREAM: u8 = 1;
const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// A write that takes longer than this is not taken any more.
const STUCK: Duration = Duration::from_secs(2);

/// RFC 9113, 4.1.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let [_, length @ ..] = length.to_be_bytes();
    let mut bytes = length.to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

pub fn window(stream: u32, more: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &more.to_be_bytes())
}

/// A header that is in no table, with a name and a value of fewer than 127 bytes (RFC 7541,
/// 6.2.2).
pub fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        bytes.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
        bytes.extend(text.as_bytes());
    }
    bytes
}

/// What a gRPC call begins with.
pub fn call_headers(path: &str, tenant: &str) -> Vec<u8> {
    // :method POST and :scheme http are in the static table.
    let mut bytes = vec![0x83, 0x86];
    let headers = [
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("x-tenant-id", tenant),
    ];
    bytes.extend(
        headers
            .iter()
            .flat_map(|(name, value)| literal(name, value)),
    );
    bytes
}

/// A gRPC message of short texts by their field numbers.
pub fn message(fields: &[(u8, &str)]) -> Vec<u8> {
    let mut content = Vec::new();
    for (number, text) in fields {
        content.extend([number << 3 | 2, u8::try_from(text.len()).unwrap_or(u8::MAX)]);
        content.extend(text.as_bytes());
    }
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    let mut bytes = vec![0];
    bytes.extend(length.to_be_bytes());
    bytes.extend(content);
    bytes
}

pub fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

/// A connection that takes and answers what the server says, until it is told not to.
pub struct Connection {
    stream: TcpStream,
    reads: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Connection {
    /// Opens one on which each stream has a window of so many bytes.
    pub fn open(address: SocketAddr, window_size: u32) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(STUCK))?;
        stream.write_all(PREFACE)?;
        // SETTINGS_INITIAL_WINDOW_SIZE
        let mut setting = vec![0, 4];
        setting.extend(window_size.to_be_bytes());
        stream.write_all(&frame(SETTINGS, 0, 0, &setting))?;
        stream.write_all(&frame(SETTINGS, ACK, 0, &[]))?;
        let reads = Arc::new(AtomicBool::new(true));
        let reading = (stream.try_clone()?, reads.clone());
        let reader = thread::spawn(move || take(reading.0, &reading.1));
        Ok(Self {
            stream,
            reads,
            reader: Some(reader),
        })
    }

    /// Takes nothing any more.
    pub fn stop_reading(&mut self) {
        self.reads.store(false, Ordering::SeqCst);
    }

    /// Sends all of it; how it came out if that cannot be.
    pub fn send(&mut self, bytes: &[u8]) -> Option<Outcome> {
        match self.stream.write_all(bytes) {
            Ok(()) => None,
            Err(error) if is_timeout(&error) => Some(Outcome::Stuck),
            Err(_) => Some(Outcome::Closed),
        }
    }

    /// How it came out after all was sent and `hold` returned.
    pub fn outcome(self, hold: &dyn Fn()) -> Outcome {
        hold();
        let closed = self.reader.as_ref().is_some_and(JoinHandle::is_finished);
        if closed {
            Outcome::Closed
        } else {
            Outcome::Bore
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // What is closed already needs no end.
        let _ = self.stream.shutdown(Shutdown::Both);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

/// Takes what comes and answers pings, so that the server has no reason to think that nobody is
/// there, until the connection ends.
fn take(mut stream: TcpStream, reads: &AtomicBool) {
    let mut head = [0; 9];
    // What is waited for is there or is not.
    let _ = stream.set_read_timeout(Some(PATIENCE));
    while reads.load(Ordering::SeqCst) && stream.read_exact(&mut head).is_ok() {
        let [a, b, c, kind, flags, ..] = head;
        let length = u32::from_be_bytes([0, a, b, c]);
        let mut payload = vec![0; usize::try_from(length).unwrap_or_default()];
        if stream.read_exact(&mut payload).is_err() {
            return;
        }
        let pong = frame(PING, ACK, 0, &payload);
        if kind == PING && flags & ACK == 0 && stream.write_all(&pong).is_err() {
            return;
        }
    }
}
