use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::{speech::PREFACE, *};

const RULES: Rules = Rules {
    handshake: Duration::from_secs(10),
    stall: Duration::from_secs(50),
    age: Duration::from_secs(1_000),
};

fn connection() -> (Connection<DuplexStream>, DuplexStream) {
    let places = Arc::new(Semaphore::new(1));
    let (ours, theirs) = duplex(64);
    let place = places.try_acquire_owned().unwrap();
    (Connection::new(ours, RULES, place), theirs)
}

/// How it ended, and after how many seconds.
async fn end(reading: impl Future<Output = io::Result<usize>>) -> (String, u64) {
    let begun = Instant::now();
    let error = reading.await.unwrap_err();
    (error.to_string(), begun.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn who_does_not_speak_is_not_waited_for() {
    let (mut connection, mut peer) = connection();
    let (_, begun) = PREFACE.split_last().unwrap();
    peer.write_all(begun).await.unwrap();
    let mut bytes = [0; PREFACE.len()];
    let ended = end(connection.read_exact(&mut bytes)).await;
    assert_eq!(ended, ("silent for too long".to_owned(), 10));
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_end_is_not_waited_for() {
    let (mut connection, mut peer) = connection();
    tokio::spawn(async move {
        peer.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        loop {
            sleep(Duration::from_secs(1)).await;
            if peer.write_all(b"x-more: 1\r\n").await.is_err() {
                return;
            }
        }
    });
    let ended = end(connection.read_exact(&mut [0; 1_000])).await;
    assert_eq!(ended, ("silent for too long".to_owned(), 10));
}

#[tokio::test(start_paused = true)]
async fn who_has_spoken_may_be_silent_until_the_connection_is_old() {
    let (mut connection, mut peer) = connection();
    peer.write_all(PREFACE).await.unwrap();
    let mut bytes = [0; PREFACE.len()];
    connection.read_exact(&mut bytes).await.unwrap();
    let ended = end(connection.read_exact(&mut bytes)).await;
    assert_eq!(ended, ("too old".to_owned(), 1_000));
}

#[tokio::test(start_paused = true)]
async fn who_takes_nothing_is_not_waited_for() {
    let (mut connection, mut peer) = connection();
    peer.write_all(PREFACE).await.unwrap();
    connection
        .read_exact(&mut [0; PREFACE.len()])
        .await
        .unwrap();
    let begun = Instant::now();
    tokio::spawn(async move {
        // Some, and later no more.
        tokio::time::sleep(Duration::from_secs(40)).await;
        peer.read_exact(&mut [0; 10]).await.unwrap();
        std::future::pending::<()>().await;
    });
    let error = connection.write_all(&[0; 1_000]).await.unwrap_err();
    assert_eq!(error.to_string(), "silent for too long");
    assert_eq!(begun.elapsed().as_secs(), 90);
}

#[tokio::test(start_paused = true)]
async fn connections_come_at_a_pace() {
    let mut pace = Pace::new(4);
    let begun = Instant::now();
    let mut times = Vec::new();
    for _ in 0..7 {
        pace.turn().await;
        times.push(begun.elapsed().as_millis());
    }
    assert_eq!(times, [0, 0, 0, 0, 250, 500, 750]);
    // After a pause as many at once again.
    sleep(Duration::from_secs(10)).await;
    let begun = Instant::now();
    for _ in 0..4 {
        pace.turn().await;
    }
    assert_eq!(begun.elapsed(), Duration::ZERO);
}
