//! A year of a tenant's practice, recorded through the API, so that all that a write keeps is
//! there.

use std::time::{Duration, SystemTime};

use dwell::{
    domain::time::Timestamp,
    pb::v1::{
        CompletionStatus, LogActivityRequest, RecordSessionRequest, SessionResult, Subject,
        session_service_client::SessionServiceClient,
    },
};
use fastrand::Rng;
use tokio::task::JoinSet;
use tonic::transport::Channel;
use uuid::Uuid;

use crate::{
    Result,
    calls::{session_id, tenant_id, user_id, with_tenant},
    closed::connections,
};

/// Sessions of [`user`].
pub const OF_USER: u32 = 5_000;
/// Whom the other sessions are of.
const OTHERS: u32 = 10_000;
const CALLERS: u32 = 256;
const YEAR: Duration = Duration::from_hours(365 * 24);
/// How long each session lasted, and each activity.
const SESSION: Duration = Duration::from_mins(25);
const ACTIVITY: Duration = Duration::from_mins(5);
/// One in so many sessions has an activity.
const AN_ACTIVITY_IN: u32 = 10;

/// Who has more sessions than others.
pub fn user() -> Uuid {
    user_id(tenant_id(1), 1)
}

/// Records so many sessions of the first tenant, at even distances over the year up to `now`.
pub async fn record(address: &str, sessions: u32, now: Timestamp) -> Result<()> {
    let channels = connections(address).await?;
    let mut tasks = JoinSet::new();
    for (first, channel) in (0..CALLERS).zip(channels.iter().cycle()) {
        let mut client = SessionServiceClient::new(channel.clone());
        // In turn, so that the first ones come first.
        let numbers = (first..sessions).step_by(usize::try_from(CALLERS)?);
        tasks.spawn(async move {
            for number in numbers {
                let practice = Practice::new(number, sessions, now);
                practice.record(&mut client).await?;
            }
            Result::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}

/// One session: the same whenever its number is.
struct Practice {
    session_id: String,
    user: Uuid,
    start_time: prost_types::Timestamp,
    random: Rng,
}

impl Practice {
    fn new(number: u32, sessions: u32, now: Timestamp) -> Self {
        let mut random = Rng::with_seed(number.into());
        let of_user = |numbers: u32| u64::from(numbers) * u64::from(OF_USER) / u64::from(sessions);
        let user = if of_user(number) < of_user(number + 1) {
            user()
        } else {
            user_id(tenant_id(1), 2 + random.u32(..OTHERS))
        };
        let until_now = YEAR / sessions * (sessions - number);
        Self {
            session_id: session_id(number.into()).to_string(),
            user,
            start_time: SystemTime::from(now.before(until_now + SESSION).to_utc()).into(),
            random,
        }
    }

    async fn record(mut self, client: &mut SessionServiceClient<Channel>) -> Result<()> {
        let session = self.session();
        client
            .record_session(with_tenant(session, tenant_id(1)))
            .await?;
        if self.random.u32(..AN_ACTIVITY_IN) == 0 {
            let activity = self.activity();
            client
                .log_activity(with_tenant(activity, tenant_id(1)))
                .await?;
        }
        Ok(())
    }

    /// Four of five are completed, and half have a result.
    fn session(&mut self) -> RecordSessionRequest {
        let status = match self.random.u32(..10) {
            0 => CompletionStatus::Partial,
            1 => CompletionStatus::Abandoned,
            _ => CompletionStatus::Completed,
        };
        let session_type = ["solo", "group", "tutoring", "conversation"];
        RecordSessionRequest {
            user_id: self.user.to_string(),
            session_id: self.session_id.clone(),
            session_type: self.one_of(session_type),
            subject: Some(self.subject()),
            start_time: Some(self.start_time),
            duration: prost_types::Duration::try_from(SESSION).ok(),
            completion_status: status.into(),
            result: self.random.bool().then(|| self.result()),
            ..RecordSessionRequest::default()
        }
    }

    fn subject(&mut self) -> Subject {
        let number = self.random.u32(..20);
        Subject {
            r#type: "course".to_owned(),
            id: number.to_string(),
            name: format!("Course {number}"),
        }
    }

    fn result(&mut self) -> SessionResult {
        let scores = ["pronunciation", "fluency", "grammar"];
        SessionResult {
            words_spoken: self.random.i64(100..1_000),
            scores: scores
                .map(|name| (name.to_owned(), f64::from(self.random.u32(50..=100))))
                .into(),
            topics: self.terms("topic", 2, 40),
            vocabulary_learned: self.terms("word", 5, 2_000),
            areas_to_improve: self.terms("area", 1, 20),
        }
    }

    fn activity(&mut self) -> LogActivityRequest {
        let items_correct = self.random.i64(0..=20);
        LogActivityRequest {
            session_id: self.session_id.clone(),
            activity_type: self.one_of(["testing", "flashcards", "assignment"]),
            start_time: Some(self.start_time),
            duration: prost_types::Duration::try_from(ACTIVITY).ok(),
            items_completed: 20,
            items_correct,
            ..LogActivityRequest::default()
        }
    }

    /// So many of so many different ones.
    fn terms(&mut self, name: &str, count: u32, different: u32) -> Vec<String> {
        let mut term = || format!("{name} {}", self.random.u32(..different));
        (0..count).map(|_| term()).collect()
    }

    fn one_of<const N: usize>(&mut self, names: [&str; N]) -> String {
        self.random.choice(names).unwrap_or_default().to_owned()
    }
}
