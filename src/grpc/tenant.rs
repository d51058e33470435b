//! Who is calling. The interceptor verifies the tenant and attaches it; handlers take it from
//! there and nowhere else.

use tonic::{Request, Status, metadata::MetadataMap};
use uuid::Uuid;

use super::status;
use crate::domain::ids::TenantId;

/// The metadata key that names the tenant.
pub const TENANT_KEY: &str = "x-tenant-id";

/// Attaches the tenant that `x-tenant-id` names.
pub fn require_tenant(mut request: Request<()>) -> Result<Request<()>, Status> {
    let id = named(request.metadata()).map_err(status::unauthenticated)?;
    tracing::Span::current().record("tenant", tracing::field::display(id));
    request.extensions_mut().insert(verified(id));
    Ok(request)
}

/// The tenant of a request that came through the interceptor.
pub fn of<T>(request: &Request<T>) -> Result<TenantId, Status> {
    let tenant = request.extensions().get::<TenantId>().copied();
    tenant.ok_or_else(|| status::unauthenticated("the tenant is not known"))
}

fn named(metadata: &MetadataMap) -> Result<Uuid, &'static str> {
    let mut values = metadata.get_all(TENANT_KEY).iter();
    let value = values.next().ok_or("x-tenant-id is required")?;
    if values.next().is_some() {
        return Err("x-tenant-id must be given once");
    }
    let text = value.to_str().unwrap_or_default();
    let id = Uuid::try_parse(text).ok();
    id.filter(|id| text.len() == 36 && !id.is_nil())
        .ok_or("x-tenant-id must be a UUID")
}

#[expect(clippy::disallowed_methods, reason = "this is the interceptor")]
const fn verified(id: Uuid) -> TenantId {
    TenantId::from_verified(id)
}
