//! The only place where an error becomes a gRPC status.

use std::{collections::HashMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::{
    convert,
    limits::{
        admission::{Kind, Refusal},
        names::{self, TooManyNames},
    },
};
use crate::{
    auth::{Denied, Roles},
    domain::rejection::{Entity, Rejection, UsedId, Violation},
    store::Error,
};

const DOMAIN: &str = "dwell.v1";
/// The reason by which a message that is too large is known again.
const TOO_LARGE: &str = "MESSAGE_TOO_LARGE";
/// When a refused write may be tried again: a full queue is worked off in less.
const OVERLOAD_DELAY: Duration = Duration::from_millis(250);
/// When a call that was refused a place may be tried again: calls take some milliseconds.
const BUSY_DELAY: Duration = Duration::from_millis(100);
/// The same of a stream, which stays longer.
const BUSY_STREAM_DELAY: Duration = Duration::from_secs(1);
/// When to come back to a database that is away.
const OUTAGE_DELAY: Duration = Duration::from_secs(1);

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error {
            Error::Rejected(rejection) => rejection.into(),
            Error::Overloaded => retry(
                Code::ResourceExhausted,
                "too many writes are waiting; nothing was done",
                "OVERLOADED",
                OVERLOAD_DELAY,
            ),
            Error::ShuttingDown => stopping(),
            Error::Unavailable => retry(
                Code::Unavailable,
                "the database is unavailable; nothing was done",
                "DATABASE_UNAVAILABLE",
                OUTAGE_DELAY,
            ),
            Error::OutcomeUnknown => retry(
                Code::Unavailable,
                "the connection to the database broke at the commit; \
                 the same request with the same ids is safe to send again",
                "OUTCOME_UNKNOWN",
                OUTAGE_DELAY,
            ),
            Error::Internal { incident } => {
                let mut details = info("INTERNAL", []);
                details.set_request_info(incident.to_string(), "");
                let message = format!("internal error, logged as {incident}");
                Self::with_error_details(Code::Internal, message, details)
            }
        }
    }
}

impl From<Rejection> for Status {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::NotFound(Entity::Session) => not_found("session", "SESSION_NOT_FOUND"),
            Rejection::NotFound(Entity::User) => not_found("user", "USER_NOT_FOUND"),
            Rejection::NotFound(Entity::Goal) => not_found("goal", "GOAL_NOT_FOUND"),
            Rejection::IdTaken(used) => id_taken(used),
            Rejection::SessionEnded { at, reason } => {
                let reason = convert::end_reason(reason).as_str_name();
                let mut details = info(
                    "SESSION_ENDED",
                    [
                        ("end_time", at.to_utc().to_rfc3339()),
                        ("end_reason", reason.to_owned()),
                    ],
                );
                details.add_precondition_failure_violation("SESSION_ENDED", "session", reason);
                let message = "the session has ended";
                Self::with_error_details(Code::FailedPrecondition, message, details)
            }
            Rejection::TooManySessions { limit } => {
                let message = format!("the user has {limit} open sessions, the tenant's limit");
                let mut details = info("TOO_MANY_SESSIONS", [("limit", limit.to_string())]);
                details.add_quota_failure_violation("open_sessions", &*message);
                Self::with_error_details(Code::ResourceExhausted, message, details)
            }
            Rejection::TooManyPauses { limit } => {
                let message = format!("the session keeps {limit} pauses; end it and start another");
                let details = info("TOO_MANY_PAUSES", [("limit", limit.to_string())]);
                Self::with_error_details(Code::FailedPrecondition, message, details)
            }
            Rejection::TooManyGoals { limit } => {
                let message = format!("the user has {limit} active goals, as many as there may be");
                let mut details = info("TOO_MANY_GOALS", [("limit", limit.to_string())]);
                details.add_quota_failure_violation("active_goals", &*message);
                Self::with_error_details(Code::ResourceExhausted, message, details)
            }
            Rejection::GoalNotActive { status } => {
                let status = convert::goal_status(status).as_str_name();
                let mut details = info("GOAL_NOT_ACTIVE", [("status", status.to_owned())]);
                details.add_precondition_failure_violation("GOAL_NOT_ACTIVE", "goal", status);
                let message = format!("the goal's status is {status}");
                Self::with_error_details(Code::FailedPrecondition, message, details)
            }
            Rejection::UserDeleted { at } => {
                let time = at.to_utc().to_rfc3339();
                let message = format!("the user was deleted at {time}; nothing was written");
                let mut details = info("USER_DELETED", [("delete_time", time)]);
                details.add_precondition_failure_violation("USER_DELETED", "user", &*message);
                Self::with_error_details(Code::FailedPrecondition, message, details)
            }
            Rejection::Invalid(violations) => invalid(violations),
        }
    }
}

