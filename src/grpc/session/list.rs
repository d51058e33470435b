//! `ListSessions` and `ListActivities`.

use tonic::Status;

use crate::{
    domain::{
        ids::{ActivityId, SessionId},
        rejection::{Entity, Rejection},
        time::Timestamp,
    },
    grpc::{
        Context,
        caller::Access,
        convert::{self, Check},
    },
    pb::v1 as pb,
};

pub async fn sessions(
    context: &Context,
    access: Access,
    request: &pb::ListSessionsRequest,
) -> Result<pb::ListSessionsResponse, Status> {
    let mut check = Check::default();
    let mut filter = convert::session_filter(&mut check, request);
    filter.user_id = access.narrowed(filter.user_id);
    let limit = convert::page_size(&mut check, request.page_size);
    let tokens = access.list_tokens(&context.tokens, "ListSessions", &filter);
    let after = tokens.open(&mut check, "page_token", &request.page_token);
    let after = after.map(|(time, id)| (Timestamp::from_micros(time), SessionId(id)));
    check.done(())?;

    let tenant = access.to_list(filter.user_id)?;
    let now = context.now();
    let totals = if request.include_totals {
        let sums = context
            .store
            .sum_sessions(tenant, filter.clone(), now)
            .await?;
        Some(convert::session_totals(sums))
    } else {
        None
    };
    let page = context
        .store
        .list_sessions(tenant, filter, after, limit, now)
        .await?;
    Ok(pb::ListSessionsResponse {
        sessions: page.items.into_iter().map(convert::session).collect(),
        next_page_token: page
            .next
            .map_or_else(String::new, |(time, id)| tokens.seal((time.micros(), id.0))),
        totals,
    })
}

pub async fn activities(
    context: &Context,
    access: Access,
    request: &pb::ListActivitiesRequest,
) -> Result<pb::ListActivitiesResponse, Status> {
    let mut check = Check::default();
    let session = SessionId(check.uuid("session_id", &request.session_id));
    let limit = convert::page_size(&mut check, request.page_size);
    let tokens = access.list_tokens(&context.tokens, "ListActivities", &session);
    let after = tokens.open(&mut check, "page_token", &request.page_token);
    let after = after.map(|(time, id)| (Timestamp::from_micros(time), ActivityId(id)));
    check.done(())?;

    let tenant = access.about_session(&context.store, session).await?;
    let page = context
        .store
        .list_activities(tenant, session, after, limit)
        .await?
        .ok_or(Rejection::NotFound(Entity::Session))?;
    Ok(pb::ListActivitiesResponse {
        activities: page.items.into_iter().map(convert::activity).collect(),
        next_page_token: page
            .next
            .map_or_else(String::new, |(time, id)| tokens.seal((time.micros(), id.0))),
    })
}
