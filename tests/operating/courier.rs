//! One attempt to deliver points, to a receiver that may do anything. Time is tokio's own, and
//! moves on at once when everyone waits.

use std::{env, fs};

use dwell::{
    config::PointsArgs,
    domain::{
        ids::UserId,
        points::award::{Award, ReferenceType},
        time::Timestamp,
    },
    jobs::points::{Courier, Failure},
};
use http::StatusCode;
use tempfile::TempDir;
use tokio::{net::TcpListener, time::Instant};
use uuid::Uuid;

use crate::{
    receiver::{Answer, Receiver},
    support::ids::tenant,
};

pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// As the flags would have it.
pub fn courier(url: &str) -> Courier {
    let dir = TempDir::new_in(env::temp_dir()).unwrap();
    let file = dir.path().join("secret");
    fs::write(&file, SECRET).unwrap();
    let args = PointsArgs {
        points_url: Some(url.to_owned()),
        points_secret_file: Some(file),
    };
    Courier::new(args.receiver().unwrap().unwrap()).unwrap()
}

const AWARD: Award = Award {
    user_id: UserId(Uuid::from_u128(7)),
    points: 5,
    reference_type: ReferenceType::Session,
    reference_id: Uuid::from_u128(9),
    earned_at: Timestamp::FIRST,
};

async fn send(url: &str) -> Result<(), Failure> {
    courier(url).send(tenant(1), &AWARD, Timestamp::FIRST).await
}

/// What comes of one attempt, and how many seconds it takes.
async fn attempt(answer: Answer) -> (Result<(), Failure>, u64) {
    let receiver = Receiver::start().await;
    receiver.answer([answer]);
    let begun = Instant::now();
    let result = send(&receiver.url).await;
    (result, begun.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn any_2xx_is_delivered_and_nothing_else() {
    for status in [200, 201, 202, 204] {
        assert_eq!(attempt(Answer::Status(status)).await, (Ok(()), 0));
    }
    for status in [304, 400, 404, 409, 410, 429, 500, 503] {
        let expected = Failure::Answered(StatusCode::from_u16(status).unwrap());
        assert_eq!(attempt(Answer::Status(status)).await, (Err(expected), 0));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_must_be_whole_within_five_seconds() {
    assert_eq!(attempt(Answer::Late(4)).await, (Ok(()), 4));
    let late = (Err(Failure::TimedOut), 5);
    assert_eq!(attempt(Answer::Late(6)).await, late);
    assert_eq!(attempt(Answer::Hang).await, late);
    assert_eq!(attempt(Answer::Drip).await, late);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_dies_has_not_answered() {
    let broken = (Err(Failure::BrokenOff), 0);
    assert_eq!(attempt(Answer::Close).await, broken);
    assert_eq!(attempt(Answer::BreakOff).await, broken);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_not_read_for_ever() {
    assert_eq!(attempt(Answer::Flood).await, (Ok(()), 0));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_not_there_cannot_be_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(send(&url).await, Err(Failure::Unreachable));
}

#[tokio::test(start_paused = true)]
async fn a_redirection_is_not_followed() {
    let mut elsewhere = Receiver::start().await;
    let redirect = Answer::Redirect(elsewhere.url.clone());
    let expected = Failure::Answered(StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(attempt(redirect).await, (Err(expected), 0));
    assert!(elsewhere.heard().is_empty());
}

#[tokio::test]
async fn a_failure_says_nothing_of_the_url() {
    let url = "http://127.0.0.1:1/hook?key=hidden";
    let failure = send(url).await.unwrap_err();
    assert_eq!(failure.to_string(), "cannot be reached");
}
