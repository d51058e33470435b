//! Requests about sessions and activities.

use std::time::Duration;

use serde::Serialize;

use super::check::Check;
use crate::{
    domain::{
        activity::ActivityDetails,
        commands::{LogActivity, RecordSession, RecordedTime, StartSession},
        fingerprint::Fingerprint,
        ids::{ActivityId, SessionId, UserId},
        rejection::Rejection,
        session::{
            CompletionStatus, EndReason, SessionContext, SessionFilter, SessionResult,
            SessionReview, SessionState,
        },
        time::Timestamp,
        usage::MAX_INCREMENT,
    },
    pb::v1 as pb,
};

/// The longest session that can be saved after the fact, and the longest activity.
const MAX_RECORDED: Duration = Duration::from_hours(31 * 24);
const MAX_SCORES: usize = 32;
const MAX_TERMS: usize = 100;
/// What a session is opened by unless the caller says.
pub const DEFAULT_CLIENT_TYPE: &str = "unknown";
/// Ids that one `RevokeSessions` takes.
const MAX_REVOKED: usize = 500;

/// An id that the caller may choose, with the fingerprint of what it stands for.
fn chosen_id<T: Serialize>(
    check: &mut Check,
    field: &str,
    text: &str,
    kind: &str,
    content: &T,
) -> Option<(uuid::Uuid, Fingerprint)> {
    let id = check.optional_uuid(field, text)?;
    Some((id, Fingerprint::of(kind, content)))
}

/// `new_id` makes the session's id where the caller chose none.
pub fn start_session(
    request: pb::StartSessionRequest,
    new_id: impl Fn() -> uuid::Uuid,
) -> Result<StartSession, Rejection> {
    let mut check = Check::default();
    let user_id = UserId(check.uuid("user_id", &request.user_id));
    let context = SessionContext {
        session_type: check.name("session_type", request.session_type, "normal"),
        client_type: check.name("client_type", request.client_type, DEFAULT_CLIENT_TYPE),
        client_info: check.line("client_info", request.client_info, 255),
        ip_address: check.ip_address("ip_address", &request.ip_address),
        subject: check.subject("subject", request.subject),
        focus_mode: request.focus_mode,
        location: check.line("location", request.location, 100),
        metadata: check.metadata("metadata", request.metadata),
    };
    let whole = (user_id, &context);
    let id = chosen_id(
        &mut check,
        "session_id",
        &request.session_id,
        "start",
        &whole,
    );
    check.done(StartSession {
        user_id,
        session_id: SessionId(id.map_or_else(new_id, |(id, _)| id)),
        context,
        fingerprint: id.map(|(_, fingerprint)| fingerprint),
    })
}

/// The session to end, what is said of it, and when it ended.
pub fn end_session(
    request: pb::EndSessionRequest,
    now: Timestamp,
) -> Result<(SessionId, SessionReview, Option<Timestamp>), Rejection> {
    let mut check = Check::default();
    let session_id = SessionId(check.uuid("session_id", &request.session_id));
    let ratings = (request.mood_rating, request.productivity_rating);
    let done = completion(&mut check, request.completion_status, request.progress);
    let review = review(&mut check, done, request.notes, ratings, request.result);
    let end_time = check.past_time("end_time", request.end_time, now);
    check.done((session_id, review, end_time))
}

/// `new_id` makes the session's id where the caller chose none.
pub fn record_session(
    request: pb::RecordSessionRequest,
    now: Timestamp,
    new_id: impl Fn() -> uuid::Uuid,
) -> Result<RecordSession, Rejection> {
    let mut check = Check::default();
    let user_id = UserId(check.uuid("user_id", &request.user_id));
    let time = recorded_time(&mut check, &request, now);
    let context = SessionContext {
        session_type: check.name("session_type", request.session_type, "normal"),
        client_type: check.name("client_type", request.client_type, DEFAULT_CLIENT_TYPE),
        client_info: String::new(),
        ip_address: None,
        subject: check.subject("subject", request.subject),
        focus_mode: request.focus_mode,
        location: check.line("location", request.location, 100),
        metadata: check.metadata("metadata", request.metadata),
    };
    let ratings = (request.mood_rating, request.productivity_rating);
    let done = completion(&mut check, request.completion_status, request.progress);
    let review = review(&mut check, done, request.notes, ratings, request.result);
    let whole = (user_id, &context, &review, time);
    let id = chosen_id(
        &mut check,
        "session_id",
        &request.session_id,
        "record",
        &whole,
    );
    check.done(RecordSession {
        user_id,
        session_id: SessionId(id.map_or_else(new_id, |(id, _)| id)),
        context,
        review,
        time,
        fingerprint: id.map(|(_, fingerprint)| fingerprint),
    })
}

