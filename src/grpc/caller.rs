//! What a call may reach. Handlers get the tenant from here and nowhere else, and only in
//! exchange for whom it is about: so none forgets that a user reaches what is its own alone.

use std::{future::Future, sync::Arc};

use serde::Serialize;
use tonic::{Request, Status};

use super::{PageTokens, status, token::ListTokens};
use crate::{
    auth::{Caller, Roles},
    domain::{
        ids::{SessionId, TenantId, UserId},
        ledger::Command,
        rejection::{Entity, Rejection},
        settings::TenantSettings,
    },
    store::{Error, Store, writer},
};

/// What a call may reach of its tenant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    tenant: TenantId,
    scope: Scope,
}

/// Whose data a call may reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Scope {
    Everyone,
    /// Others are as if they were not there.
    Only(UserId),
}

/// The access of a request that came through the gate.
pub fn of<T>(request: &Request<T>) -> Result<Access, Status> {
    let access = request.extensions().get::<Access>().copied();
    access.ok_or_else(|| status::unauthenticated("the tenant is not known"))
}

/// The tenant of a request that is about all of it. A user does not get here.
pub fn tenant_of<T>(request: &Request<T>) -> Result<TenantId, Status> {
    of(request)?.to_list(None)
}

impl Access {
    /// What `caller` may reach in a call that is open to these roles; `None` if nothing.
    pub fn of(caller: Caller, open_to: Roles) -> Option<Self> {
        let Caller {
            tenant,
            roles,
            user,
        } = caller;
        let scope = if roles.service && open_to.service || roles.admin && open_to.admin {
            Scope::Everyone
        } else if roles.user && open_to.user {
            Scope::Only(user?)
        } else {
            return None;
        };
        Some(Self { tenant, scope })
    }

    /// The tenant, for a request about a user.
    pub fn about(&self, user: UserId) -> Result<TenantId, Rejection> {
        if self.reaches(user) {
            Ok(self.tenant)
        } else {
            Err(Rejection::NotFound(Entity::User))
        }
    }

    /// Whose rows a list has: those of the user asked for, or of all within reach.
    pub fn narrowed(&self, asked: Option<UserId>) -> Option<UserId> {
        match self.scope {
            Scope::Everyone => asked,
            Scope::Only(own) => asked.or(Some(own)),
        }
    }

    /// The tenant, for a list of a user's rows, or of everyone's.
    pub fn to_list(self, of: Option<UserId>) -> Result<TenantId, Status> {
        match (of, self.scope) {
            (Some(user), _) => Ok(self.about(user)?),
            (None, Scope::Everyone) => Ok(self.tenant),
            (None, Scope::Only(_)) => Err(status::role_needed(Roles::EVERYTHING)),
        }
    }

    /// The tokens of a list: those that a user is given are good for that user alone, and
    /// anybody else's are as if they were forged.
    pub fn list_tokens(
        &self,
        tokens: &PageTokens,
        method: &str,
        filter: &impl Serialize,
    ) -> ListTokens {
        match self.scope {
            Scope::Everyone => tokens.of_list(self.tenant, method, filter),
            Scope::Only(user) => tokens.of_list(self.tenant, method, &(user, filter)),
        }
    }

    /// What is read by an id, if its owner is within reach.
    pub async fn find<T, R: Future<Output = Result<Option<T>, Error>>>(
        &self,
        read: impl FnOnce(TenantId) -> R,
        owner: impl FnOnce(&T) -> UserId,
    ) -> Result<Option<T>, Error> {
        let found = read(self.tenant).await?;
        Ok(found.filter(|found| self.reaches(owner(found))))
    }

    /// The tenant, and those of the sessions that are there and within reach, with their users.
    pub async fn owners(
        &self,
        store: &Arc<dyn Store>,
        sessions: Vec<SessionId>,
    ) -> Result<(TenantId, Vec<(SessionId, UserId)>), Error> {
        let mut owners = store.list_owners(self.tenant, sessions).await?;
        owners.retain(|(_, user)| self.reaches(*user));
        Ok((self.tenant, owners))
    }

    /// The tenant, for a request about a session.
    pub async fn about_session(
        &self,
        store: &Arc<dyn Store>,
        session: SessionId,
    ) -> Result<TenantId, Error> {
        if self.scope == Scope::Everyone {
            return Ok(self.tenant);
        }
        let (tenant, owners) = self.owners(store, vec![session]).await?;
        match owners.first() {
            Some(_) => Ok(tenant),
            None => Err(Rejection::NotFound(Entity::Session).into()),
        }
    }

    /// Carries out a command on a session: as its user, or as the one user within reach, for
    /// whom the ledger has no session of another.
    pub async fn submit_for<C: Command>(
        &self,
        writer: &writer::Handle,
        session: SessionId,
        command: impl Fn(UserId) -> C,
    ) -> Result<C::Outcome, Error> {
        match self.scope {
            Scope::Everyone => writer.submit_for(self.tenant, session, command).await,
            Scope::Only(user) => writer.submit(self.tenant, command(user)).await,
        }
    }

    /// The tenant's settings, which are nobody's own.
    pub async fn settings(&self, store: &Arc<dyn Store>) -> Result<TenantSettings, Error> {
        store.get_settings(self.tenant).await
    }

    /// Whose places, rate and names the call counts for, whomever it is about.
    pub const fn counted_for(&self) -> TenantId {
        self.tenant
    }

    /// Whether the call may be answered with what is of all users together.
    pub fn reaches_everyone(&self) -> bool {
        self.scope == Scope::Everyone
    }

    fn reaches(&self, user: UserId) -> bool {
        match self.scope {
            Scope::Everyone => true,
            Scope::Only(own) => own == user,
        }
    }
}
