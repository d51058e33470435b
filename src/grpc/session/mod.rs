//! `SessionService`.

mod list;
mod revoke;
pub mod watch;

use futures::stream::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use super::{
    Context,
    caller::{self, Access},
    convert, stream,
};
use crate::{
    domain::{
        commands::{EndSession, Heartbeat, PauseSession, ResumeSession},
        ids::{SessionId, UserId},
        ledger::Command,
        rejection::{Entity, Rejection},
        session::SessionView,
    },
    pb::v1::{self as pb, session_service_server::SessionService},
};

/// Heartbeats of one stream that are under way at once.
const HEARTBEATS: usize = 256;

/// The service, and what it needs.
#[derive(Clone)]
pub struct Sessions(pub Context);

#[tonic::async_trait]
impl SessionService for Sessions {
    async fn start_session(
        &self,
        request: Request<pb::StartSessionRequest>,
    ) -> Result<Response<pb::StartSessionResponse>, Status> {
        let access = caller::of(&request)?;
        let client_type = request.get_ref().client_type.clone();
        let command = match convert::start_session(request.into_inner(), || self.0.new_id()) {
            Ok(command) => command,
            Err(rejection) => {
                return Err(self.with_client_type(access, client_type, rejection).await);
            }
        };
        let tenant = access.about(command.user_id)?;
        let started = self.0.writer.submit(tenant, command).await?;
        let session = &started.view.session;
        self.0.writer.remember(tenant, session.id, session.user_id);
        let evicted = started.evicted.iter().map(ToString::to_string);
        Ok(Response::new(pb::StartSessionResponse {
            session: Some(convert::session(started.view)),
            created: started.created,
            evicted_session_ids: evicted.collect(),
        }))
    }

    async fn end_session(
        &self,
        request: Request<pb::EndSessionRequest>,
    ) -> Result<Response<pb::EndSessionResponse>, Status> {
        let access = caller::of(&request)?;
        let now = self.0.now();
        let (id, review, end_time) = convert::end_session(request.into_inner(), now)?;
        let result = review.result.as_ref();
        self.0.names.of_result(access.counted_for(), result, now)?;
        let command = |user_id| EndSession {
            user_id,
            session_id: id,
            review: review.clone(),
            end_time,
        };
        let ended = access.submit_for(&self.0.writer, id, command).await?;
        Ok(Response::new(pb::EndSessionResponse {
            session: Some(convert::session(ended.view)),
            already_ended: ended.already,
        }))
    }

    async fn record_session(
        &self,
        request: Request<pb::RecordSessionRequest>,
    ) -> Result<Response<pb::RecordSessionResponse>, Status> {
        let access = caller::of(&request)?;
        let client_type = request.get_ref().client_type.clone();
        let now = self.0.now();
        let command = match convert::record_session(request.into_inner(), now, || self.0.new_id()) {
            Ok(command) => command,
            Err(rejection) => {
                return Err(self.with_client_type(access, client_type, rejection).await);
            }
        };
        let tenant = access.about(command.user_id)?;
        let result = command.review.result.as_ref();
        self.0.names.of_result(tenant, result, now)?;
        let recorded = self.0.writer.submit(tenant, command).await?;
        Ok(Response::new(pb::RecordSessionResponse {
            session: Some(convert::session(recorded.view)),
            created: recorded.created,
        }))
    }

    async fn heartbeat(
        &self,
        request: Request<pb::HeartbeatRequest>,
    ) -> Result<Response<pb::HeartbeatResponse>, Status> {
        let access = caller::of(&request)?;
        let session_id = request.into_inner().session_id;
        let view = heartbeat(&self.0, access, &session_id).await?;
        Ok(Response::new(pb::HeartbeatResponse {
            state: convert::state(view.session.state()).into(),
            last_active_time: Some(convert::timestamp(view.session.last_active_at)),
            expire_time: view.expires_at.map(convert::timestamp),
        }))
    }

    type StreamHeartbeatsStream = BoxStream<'static, Result<pb::StreamHeartbeatsResponse, Status>>;

    async fn stream_heartbeats(
        &self,
        request: Request<Streaming<pb::StreamHeartbeatsRequest>>,
    ) -> Result<Response<Self::StreamHeartbeatsStream>, Status> {
        let access = caller::of(&request)?;
        let mut context = self.0.clone();
        context.writer = context.writer.patient();
        let stopping = context.stopping.clone();
        let answers = stream::answer_each(
            request.into_inner(),
            stopping,
            context.stream_idle,
            HEARTBEATS,
            move |message: pb::StreamHeartbeatsRequest| {
                let context = context.clone();
                async move {
                    let id = message.session_id;
                    let answer = heartbeat(&context, access, &id).await;
                    streamed_heartbeat(id, answer)
                }
            },
        );
        Ok(Response::new(Box::pin(answers)))
    }

    async fn pause_session(
        &self,
        request: Request<pb::PauseSessionRequest>,
    ) -> Result<Response<pb::PauseSessionResponse>, Status> {
        let access = caller::of(&request)?;
        let command = |user_id, session_id| PauseSession {
            user_id,
            session_id,
        };
        let session_id = &request.get_ref().session_id;
        let view = on_session(&self.0, access, session_id, command).await?;
        Ok(Response::new(pb::PauseSessionResponse {
            session: Some(convert::session(view)),
        }))
    }