impl From<Denied> for Status {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::TenantUnknown(message) => unauthenticated(message),
            Denied::TokenInvalid(message) => {
                let details = info("TOKEN_INVALID", []);
                Self::with_error_details(Code::Unauthenticated, message, details)
            }
            Denied::TokenExpired => {
                let details = info("TOKEN_EXPIRED", []);
                Self::with_error_details(Code::Unauthenticated, "the token has expired", details)
            }
            Denied::OtherTenant => {
                let message = "x-tenant-id is not the tenant of the token";
                let details = info("OTHER_TENANT", []);
                Self::with_error_details(Code::PermissionDenied, message, details)
            }
            Denied::NoKeys => retry(
                Code::Unavailable,
                "tokens cannot be verified yet",
                "KEYS_UNAVAILABLE",
                OUTAGE_DELAY,
            ),
        }
    }
}

/// Nobody knows who is calling.
pub fn unauthenticated(message: &str) -> Status {
    let details = info("TENANT_UNKNOWN", []);
    Status::with_error_details(Code::Unauthenticated, message, details)
}

/// The caller is known, and may not.
pub fn role_needed(open_to: Roles) -> Status {
    let message = format!("this needs the role {open_to}");
    let details = info("ROLE_NEEDED", [("roles", open_to.to_string())]);
    Status::with_error_details(Code::PermissionDenied, message, details)
}

/// There is no place for the call.
pub fn refused(refusal: Refusal) -> Status {
    let (message, reason, delay) = match refusal {
        Refusal::Busy(Kind::Call) => (
            "too many calls are under way; nothing was done",
            "OVERLOADED",
            BUSY_DELAY,
        ),
        Refusal::Busy(Kind::Stream) => (
            "too many streams are open; nothing was done",
            "OVERLOADED",
            BUSY_STREAM_DELAY,
        ),
        Refusal::TenantBusy(Kind::Call) => (
            "the tenant has too many calls under way; nothing was done",
            "TENANT_OVERLOADED",
            BUSY_DELAY,
        ),
        Refusal::TenantBusy(Kind::Stream) => (
            "the tenant has too many streams open; nothing was done",
            "TENANT_OVERLOADED",
            BUSY_STREAM_DELAY,
        ),
        Refusal::TooFast { wait } => (
            "the tenant begins too many calls in a second; nothing was done",
            "TENANT_RATE",
            wait,
        ),
    };
    retry(Code::ResourceExhausted, message, reason, delay)
}

impl From<TooManyNames> for Status {
    fn from(refused: TooManyNames) -> Self {
        let (subject, what) = match refused.kind {
            names::Kind::Feature => ("feature_names", "features"),
            names::Kind::Score => ("score_names", "scores"),
            names::Kind::Tag => ("tags", "tags"),
        };
        let limit = refused.limit;
        let message = format!(
            "the tenant would use more than {limit} distinct names of {what} today, which is the \
             limit; nothing was done"
        );
        let mut details = info("TOO_MANY_NAMES", [("limit", limit.to_string())]);
        details.add_quota_failure_violation(subject, &*message);
        details.set_retry_info(Some(refused.wait));
        Self::with_error_details(Code::ResourceExhausted, message, details)
    }
}

/// The call's time is up.
pub fn too_late() -> Status {
    let message = "the time for the call is up; what it was to write may be written all the same, \
                   and the same request with the same ids is safe to send again";
    let details = info("DEADLINE_EXCEEDED", []);
    Status::with_error_details(Code::DeadlineExceeded, message, details)
}

/// The caller's time for the call cannot be read.
pub fn bad_timeout() -> Status {
    let rule = "must be 1 to 8 digits and one of H, M, S, m, u, n";
    Rejection::invalid("grpc-timeout", rule).into()
}

/// A message of the caller's has more bytes than it may.
pub fn too_large(max: usize) -> Status {
    let message = format!("the message has more than {max} bytes, which is the limit");
    let details = info(TOO_LARGE, [("limit", max.to_string())]);
    Status::with_error_details(Code::ResourceExhausted, message, details)
}

/// Whether the caller's message was too large, and not the server too busy.
pub fn is_too_large(status: &Status) -> bool {
    let info = status.get_details_error_info();
    info.is_some_and(|info| info.reason == TOO_LARGE)
}

/// What is wrong with a message of a body that has one on each line.
pub fn at_line(number: u64, wrong: &Status) -> Status {
    let message = format!("line {number}: {}", wrong.message());
    Status::with_error_details(wrong.code(), message, wrong.get_error_details())
}

