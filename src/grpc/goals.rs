//! `GoalService`.

use tonic::{Request, Response, Status};

use super::{
    Context,
    caller::{self, Access},
    convert::{self, Check},
    token,
};
use crate::{
    domain::{
        commands::{DeleteGoal, UpdateGoal},
        goal::GoalView,
        ids::{GoalId, UserId},
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
        let access = caller::of(&request)?;
        let command = convert::create_goal(request.into_inner(), || self.0.new_id())?;
        let tenant = access.about(command.user_id)?;
        let goal = self.0.writer.submit(tenant, command).await?;
        Ok(Response::new(pb::CreateGoalResponse {
            goal: Some(convert::goal(goal)),
        }))
    }

    async fn get_goal(
        &self,
        request: Request<pb::GetGoalRequest>,
    ) -> Result<Response<pb::GetGoalResponse>, Status> {
        let access = caller::of(&request)?;
        let id = convert::goal_id(&request.get_ref().goal_id)?;
        let goal = self.find(access, id).await?;
        Ok(Response::new(pb::GetGoalResponse {
            goal: Some(convert::goal(goal)),
        }))
    }

    async fn list_goals(
        &self,
        request: Request<pb::ListGoalsRequest>,
    ) -> Result<Response<pb::ListGoalsResponse>, Status> {
        let access = caller::of(&request)?;
        let request = request.into_inner();
        let mut check = Check::default();
        let filter = convert::goal_filter(&mut check, &request);
        let limit = convert::page_size(&mut check, request.page_size);
        let tokens = access.list_tokens(&self.0.tokens, "ListGoals", &filter);
        let after = tokens.open(&mut check, "page_token", &request.page_token);
        let after = check.done(after)?.map(token::date_and_id).transpose()?;
        let after = after.map(|(target, id)| (target, GoalId(id)));

        let tenant = access.about(filter.user_id)?;
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
        let access = caller::of(&request)?;
        let (goal_id, patch) = convert::update_goal(request.into_inner())?;
        let command = |user_id| UpdateGoal {
            user_id,
            goal_id,
            patch,
        };
        let goal = self.on_goal(access, goal_id, command).await?;
        Ok(Response::new(pb::UpdateGoalResponse {
            goal: Some(convert::goal(goal)),
        }))
    }

    async fn delete_goal(
        &self,
        request: Request<pb::DeleteGoalRequest>,
    ) -> Result<Response<pb::DeleteGoalResponse>, Status> {
        let access = caller::of(&request)?;
        let (goal_id, abandon) = convert::delete_goal(request.get_ref())?;
        let command = |user_id| DeleteGoal {
            user_id,
            goal_id,
            abandon,
        };
        self.on_goal(access, goal_id, command).await?;
        Ok(Response::new(pb::DeleteGoalResponse {}))
    }

    async fn record_goal_progress(
        &self,
        request: Request<pb::RecordGoalProgressRequest>,
    ) -> Result<Response<pb::RecordGoalProgressResponse>, Status> {
        let access = caller::of(&request)?;
        let (goal_id, command) = convert::record_goal_progress(request.into_inner())?;
        let recorded = self.on_goal(access, goal_id, command).await?;
        Ok(Response::new(pb::RecordGoalProgressResponse {
            progress: Some(convert::goal_progress(recorded.progress)),
            goal: Some(convert::goal(recorded.goal)),
        }))
    }

    async fn list_goal_progress(
        &self,
        request: Request<pb::ListGoalProgressRequest>,
    ) -> Result<Response<pb::ListGoalProgressResponse>, Status> {
        let access = caller::of(&request)?;
        let request = request.into_inner();
        let mut check = Check::default();
        let goal = GoalId(check.uuid("goal_id", &request.goal_id));
        let limit = convert::page_size(&mut check, request.page_size);
        let tokens = access.list_tokens(&self.0.tokens, "ListGoalProgress", &goal);
        let after = tokens.open(&mut check, "page_token", &request.page_token);
        let after = check.done(after)?.map(token::date_and_id).transpose()?;
        let after = after.map(|(last, _)| last);

        let owner = self.find(access, goal).await?.goal.user_id;
        let tenant = access.about(owner)?;
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
    async fn find(&self, access: Access, id: GoalId) -> Result<GoalView, Status> {
        let (store, now) = (&self.0.store, self.0.now());
        let read = |tenant| store.get_goal(tenant, id, now);
        let goal = access.find(read, |found| found.goal.user_id).await?;
        Ok(goal.ok_or(Rejection::NotFound(Entity::Goal))?)
    }

    /// Carries out a command on a goal for the user whose goal it is.
    async fn on_goal<C: Command>(
        &self,
        access: Access,
        id: GoalId,
        command: impl FnOnce(UserId) -> C,
    ) -> Result<C::Outcome, Status> {
        let user = self.find(access, id).await?.goal.user_id;
        let tenant = access.about(user)?;
        Ok(self.0.writer.submit(tenant, command(user)).await?)
    }
}