/// Start and one of end or duration, or only how long it was until now.
fn recorded_time(
    check: &mut Check,
    request: &pb::RecordSessionRequest,
    now: Timestamp,
) -> RecordedTime {
    let start = check.past_time("start_time", request.start_time, now);
    let end = check.past_time("end_time", request.end_time, now);
    let duration = check.duration("duration", request.duration, MAX_RECORDED);
    let given = (
        request.start_time.is_some(),
        request.end_time.is_some(),
        request.duration.is_some(),
    );
    match given {
        (_, true, true) => check.fail("duration", "must not be given together with end_time"),
        (true, false, false) => check.fail("end_time", "is required, or duration"),
        (false, true, false) => check.fail("start_time", "is required with end_time"),
        (false, false, false) => check.fail("duration", "is required, or start and end_time"),
        (true, true, false) | (_, false, true) => {}
    }
    match (start, end, duration) {
        (Some(start), Some(end), _) => {
            check.that(start <= end, "end_time", "must not be before start_time");
            let fits = end.since(start) <= MAX_RECORDED;
            check.that(fits, "end_time", "must be at most 31 days after start_time");
            RecordedTime::Between { start, end }
        }
        (Some(start), None, Some(duration)) => {
            let end = start + duration;
            check.that(end <= now, "duration", "must not reach into the future");
            RecordedTime::Between { start, end }
        }
        (_, _, duration) => RecordedTime::Last(duration.unwrap_or_default()),
    }
}

/// Everything of a `LogActivity` but whose session it is. `new_id` makes the activity's id
/// where the caller chose none.
pub fn log_activity(
    request: pb::LogActivityRequest,
    now: Timestamp,
    new_id: impl Fn() -> uuid::Uuid,
) -> Result<(SessionId, impl Fn(UserId) -> LogActivity), Rejection> {
    let mut check = Check::default();
    let session_id = SessionId(check.uuid("session_id", &request.session_id));
    let completed = request.items_completed;
    let details = ActivityDetails {
        activity_type: check.required_name("activity_type", request.activity_type),
        content_type: check.name("content_type", request.content_type, ""),
        content_id: check.line("content_id", request.content_id, 128),
        items_completed: check.count("items_completed", completed, MAX_INCREMENT),
        items_correct: check.count("items_correct", request.items_correct, MAX_INCREMENT),
        metadata: check.metadata("metadata", request.metadata),
    };
    check.that(
        completed < 0 || request.items_correct <= completed,
        "items_correct",
        "must be at most items_completed",
    );
    let start_time = check.past_time("start_time", request.start_time, now);
    let duration = check.duration("duration", request.duration, MAX_RECORDED);
    let duration = duration.unwrap_or_default();
    let ends_by_now = start_time.is_none_or(|start| start + duration <= now);
    check.that(ends_by_now, "duration", "must not reach into the future");
    let whole = (session_id, &details, start_time, duration);
    let id = chosen_id(
        &mut check,
        "activity_id",
        &request.activity_id,
        "activity",
        &whole,
    );
    let activity_id = ActivityId(id.map_or_else(new_id, |(id, _)| id));
    check.done((session_id, move |user_id| LogActivity {
        user_id,
        session_id,
        activity_id,
        details: details.clone(),
        start_time,
        duration,
        fingerprint: id.map(|(_, fingerprint)| fingerprint),
    }))
}

/// A request that names one session and nothing else.
pub fn session_id(text: &str) -> Result<SessionId, Rejection> {
    let mut check = Check::default();
    let id = SessionId(check.uuid("session_id", text));
    check.done(id)
}

/// Which sessions to revoke.
#[derive(Clone, Debug)]
pub enum Revoke {
    OfUser(UserId),
    These(Vec<SessionId>),
}

/// What to revoke, and which session to keep.
pub fn revoke_sessions(
    request: &pb::RevokeSessionsRequest,
) -> Result<(Revoke, Option<SessionId>), Rejection> {
    let mut check = Check::default();
    let user = check.optional_uuid("user_id", &request.user_id).map(UserId);
    let ids = &request.session_ids;
    check.that(
        request.user_id.is_empty() != ids.is_empty(),
        "user_id",
        "exactly one of user_id and session_ids is required",
    );
    check.that(
        ids.len() <= MAX_REVOKED,
        "session_ids",
        format!("must have at most {MAX_REVOKED} entries"),
    );
    let mut sessions: Vec<_> = ids
        .iter()
        .take(MAX_REVOKED)
        .enumerate()
        .map(|(index, id)| SessionId(check.uuid(&format!("session_ids[{index}]"), id)))
        .collect();
    sessions.sort();
    sessions.dedup();
    let except = check.optional_uuid("except_session_id", &request.except_session_id);
    let what = user.map_or(Revoke::These(sessions), Revoke::OfUser);
    check.done((what, except.map(SessionId)))
}