/// Nothing is at the path of a request.
pub fn no_such_path() -> Status {
    let details = info("NO_SUCH_PATH", []);
    Status::with_error_details(Code::NotFound, "there is nothing at this path", details)
}

/// There is something at the path, for other HTTP methods.
pub fn other_method() -> Status {
    let message = "this path does not know the method; Allow says which it knows";
    Status::with_error_details(Code::Unimplemented, message, info("OTHER_METHOD", []))
}

/// The body is not of the kind that is read.
pub fn media_type(wanted: &str) -> Status {
    let message = format!("the body must be {wanted}, not encoded further");
    let details = info("MEDIA_TYPE", [("wanted", wanted.to_owned())]);
    Status::with_error_details(Code::InvalidArgument, message, details)
}

/// The request is for another host than the machine's own.
pub fn other_machine() -> Status {
    let message = "without authentication only requests to localhost or an address are answered";
    Status::with_error_details(Code::PermissionDenied, message, info("OTHER_HOST", []))
}

/// There is a body where none is read.
pub fn no_body() -> Status {
    Rejection::invalid(
        "body",
        "must not be there: all is in the path and the query",
    )
    .into()
}

/// The headers of a request have more bytes than they may.
pub fn headers_too_large(max: usize) -> Status {
    let message = format!("the headers have more than {max} bytes, which is the limit");
    let details = info("HEADERS_TOO_LARGE", [("limit", max.to_string())]);
    Status::with_error_details(Code::ResourceExhausted, message, details)
}

/// What a handler answered cannot be told.
pub fn no_answer() -> Status {
    let message = "the answer cannot be told as JSON";
    Status::with_error_details(Code::Internal, message, info("INTERNAL", []))
}

/// Nothing came on a stream.
pub fn idle(time: Duration) -> Status {
    let message = format!(
        "the caller sent nothing for {} s; open another stream once there is something to send",
        time.as_secs()
    );
    let details = info("STREAM_IDLE", []);
    Status::with_error_details(Code::DeadlineExceeded, message, details)
}

/// What happened after that place is kept no longer.
pub fn events_forgotten() -> Status {
    let message = "what happened after this resume_token may be forgotten; watch without a token \
                   and, after the first message, read ListSessions";
    let details = info("EVENTS_FORGOTTEN", []);
    Status::with_error_details(Code::OutOfRange, message, details)
}

/// The caller takes no message that it is sent.
pub fn too_slow(time: Duration) -> Status {
    let message = format!(
        "the caller took no message for {} s; go on with the resume_token of the last one",
        time.as_secs()
    );
    let details = info("READER_TOO_SLOW", []);
    Status::with_error_details(Code::Aborted, message, details)
}

/// The operator has it so.
pub fn not_watched() -> Status {
    let message = "watching is switched off here (--watch off); read ListSessions now and then";
    let details = info("WATCH_OFF", []);
    Status::with_error_details(Code::Unimplemented, message, details)
}

/// The service is about to end.
pub fn stopping() -> Status {
    retry(
        Code::Unavailable,
        "the service is shutting down; nothing was done",
        "SHUTTING_DOWN",
        OUTAGE_DELAY,
    )
}

fn invalid(violations: Vec<Violation>) -> Status {
    let mut details = info("INVALID_REQUEST", []);
    let mut parts = Vec::with_capacity(violations.len());
    for violation in violations {
        parts.push(format!("{} {}", violation.field, violation.description));
        details.add_bad_request_violation(violation.field, violation.description);
    }
    Status::with_error_details(Code::InvalidArgument, parts.join("; "), details)
}

fn not_found(what: &str, reason: &str) -> Status {
    let message = format!("{what} not found");
    Status::with_error_details(Code::NotFound, message, info(reason, []))
}

fn id_taken(used: UsedId) -> Status {
    let field = match used {
        UsedId::Session => "session_id",
        UsedId::Activity => "activity_id",
        UsedId::Request => "request_id",
        UsedId::Goal => "goal.id",
    };
    let message = format!("{field} was used for something else");
    let details = info("ID_TAKEN", [("field", field.to_owned())]);
    Status::with_error_details(Code::AlreadyExists, message, details)
}

fn retry(code: Code, message: &str, reason: &str, delay: Duration) -> Status {
    let mut details = info(reason, []);
    details.set_retry_info(Some(delay));
    Status::with_error_details(code, message, details)
}

fn info<const N: usize>(reason: &str, metadata: [(&str, String); N]) -> ErrorDetails {
    let metadata = metadata.map(|(key, value)| (key.to_owned(), value));
    ErrorDetails::with_error_info(reason, DOMAIN, HashMap::from(metadata))
}
