//! What a caller may conclude from an answer: the promise, word by word.

use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::ledger::{Outcome, Told};

/// The domain of dwell's own reasons. A status without one is not dwell's: it comes from a
/// library in between, which does not know what became of the call.
const DOMAIN: &str = "dwell.v1";
/// Of whatever else dwell refuses, nothing was done.
const UNKNOWN: [&str; 2] = ["OUTCOME_UNKNOWN", "DEADLINE_EXCEEDED"];
/// Reasons that pass: the same call later may be done.
const PASSING: [&str; 5] = [
    "DATABASE_UNAVAILABLE",
    "OVERLOADED",
    "SHUTTING_DOWN",
    "TENANT_OVERLOADED",
    "TENANT_RATE",
];

/// What an error means.
pub fn conclude(status: &Status) -> Outcome {
    let details = status.get_error_details();
    let ours = details
        .error_info()
        .filter(|info| info.domain == DOMAIN && !UNKNOWN.contains(&info.reason.as_str()));
    match ours {
        Some(info) => Outcome::Refused(info.reason.clone()),
        None => Outcome::Unknown(format!("{:?} {}", status.code(), status.message())),
    }
}

/// The same of an answer within a stream, which has a code and a message.
pub fn conclude_code(code: i32, message: &str) -> Outcome {
    match Code::from_i32(code) {
        Code::Ok => Outcome::Acknowledged(Told::default()),
        Code::Unavailable if message.contains("nothing was done") => {
            Outcome::Refused("DATABASE_UNAVAILABLE".to_owned())
        }
        Code::ResourceExhausted => Outcome::Refused("OVERLOADED".to_owned()),
        code @ (Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled) => {
            Outcome::Unknown(format!("{code:?} {message}"))
        }
        code => Outcome::Refused(format!("{code:?} {message}")),
    }
}

pub fn passes(reason: &str) -> bool {
    PASSING.contains(&reason)
}
