//! `TenantService`.

mod privacy;

use futures::stream::BoxStream;
use tonic::{Request, Response, Status};

use super::{Context, caller, convert};
use crate::{
    domain::commands::UpdateSettings,
    pb::v1::{self as pb, tenant_service_server::TenantService},
};

/// The service, and what it needs.
#[derive(Clone)]
pub struct Tenants(pub Context);

#[tonic::async_trait]
impl TenantService for Tenants {
    async fn get_tenant_settings(
        &self,
        request: Request<pb::GetTenantSettingsRequest>,
    ) -> Result<Response<pb::GetTenantSettingsResponse>, Status> {
        let tenant = caller::tenant_of(&request)?;
        let settings = self.0.store.get_settings(tenant).await?;
        Ok(Response::new(pb::GetTenantSettingsResponse {
            settings: Some(convert::tenant_settings(settings)),
        }))
    }

    async fn update_tenant_settings(
        &self,
        request: Request<pb::UpdateTenantSettingsRequest>,
    ) -> Result<Response<pb::UpdateTenantSettingsResponse>, Status> {
        let tenant = caller::tenant_of(&request)?;
        let patch = convert::settings_patch(request.into_inner())?;
        let command = UpdateSettings { patch };
        let settings = self.0.writer.submit(tenant, command).await?;
        Ok(Response::new(pb::UpdateTenantSettingsResponse {
            settings: Some(convert::tenant_settings(settings)),
        }))
    }

    type ExportUserDataStream = BoxStream<'static, Result<pb::ExportUserDataResponse, Status>>;

    async fn export_user_data(
        &self,
        request: Request<pb::ExportUserDataRequest>,
    ) -> Result<Response<Self::ExportUserDataStream>, Status> {
        let tenant = caller::tenant_of(&request)?;
        let user = convert::user_id(&request.get_ref().user_id)?;
        let chunks = privacy::export(&self.0, tenant, user).await?;
        Ok(Response::new(chunks))
    }

    async fn delete_user_data(
        &self,
        request: Request<pb::DeleteUserDataRequest>,
    ) -> Result<Response<pb::DeleteUserDataResponse>, Status> {
        let tenant = caller::tenant_of(&request)?;
        let deletion = privacy::delete(&self.0, tenant, request.get_ref()).await?;
        Ok(Response::new(deletion))
    }

    async fn purge_sessions(
        &self,
        request: Request<pb::PurgeSessionsRequest>,
    ) -> Result<Response<pb::PurgeSessionsResponse>, Status> {
        let tenant = caller::tenant_of(&request)?;
        let purged = privacy::purge(&self.0, tenant, request.into_inner()).await?;
        Ok(Response::new(purged))
    }
}
