//! Goals by their ids, and the values that were set.

use tonic::transport::Channel;
use uuid::Uuid;

use ::dwell::pb::v1::{self as pb, goal_service_client::GoalServiceClient};

use super::expected::Expected;
use crate::{
    ledger::Fate,
    send::{as_double, of},
};

pub async fn compare(expected: &Expected, channel: &Channel, tenant: Uuid) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut client = GoalServiceClient::new(channel.clone());
    for ((user, goal), fate) in &expected.goals {
        let request = pb::ListGoalsRequest {
            user_id: user.to_string(),
            page_size: 1_000,
            ..Default::default()
        };
        let found = client.list_goals(of(tenant, request)).await.unwrap();
        let found = found.into_inner().goals;
        let here = found
            .iter()
            .filter(|found| found.id == goal.to_string())
            .count();
        let right = match fate {
            Fate::Done { .. } => here == 1,
            Fate::NotDone => here == 0,
            Fate::Maybe => here <= 1,
        };
        if !right {
            wrong.push(format!("goal {goal} is {fate:?}, and there {here} times"));
        }
    }
    for ((goal, date), values) in &expected.progress {
        let request = pb::ListGoalProgressRequest {
            goal_id: goal.to_string(),
            page_size: 1_000,
            ..Default::default()
        };
        let found = client.list_goal_progress(of(tenant, request)).await;
        let found = match found {
            Ok(found) => found.into_inner().progress,
            Err(status) => {
                let code = status.code();
                wrong.push(format!("what goal {goal} reached cannot be read: {code}"));
                continue;
            }
        };
        let found: Vec<_> = found.iter().filter(|day| day.date == *date).collect();
        let value = found.first().map(|day| day.value);
        if found.len() > 1 || !allowed(values).contains(&value) {
            wrong.push(format!(
                "goal {goal} reached {value:?} on {date}: {values:?}"
            ));
        }
    }
    wrong
}

/// The values that the day may have: the last that was acknowledged, or one that may be there and
/// came after it.
fn allowed(values: &[(i64, Fate)]) -> Vec<Option<f64>> {
    let mut allowed = vec![None];
    for (value, fate) in values {
        if fate.is_done() {
            allowed.clear();
        }
        if fate.is_possible() {
            allowed.push(Some(as_double(*value)));
        }
    }
    allowed
}
