//! `RevokeSessions`: each user's sessions are one write.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};
use tonic::Status;

use crate::{
    domain::{
        commands::RevokeSessions,
        ids::{SessionId, TenantId, UserId},
        session::{SessionFilter, SessionState},
    },
    grpc::{
        Context,
        caller::Access,
        convert::{self, Revoke},
    },
    pb::v1 as pb,
    store::Error,
};

/// Reads or writes of one call that are under way at once.
const WINDOW: usize = 8;
const PAGE: usize = 1_000;

pub async fn sessions(
    context: &Context,
    access: Access,
    request: &pb::RevokeSessionsRequest,
) -> Result<pb::RevokeSessionsResponse, Status> {
    let (what, except) = convert::revoke_sessions(request)?;
    let mut ids = match what {
        Revoke::OfUser(user) => {
            let tenant = access.about(user)?;
            if request.dry_run {
                open_of_user(context, tenant, user).await?
            } else {
                revoke(context, tenant, user, None, except).await?
            }
        }
        Revoke::These(ids) => {
            let (tenant, owned) = access.owners(&context.store, ids).await?;
            if request.dry_run {
                open_of(context, tenant, owned).await?
            } else {
                revoke_these(context, tenant, owned, except).await?
            }
        }
    };
    ids.retain(|id| Some(*id) != except);
    ids.sort();
    Ok(pb::RevokeSessionsResponse {
        revoked_count: i64::try_from(ids.len()).unwrap_or(i64::MAX),
        session_ids: ids.iter().map(ToString::to_string).collect(),
    })
}

async fn revoke(
    context: &Context,
    tenant: TenantId,
    user_id: UserId,
    session_ids: Option<Vec<SessionId>>,
    except: Option<SessionId>,
) -> Result<Vec<SessionId>, Error> {
    let command = RevokeSessions {
        user_id,
        session_ids,
        except,
    };
    let revoked = context.writer.submit(tenant, command).await?;
    Ok(revoked.session_ids)
}

async fn revoke_these(
    context: &Context,
    tenant: TenantId,
    owned: Vec<(SessionId, UserId)>,
    except: Option<SessionId>,
) -> Result<Vec<SessionId>, Error> {
    let mut by_user: BTreeMap<UserId, Vec<SessionId>> = BTreeMap::new();
    for (session, user) in owned {
        by_user.entry(user).or_default().push(session);
    }
    let writes = by_user
        .into_iter()
        .map(|(user, ids)| revoke(context, tenant, user, Some(ids), except));
    let revoked: Vec<_> = stream::iter(writes)
        .buffer_unordered(WINDOW)
        .try_collect()
        .await?;
    Ok(revoked.concat())
}

async fn open_of_user(
    context: &Context,
    tenant: TenantId,
    user: UserId,
) -> Result<Vec<SessionId>, Error> {
    let filter = SessionFilter {
        user_id: Some(user),
        states: vec![SessionState::Active, SessionState::Paused],
        ..SessionFilter::default()
    };
    let now = context.now();
    let mut ids = Vec::new();
    let mut after = None;
    loop {
        let page = context
            .store
            .list_sessions(tenant, filter.clone(), after, PAGE, now)
            .await?;
        ids.extend(page.items.iter().map(|view| view.session.id));
        after = page.next;
        if after.is_none() {
            return Ok(ids);
        }
    }
}

async fn open_of(
    context: &Context,
    tenant: TenantId,
    owned: Vec<(SessionId, UserId)>,
) -> Result<Vec<SessionId>, Error> {
    let now = context.now();
    let reads = owned
        .into_iter()
        .map(|(id, _)| context.store.get_session(tenant, id, now));
    let views: Vec<_> = stream::iter(reads)
        .buffer_unordered(WINDOW)
        .try_collect()
        .await?;
    let open = views
        .into_iter()
        .flatten()
        .filter(|view| view.session.is_open());
    Ok(open.map(|view| view.session.id).collect())
}
