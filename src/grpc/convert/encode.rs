//! Answers: values of the domain as messages of the contract.

use std::time::Duration;

use super::json;
use crate::{
    domain::{
        activity::Activity,
        calendar::seconds,
        event::EventKind,
        hundredths::Hundredths,
        session::{CompletionStatus, EndReason, SessionState, SessionTotals, SessionView, Subject},
        time::Timestamp,
    },
    pb::v1 as pb,
};

pub const fn state(state: SessionState) -> pb::SessionState {
    match state {
        SessionState::Active => pb::SessionState::Active,
        SessionState::Paused => pb::SessionState::Paused,
        SessionState::Ended => pb::SessionState::Ended,
    }
}

pub const fn end_reason(reason: EndReason) -> pb::EndReason {
    match reason {
        EndReason::Logout => pb::EndReason::Logout,
        EndReason::IdleTimeout => pb::EndReason::IdleTimeout,
        EndReason::MaxLifetime => pb::EndReason::MaxLifetime,
        EndReason::Revoked => pb::EndReason::Revoked,
        EndReason::Evicted => pb::EndReason::Evicted,
        EndReason::Recorded => pb::EndReason::Recorded,
    }
}

pub const fn event_kind(kind: EventKind) -> pb::session_event::Kind {
    match kind {
        EventKind::Started => pb::session_event::Kind::Started,
        EventKind::Paused => pb::session_event::Kind::Paused,
        EventKind::Resumed => pb::session_event::Kind::Resumed,
        EventKind::Ended => pb::session_event::Kind::Ended,
        EventKind::ActivityLogged => pb::session_event::Kind::ActivityLogged,
    }
}

const fn completion_status(status: CompletionStatus) -> pb::CompletionStatus {
    match status {
        CompletionStatus::Completed => pb::CompletionStatus::Completed,
        CompletionStatus::Partial => pb::CompletionStatus::Partial,
        CompletionStatus::Abandoned => pb::CompletionStatus::Abandoned,
    }
}

pub fn timestamp(time: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: time.micros().div_euclid(1_000_000),
        nanos: i32::try_from(time.micros().rem_euclid(1_000_000) * 1_000).unwrap_or(0),
    }
}

pub fn duration(span: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: seconds(span),
        nanos: i32::try_from(span.subsec_nanos()).unwrap_or(0),
    }
}

pub fn subject(subject: Subject) -> pb::Subject {
    pb::Subject {
        r#type: subject.kind,
        id: subject.id,
        name: subject.name,
    }
}

pub fn session(view: SessionView) -> pb::Session {
    let session = view.session;
    let (state, end_time, reason) = (
        state(session.state()),
        session.ended_at(),
        session.end_reason(),
    );
    let (context, review) = (session.context, session.review);
    pb::Session {
        id: session.id.to_string(),
        user_id: session.user_id.to_string(),
        session_type: context.session_type,
        client_type: context.client_type,
        client_info: context.client_info,
        ip_address: context
            .ip_address
            .map_or_else(String::new, |ip| ip.to_string()),
        subject: context.subject.map(subject),
        state: state.into(),
        start_time: Some(timestamp(session.started_at)),
        last_active_time: Some(timestamp(session.last_active_at)),
        end_time: end_time.map(timestamp),
        duration: Some(duration(view.duration)),
        duration_minutes: seconds(view.duration) / 60,
        expire_time: view.expires_at.map(timestamp),
        end_reason: reason.map_or(0, |reason| end_reason(reason).into()),
        completion_status: review
            .completion
            .map_or(0, |status| completion_status(status).into()),
        focus_mode: context.focus_mode,
        location: context.location,
        notes: review.notes,
        mood_rating: review.mood_rating.map_or(0, i32::from),
        productivity_rating: review.productivity_rating.map_or(0, i32::from),
        result: review.result.map(|result| pb::SessionResult {
            words_spoken: result.words_spoken,
            scores: result.scores,
            topics: result.topics,
            vocabulary_learned: result.vocabulary_learned,
            areas_to_improve: result.areas_to_improve,
        }),
        points_earned: session.points_earned,
        metadata: context.metadata.and_then(|text| json::from_text(&text)),
        create_time: Some(timestamp(session.created_at)),
        update_time: Some(timestamp(session.updated_at)),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a mean is shown, and seconds stay below 2^53"
)]
pub fn session_totals(totals: SessionTotals) -> pb::SessionTotals {
    let average = if totals.ended_count == 0 {
        0.0
    } else {
        totals.ended_seconds as f64 / totals.ended_count as f64
    };
    pb::SessionTotals {
        session_count: totals.count,
        total_seconds: totals.seconds,
        average_seconds: average,
    }
}

pub fn activity(activity: Activity) -> pb::Activity {
    let accuracy_percentage = activity.details.accuracy().map(Hundredths::value);
    let details = activity.details;
    pb::Activity {
        id: activity.id.to_string(),
        session_id: activity.session_id.to_string(),
        user_id: activity.user_id.to_string(),
        activity_type: details.activity_type,
        content_type: details.content_type,
        content_id: details.content_id,
        start_time: Some(timestamp(activity.started_at)),
        end_time: Some(timestamp(activity.ended_at)),
        duration: Some(duration(activity.ended_at.since(activity.started_at))),
        items_completed: details.items_completed,
        items_correct: details.items_correct,
        accuracy_percentage,
        points_earned: activity.points_earned,
        metadata: details.metadata.and_then(|text| json::from_text(&text)),
        create_time: Some(timestamp(activity.created_at)),
    }
}
