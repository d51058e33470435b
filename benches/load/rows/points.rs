//! What it costs to tell of points. There is no target here.

use std::{fmt, fs, io};

use futures::FutureExt;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::Measurement;
use crate::{
    Bench, Result,
    calls::Workload,
    database::Engine,
    servers::Dwell,
    table::{Row, Series, Target, Unit},
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Whether there is somebody to tell.
#[derive(Clone, Copy)]
enum Receiver {
    Answers,
    Away,
}

impl fmt::Display for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answers => "told to a receiver",
            Self::Away => "while the receiver is away",
        })
    }
}

pub fn all() -> Vec<Measurement> {
    let mut all = Vec::new();
    for engine in Engine::BOTH {
        for receiver in [Receiver::Away, Receiver::Answers] {
            let row = Row {
                what: format!("RecordSession on {engine}, points {receiver}"),
                reference: "RecordSession without --points-url",
                unit: Unit::PerSecond,
                target: Target::None,
            };
            all.push(Measurement::new([row], move |bench| {
                record(bench, engine, receiver).boxed_local()
            }));
        }
    }
    all
}

async fn record(bench: &Bench, engine: Engine, receiver: Receiver) -> Result<Vec<Series>> {
    let dir = TempDir::new()?;
    let secret = dir.path().join("secret");
    fs::write(&secret, SECRET)?;
    let pairs = bench.pairs(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        match receiver {
            Receiver::Answers => drop(tokio::spawn(answer_all(listener))),
            Receiver::Away => drop(listener),
        }
        let database = bench.database(engine).await?;
        let flags = ["--points-url".as_ref(), url.as_ref()];
        let secret = ["--points-secret-file".as_ref(), secret.as_os_str()];
        let told = Dwell::start_with(&database, [flags, secret].concat())?;
        let told = bench
            .load()
            .run(&[&told.address], &Workload::Record)
            .await?;
        let database = bench.database(engine).await?;
        let plain = Dwell::start(&database)?;
        let plain = bench
            .load()
            .run(&[&plain.address], &Workload::Record)
            .await?;
        Ok((told.rate, plain.rate))
    });
    Ok(Series::of(pairs.await?))
}

/// Answers each request at once: whoever sends waits for an answer before the next.
async fn answer_all(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream));
    }
}

async fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut request = vec![0; 16 * 1024];
    while stream.read(&mut request).await? > 0 {
        stream.write_all(b"HTTP/1.1 204 Told\r\n\r\n").await?;
    }
    Ok(())
}
