//! A service that keeps points, as it may behave: a real HTTP server on port 0.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::{
        Notify,
        mpsc::{self, UnboundedReceiver, UnboundedSender},
    },
    time::{sleep, timeout},
};

/// A request as it came.
#[derive(Debug)]
pub struct Heard {
    /// Method and path.
    pub target: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Heard {
    pub fn key(&self) -> &str {
        &self.headers["idempotency-key"]
    }
}

/// What it does once it has heard a request.
#[derive(Clone, Debug)]
pub enum Answer {
    Status(u16),
    /// To another URL.
    Redirect(String),
    /// Answers well once it is told to.
    Held(Arc<Notify>),
    /// Says nothing more.
    Hang,
    /// Closes the connection without a word, or after half of a good answer.
    Close,
    BreakOff,
    /// Answers well after so many seconds.
    Late(u64),
    /// Sends the body of a good answer so slowly that it never ends.
    Drip,
    /// Sends a good answer with a body that is too long for anybody.
    Flood,
}

type Answers = Arc<Mutex<VecDeque<Answer>>>;

/// The server, for as long as the runtime lives.
pub struct Receiver {
    pub url: String,
    answers: Answers,
    heard: UnboundedReceiver<Heard>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers = Answers::default();
        let (hear, heard) = mpsc::unbounded_channel();
        let queue = answers.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, queue.clone(), hear.clone()));
            }
        });
        Self {
            url,
            answers,
            heard,
        }
    }

    /// What to do with the next requests; with those after them all is well.
    pub fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        self.answers.lock().unwrap().extend(answers);
    }

    /// All is well from now on.
    pub fn answer_well(&self) {
        self.answers.lock().unwrap().clear();
    }

    /// The next request, when it comes.
    pub async fn hear(&mut self) -> Heard {
        let heard = timeout(Duration::from_mins(1), self.heard.recv()).await;
        heard.expect("a request comes").unwrap()
    }

    /// What was heard by now.
    pub fn heard(&mut self) -> Vec<Heard> {
        std::iter::from_fn(|| self.heard.try_recv().ok()).collect()
    }

    /// The keys of it.
    pub fn keys(&mut self) -> Vec<String> {
        let heard = self.heard();
        heard.iter().map(|heard| heard.key().to_owned()).collect()
    }
}

/// One connection, as long as it is whole.
async fn converse(
    stream: TcpStream,
    answers: Answers,
    hear: UnboundedSender<Heard>,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let heard = read(&mut stream).await?;
        let answer = answers.lock().unwrap().pop_front();
        let _ = hear.send(heard);
        match answer.unwrap_or(Answer::Status(204)) {
            Answer::Status(status) => say(&mut stream, &head(status, "", 0)).await?,
            Answer::Redirect(to) => {
                say(&mut stream, &head(307, &format!("location: {to}\r\n"), 0)).await?;
            }
            Answer::Held(release) => {
                release.notified().await;
                say(&mut stream, &head(204, "", 0)).await?;
            }
            Answer::Hang => std::future::pending().await,
            Answer::Close => return Ok(()),
            Answer::BreakOff => {
                say(&mut stream, &head(200, "", 100)).await?;
                return say(&mut stream, "only this").await;
            }
            Answer::Late(seconds) => {
                sleep(Duration::from_secs(seconds)).await;
                say(&mut stream, &head(200, "", 0)).await?;
            }
            Answer::Drip => {
                say(&mut stream, &head(200, "", 1_000)).await?;
                loop {
                    sleep(Duration::from_secs(1)).await;
                    say(&mut stream, ".").await?;
                }
            }
            Answer::Flood => {
                say(&mut stream, &head(200, "", 1_000_000_000)).await?;
                loop {
                    say(&mut stream, &".".repeat(10_000)).await?;
                }
            }
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Heard> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let target = lines.remove(0).trim_end_matches(" HTTP/1.1").to_owned();
    let headers: BTreeMap<_, _> = lines
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    stream.read_exact(&mut body).await?;
    Ok(Heard {
        target,
        headers,
        body: String::from_utf8(body).unwrap(),
    })
}

fn head(status: u16, more: &str, length: usize) -> String {
    let length = match status {
        204 => String::new(),
        _ => format!("content-length: {length}\r\n"),
    };
    format!("HTTP/1.1 {status} Told\r\n{more}{length}\r\n")
}

async fn say(stream: &mut BufReader<TcpStream>, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes()).await?;
    stream.flush().await
}