/// A list's filter.
pub fn session_filter(check: &mut Check, request: &pb::ListSessionsRequest) -> SessionFilter {
    let user = check.optional_uuid("user_id", &request.user_id);
    let from = check.time("start_time_from", request.start_time_from);
    let until = check.time("start_time_until", request.start_time_until);
    check.that(
        from.zip(until).is_none_or(|(from, until)| from < until),
        "start_time_until",
        "must be after start_time_from",
    );
    let subject = request.subject.clone().unwrap_or_default();
    let states = request
        .states
        .iter()
        .enumerate()
        .filter_map(|(index, state)| {
            let field = format!("states[{index}]");
            check.that(*state != 0, &field, "must not be unspecified");
            check.enumeration(&field, *state, state_from)
        });
    let given = |text: String| (!text.is_empty()).then_some(text);
    SessionFilter {
        states: states.collect(),
        user_id: user.map(UserId),
        session_type: given(check.name("session_type", request.session_type.clone(), "")),
        client_type: given(check.name("client_type", request.client_type.clone(), "")),
        completion: check.enumeration(
            "completion_status",
            request.completion_status,
            completion_from,
        ),
        end_reason: check.enumeration("end_reason", request.end_reason, end_reason_from),
        subject_type: given(check.name("subject.type", subject.r#type, "")),
        subject_id: given(check.line("subject.id", subject.id, 128)),
        started_from: from,
        started_until: until,
    }
}

/// Where no status is given it follows from the progress; without either it is completed.
fn completion(check: &mut Check, status: i32, progress: Option<f64>) -> CompletionStatus {
    let share = progress.unwrap_or(1.0);
    check.that(
        (0.0..=1.0).contains(&share),
        "progress",
        "must be from 0 to 1",
    );
    let given = check.enumeration("completion_status", status, completion_from);
    given.unwrap_or_else(|| CompletionStatus::from_progress(share))
}

fn review(
    check: &mut Check,
    completion: CompletionStatus,
    notes: String,
    (mood, productivity): (i32, i32),
    result: Option<pb::SessionResult>,
) -> SessionReview {
    SessionReview {
        completion: Some(completion),
        notes: check.lines("notes", notes, 4_000),
        mood_rating: check.rating("mood_rating", mood),
        productivity_rating: check.rating("productivity_rating", productivity),
        result: result.map(|result| session_result(check, result)),
    }
}

fn session_result(check: &mut Check, result: pb::SessionResult) -> SessionResult {
    check.that(
        result.scores.len() <= MAX_SCORES,
        "result.scores",
        format!("must have at most {MAX_SCORES} names"),
    );
    for (name, score) in result.scores.iter().take(MAX_SCORES) {
        let named = (1..=100).contains(&name.chars().count());
        check.that(
            named && !name.chars().any(char::is_control),
            "result.scores",
            "must have names of 1 to 100 characters, without control characters",
        );
        check.that(
            (0.0..=100.0).contains(score),
            "result.scores",
            "must have values from 0 to 100",
        );
    }
    SessionResult {
        words_spoken: check.count("result.words_spoken", result.words_spoken, MAX_INCREMENT),
        scores: result.scores,
        topics: terms(check, "result.topics", result.topics),
        vocabulary_learned: terms(
            check,
            "result.vocabulary_learned",
            result.vocabulary_learned,
        ),
        areas_to_improve: terms(check, "result.areas_to_improve", result.areas_to_improve),
    }
}

fn terms(check: &mut Check, field: &str, terms: Vec<String>) -> Vec<String> {
    check.that(
        terms.len() <= MAX_TERMS,
        field,
        format!("must have at most {MAX_TERMS} entries"),
    );
    let checked = terms.into_iter().take(MAX_TERMS).enumerate();
    checked
        .map(|(index, term)| {
            let field = format!("{field}[{index}]");
            check.that(!term.is_empty(), &field, "must not be empty");
            check.line(&field, term, 200)
        })
        .collect()
}

fn state_from(state: pb::SessionState) -> Option<SessionState> {
    match state {
        pb::SessionState::Unspecified => None,
        pb::SessionState::Active => Some(SessionState::Active),
        pb::SessionState::Paused => Some(SessionState::Paused),
        pb::SessionState::Ended => Some(SessionState::Ended),
    }
}

fn end_reason_from(reason: pb::EndReason) -> Option<EndReason> {
    match reason {
        pb::EndReason::Unspecified => None,
        pb::EndReason::Logout => Some(EndReason::Logout),
        pb::EndReason::IdleTimeout => Some(EndReason::IdleTimeout),
        pb::EndReason::MaxLifetime => Some(EndReason::MaxLifetime),
        pb::EndReason::Revoked => Some(EndReason::Revoked),
        pb::EndReason::Evicted => Some(EndReason::Evicted),
        pb::EndReason::Recorded => Some(EndReason::Recorded),
    }
}

fn completion_from(status: pb::CompletionStatus) -> Option<CompletionStatus> {
    match status {
        pb::CompletionStatus::Unspecified => None,
        pb::CompletionStatus::Completed => Some(CompletionStatus::Completed),
        pb::CompletionStatus::Partial => Some(CompletionStatus::Partial),
        pb::CompletionStatus::Abandoned => Some(CompletionStatus::Abandoned),
    }
}