    async fn resume_session(
        &self,
        request: Request<pb::ResumeSessionRequest>,
    ) -> Result<Response<pb::ResumeSessionResponse>, Status> {
        let access = caller::of(&request)?;
        let command = |user_id, session_id| ResumeSession {
            user_id,
            session_id,
        };
        let session_id = &request.get_ref().session_id;
        let view = on_session(&self.0, access, session_id, command).await?;
        Ok(Response::new(pb::ResumeSessionResponse {
            session: Some(convert::session(view)),
        }))
    }

    async fn get_session(
        &self,
        request: Request<pb::GetSessionRequest>,
    ) -> Result<Response<pb::GetSessionResponse>, Status> {
        let access = caller::of(&request)?;
        let id = convert::session_id(&request.get_ref().session_id)?;
        let read = |tenant| self.0.store.get_session(tenant, id, self.0.now());
        let view = access.find(read, |view| view.session.user_id).await?;
        let view = view.ok_or(Rejection::NotFound(Entity::Session))?;
        Ok(Response::new(pb::GetSessionResponse {
            session: Some(convert::session(view)),
        }))
    }

    async fn list_sessions(
        &self,
        request: Request<pb::ListSessionsRequest>,
    ) -> Result<Response<pb::ListSessionsResponse>, Status> {
        let access = caller::of(&request)?;
        let answer = list::sessions(&self.0, access, request.get_ref()).await?;
        Ok(Response::new(answer))
    }

    async fn revoke_sessions(
        &self,
        request: Request<pb::RevokeSessionsRequest>,
    ) -> Result<Response<pb::RevokeSessionsResponse>, Status> {
        let access = caller::of(&request)?;
        let answer = revoke::sessions(&self.0, access, request.get_ref()).await?;
        Ok(Response::new(answer))
    }

    type WatchSessionsStream = BoxStream<'static, Result<pb::WatchSessionsResponse, Status>>;

    async fn watch_sessions(
        &self,
        request: Request<pb::WatchSessionsRequest>,
    ) -> Result<Response<Self::WatchSessionsStream>, Status> {
        let access = caller::of(&request)?;
        let events = watch::sessions(&self.0, access, request.get_ref()).await?;
        Ok(Response::new(events))
    }

    async fn log_activity(
        &self,
        request: Request<pb::LogActivityRequest>,
    ) -> Result<Response<pb::LogActivityResponse>, Status> {
        let access = caller::of(&request)?;
        let now = self.0.now();
        let (id, command) = convert::log_activity(request.into_inner(), now, || self.0.new_id())?;
        let activity = access.submit_for(&self.0.writer, id, command).await?;
        Ok(Response::new(pb::LogActivityResponse {
            activity: Some(convert::activity(activity)),
        }))
    }

    async fn list_activities(
        &self,
        request: Request<pb::ListActivitiesRequest>,
    ) -> Result<Response<pb::ListActivitiesResponse>, Status> {
        let access = caller::of(&request)?;
        let answer = list::activities(&self.0, access, request.get_ref()).await?;
        Ok(Response::new(answer))
    }
}

impl Sessions {
    /// A request that is wrong in itself is told of its client type too, though only the
    /// tenant's settings know that.
    async fn with_client_type(
        &self,
        access: Access,
        client_type: String,
        rejection: Rejection,
    ) -> Status {
        let Rejection::Invalid(mut violations) = rejection else {
            return rejection.into();
        };
        let told = violations.iter().any(|v| v.field == "client_type");
        if !told {
            let client_type = match &*client_type {
                "" => convert::DEFAULT_CLIENT_TYPE,
                given => given,
            };
            match access.settings(&self.0.store).await {
                Ok(settings) => violations.extend(settings.client_type_violation(client_type)),
                Err(error) => return error.into(),
            }
        }
        Rejection::Invalid(violations).into()
    }
}

async fn heartbeat(
    context: &Context,
    access: Access,
    session_id: &str,
) -> Result<SessionView, Status> {
    let command = |user_id, session_id| Heartbeat {
        user_id,
        session_id,
    };
    on_session(context, access, session_id, command).await
}

/// Carries out a command that needs nothing but the session.
async fn on_session<C: Command<Outcome = SessionView>>(
    context: &Context,
    access: Access,
    session_id: &str,
    command: impl Fn(UserId, SessionId) -> C,
) -> Result<SessionView, Status> {
    let id = convert::session_id(session_id)?;
    let command = |user| command(user, id);
    Ok(access.submit_for(&context.writer, id, command).await?)
}

fn streamed_heartbeat(
    session_id: String,
    answer: Result<SessionView, Status>,
) -> pb::StreamHeartbeatsResponse {
    match answer {
        Ok(view) => pb::StreamHeartbeatsResponse {
            session_id,
            code: stream::OK,
            message: String::new(),
            state: convert::state(view.session.state()).into(),
            expire_time: view.expires_at.map(convert::timestamp),
        },
        Err(status) => {
            let (code, message) = stream::code_and_message(&status);
            pb::StreamHeartbeatsResponse {
                session_id,
                code,
                message,
                ..pb::StreamHeartbeatsResponse::default()
            }
        }
    }
}
