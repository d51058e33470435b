//! `dwell demo`: a believable year of a few tenants, written through the API of a dwell that is
//! running.
//!
//! [`cast`] says who there is, [`person`] what somebody does on a day and [`goals`] what they
//! want; [`fill`] makes calls of it. All ids follow from the seed, so what is there already is
//! not written twice.

mod cast;
mod client;
mod fill;
mod goals;
mod person;
#[cfg(test)]
mod tests;

use std::{
    error::Error,
    io::{self, Write},
};

use chrono::NaiveDate;
use tonic::{Code, Status};
use uuid::Uuid;

use self::{
    cast::{COMPANIES, Company},
    person::Person,
};
use crate::{
    config::DemoArgs,
    domain::time::{Clock, SystemClock, Timestamp},
};

type Done<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// One tenant of the demo, when it is.
struct Scene<'a> {
    company: &'a Company,
    tenant: Uuid,
    people: Vec<Person>,
    now: Timestamp,
    /// The tenant's local day.
    today: NaiveDate,
    days: u64,
}

impl<'a> Scene<'a> {
    fn new(company: &'a Company, args: &DemoArgs, now: Timestamp) -> Self {
        let name = format!("dwell demo {} {}", args.seed, company.name);
        let tenant = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes());
        Self {
            company,
            tenant,
            people: (0..company.users)
                .map(|number| Person::new(tenant, number))
                .collect(),
            now,
            today: now.to_utc().with_timezone(&company.zone).date_naive(),
            days: args.days.into(),
        }
    }
}

/// Fills the dwell at `args.address`, and tells what to look at.
///
/// # Errors
/// Fails if the server does not answer or refuses something.
pub async fn run(args: &DemoArgs) -> Done<()> {
    let channel = client::connect(args).await?;
    let now = SystemClock.now();
    let mut scenes = Vec::new();
    for company in &COMPANIES {
        let scene = Scene::new(company, args, now);
        let client = client::Client::new(&channel, args, scene.tenant)?;
        let filled = fill::fill(&scene, client).await;
        filled.map_err(|status| explain(company, &status))?;
        let (tenant, users) = (scene.tenant, scene.people.len());
        let Company { name, zone, .. } = company;
        writeln!(io::stdout(), "{tenant}  {name}, {users} users, {zone}")?;
        scenes.push(scene);
    }
    if let Some(scene) = scenes.first() {
        suggest(args, scene)?;
    }
    Ok(())
}

fn explain(company: &Company, status: &Status) -> String {
    let hint = match status.code() {
        Code::Unauthenticated | Code::PermissionDenied => {
            "; does --jwt-secret-file name the secret that it serves with?"
        }
        Code::AlreadyExists => "; another dwell's demo is there: choose another --seed",
        Code::Unavailable | Code::ResourceExhausted => "; run it again to go on",
        _ => "",
    };
    let (name, said) = (company.name, status.message());
    format!("{name}: {said}{hint}")
}

/// What to ask of a tenant.
fn suggest(args: &DemoArgs, scene: &Scene<'_>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let Some(person) = scene.people.first() else {
        return Ok(());
    };
    let (tenant, user, today) = (scene.tenant, person.id, scene.today);
    let first = today - chrono::Days::new(scene.days);
    let over = args.tls_ca.as_ref().map_or_else(
        || "-plaintext".to_owned(),
        |roots| format!("-cacert {}", roots.display()),
    );
    let caller = args.jwt_secret_file.as_ref().map_or_else(
        || format!("-H 'x-tenant-id: {tenant}'"),
        |file| {
            let file = file.display();
            format!(
                "-H \"authorization: Bearer $(dwell token --jwt-secret-file {file} \
                 --tenant {tenant} --role service)\""
            )
        },
    );
    let at = args
        .address
        .authority()
        .map_or("", |authority| authority.as_str());
    let calls = [
        (
            "InsightsService/GetUserStatistics",
            format!("{{\"user_id\": \"{user}\"}}"),
        ),
        (
            "UsageStatsService/GetTenantUsageReport",
            format!(
                "{{\"start_date\": \"{first}\", \"end_date\": \"{today}\", \
                 \"granularity\": \"GRANULARITY_MONTH\"}}"
            ),
        ),
    ];
    writeln!(out, "\nTry:")?;
    for (method, request) in calls {
        writeln!(
            out,
            "grpcurl {over} {caller} \\\n    -d '{request}' \\\n    {at} dwell.v1.{method}"
        )?;
    }
    Ok(())
}
