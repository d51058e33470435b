//! `GoalService`.

use tonic::{Request, Response, Status};

use super::{
    Context,
    convert::{self, Check},
    tenant, token,
};
use crate::{
    domain::{
        commands::{DeleteGoal, UpdateGoal},
        ids::{GoalId, TenantId, UserId},
        ledger::Command,
        rejection::{Entity, Rejection},
    },
    pb::v1::{self as pb, goal_service_server::GoalService},
};

/// The service, and what it needs.
#[derive(Clone)]
pub struct Goals(pub Context);

#[tonic::async_trait]
impl GoalService for Goals {
    async fn create_goal(
        &self,
        request: Request<pb::CreateGoalRequest>,
    ) -> Result<Response<pb::CreateGoalResponse>, Status> {
        let tenant = tenant::of(&request)?;
        let command = convert::create_goal(request.into_inner(), || self.0.new_id())?;
        let goal = self.0.writer.submit(tenant, command).await?;
        Ok(Response::new(pb::CreateGoalResponse {
            goal: Some(convert::goal(goal)),
        }))
    }

    async fn get_goal(
        &self,
        request: Request<pb::GetGoalRequest>,
    ) -> Result<Response<pb::GetGoalResponse>, Status> {
        let tenant = tenant::of(&request)?;
        let id = convert::goal_id(&request.get_ref().goal_id)?;
        let goal = self.0.store.get_goal(tenant, id, self.0.now()).await?;
        let goal = goal.ok_or(Rejection::NotFound(Entity::Goal))?;
        Ok(Response::new(pb::GetGoalResponse {
            goal: Some(convert::goal(goal)),
        }))
    }

    async fn list_goals(
        &self,
        request: Request<pb::ListGoalsRequest>,
    ) -> Result<Response<pb::ListGoalsResponse>, Status> {
        let tenant = tenant::of(&request)?;
        let request = request.into_inner();
        let mut check = Check::default();
        let filter = convert::goal_filter(&mut check, &request);
        let limit = convert::page_size(&mut check, request.page_size);
        let tokens = self.0.tokens.of_list(tenant, "ListGoals", &filter);
        let after = tokens.open(&mut check, "page_token", &request.page_token);
        let after = check.done(after)?.map(token::date_and_id).transpose()?;
        let after = after.map(|(target, id)| (target, GoalId(id)));

        let store = &self.0.store;
        let page = store
            .list_goals(tenant, filter, after, limit, self.0.now())
            .await?;
        Ok(Response::new(pb::ListGoalsResponse {
            goals: page.items.into_iter().map(convert::goal).collect(),
            next_page_token: page.next.map_or_else(String::new, |(target, id)| {
                tokens.seal(token::dated(target, id.0))
            }),
        }))
    }

    async fn update_goal(
        &self,
        request: Request<pb::UpdateGoalRequest>,
    ) -> Result<Response<pb::UpdateGoalResponse>, Status> {
        let tenant = tenant::of(&request)?;
        let (goal_id, patch) = convert::update_goal(request.into_inner())?;
        let command = |user_id| UpdateGoal {
            user_id,
            goal_id,
            patch,
        };
        let goal = self.on_goal(tenant, goal_id, command).await?;
        Ok(Response::new(pb::UpdateGoalResponse {
            goal: Some(convert::goal(goal)),
        }))
    }

    async fn delete_goal(
        &self,
        request: Request<pb::DeleteGoalRequest>,
    ) -> Result<Response<pb::DeleteGoalResponse>, Status> {
        let tenant = tenant::of(&request)?;
        let (goal_id, abandon) = convert::delete_goal(request.get_ref())?;
        let command = |user_id| DeleteGoal {
            user_id,
            goal_id,
            abandon,
        };
        self.on_goal(tenant, goal_id, command).await?;
        Ok(Response::new(pb::DeleteGoalResponse {}))
    }

    async fn record_goal_progress(
        &self,
        request: Request<pb::RecordGoalProgressRequest>,
    ) -> Result<Response<pb::RecordGoalProgressResponse>, Status> {
        let tenant = tenant::of(&request)?;
        let (goal_id, command) = convert::record_goal_progress(request.into_inner())?;
        let recorded = self.on_goal(tenant, goal_id, command).await?;
        Ok(Response::new(pb::RecordGoalProgressResponse {
            progress: Some(convert::goal_progress(recorded.progress)),
            goal: Some(convert::goal(recorded.goal)),
        }))
    }

    async fn list_goal_progress(
        &self,
        request: Request<pb::ListGoalProgressRequest>,
    ) -> Result<Response<pb::ListGoalProgressResponse>, Status> {
        let tenant = tenant::of(&request)?;
        let request = request.into_inner();
        let mut check = Check::default();
        let goal = GoalId(check.uuid("goal_id", &request.goal_id));
        let limit = convert::page_size(&mut check, request.page_size);
        let tokens = self.0.tokens.of_list(tenant, "ListGoalProgress", &goal);
        let after = tokens.open(&mut check, "page_token", &request.page_token);
        let after = check.done(after)?.map(token::date_and_id).transpose()?;
        let after = after.map(|(last, _)| last);

        let store = &self.0.store;
        let page = store.list_goal_progress(tenant, goal, after, limit).await?;
        let page = page.ok_or(Rejection::NotFound(Entity::Goal))?;
        Ok(Response::new(pb::ListGoalProgressResponse {
            progress: page.items.into_iter().map(convert::goal_progress).collect(),
            next_page_token: page
                .next
                .map_or_else(String::new, |last| tokens.seal(token::dated(last, goal.0))),
        }))
    }
}

impl Goals {
    /// Carries out a command on a goal for the user whose goal it is.
    async fn on_goal<C: Command>(
        &self,
        tenant: TenantId,
        id: GoalId,
        command: impl FnOnce(UserId) -> C,
    ) -> Result<C::Outcome, Status> {
        let goal = self.0.store.get_goal(tenant, id, self.0.now()).await?;
        let goal = goal.ok_or(Rejection::NotFound(Entity::Goal))?.goal;
        Ok(self.0.writer.submit(tenant, command(goal.user_id)).await?)
    }
}
