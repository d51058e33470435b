//! `TenantService`.

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
        _: Request<pb::ExportUserDataRequest>,
    ) -> Result<Response<Self::ExportUserDataStream>, Status> {
        Err(Status::unimplemented("ExportUserData is not there yet"))
    }

    async fn delete_user_data(
        &self,
        _: Request<pb::DeleteUserDataRequest>,
    ) -> Result<Response<pb::DeleteUserDataResponse>, Status> {
        Err(Status::unimplemented("DeleteUserData is not there yet"))
    }

    async fn purge_sessions(
        &self,
        _: Request<pb::PurgeSessionsRequest>,
    ) -> Result<Response<pb::PurgeSessionsResponse>, Status> {
        Err(Status::unimplemented("PurgeSessions is not there yet"))
    }
}
