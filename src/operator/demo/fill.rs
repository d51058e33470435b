//! Writes a tenant of the demo, many of its users at a time.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};
use futures::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;
use tonic::{Code, Status};

use super::{
    Scene,
    client::Client,
    goals::{self, Plan},
    person::{Day, Person, Visit, one_of, rng},
};
use crate::{
    domain::time::Timestamp,
    operator::progress,
    pb::v1::{
        CreateGoalRequest, GetUserUsageStatsRequest, GoalStatus, ImportUsageRequest,
        PauseSessionRequest, RecordUsageRequest, SessionState, StartSessionRequest, TenantSettings,
        UpdateTenantSettingsRequest,
    },
};

/// Users who are written at once; what one does keeps its order.
const USERS_AT_ONCE: usize = 64;
/// Sessions that are open stay so for a working day, if nothing more is heard of them.
const IDLE_TIMEOUT_SECONDS: i64 = 8 * 60 * 60;

/// What is written of one user.
struct Story<'a> {
    person: &'a Person,
    visits: Vec<Visit>,
    goals: Vec<Plan>,
    usage: Vec<RecordUsageRequest>,
}

impl Story<'_> {
    /// How many calls it takes.
    fn steps(&self) -> usize {
        let activities = self.visits.iter().map(|visit| visit.activities.len());
        self.visits.len() + activities.sum::<usize>() + self.goals.len() + self.usage.len()
    }
}

/// Writes what is not there yet.
///
/// # Errors
/// The first refusal; what was written stays, and is not written again.
pub async fn fill(scene: &Scene<'_>, mut client: Client) -> Result<(), Status> {
    let stories: Vec<_> = scene
        .people
        .iter()
        .map(|person| story(scene, person))
        .collect();
    let steps: usize = stories.iter().map(Story::steps).sum();
    let bar = progress::bar(scene.company.name, steps.try_into().unwrap_or(u64::MAX));

    let mask = ["time_zone", "idle_timeout"].map(String::from).to_vec();
    let settings = UpdateTenantSettingsRequest {
        settings: Some(TenantSettings {
            time_zone: scene.company.zone.to_string(),
            idle_timeout: Some(prost_types::Duration {
                seconds: IDLE_TIMEOUT_SECONDS,
                nanos: 0,
            }),
            ..TenantSettings::default()
        }),
        update_mask: Some(prost_types::FieldMask { paths: mask }),
    };
    client.settings.update_tenant_settings(settings).await?;
    let written = stories.into_iter().map(|story| {
        let (client, bar) = (client.clone(), &bar);
        async move { write(scene, client, story, bar).await }
    });
    let usage: Vec<_> = stream::iter(written)
        .buffer_unordered(USERS_AT_ONCE)
        .try_collect()
        .await?;
    import(&mut client, usage.concat(), &bar).await?;
    bar.finish_and_clear();
    Ok(())
}

fn story<'a>(scene: &Scene<'_>, person: &'a Person) -> Story<'a> {
    let first = person.first_day(scene.today, scene.days);
    let dates = first.iter_days().take_while(|date| *date <= scene.today);
    let (mut visits, mut usage) = (Vec::new(), Vec::new());
    for date in dates {
        let day: Day = person.day(scene.company, date);
        // What is still to come today is for the next run.
        visits.extend(
            day.visits
                .into_iter()
                .filter(|visit| is_over(visit, scene.now)),
        );
        usage.extend(day.usage.filter(|_| date < scene.today));
    }
    Story {
        person,
        visits,
        goals: goals::plans(person, scene.company, scene.today),
        usage,
    }
}

fn is_over(visit: &Visit, now: Timestamp) -> bool {
    let start = visit.session.start_time.map_or(0, |time| time.seconds);
    let seconds = visit.session.duration.map_or(0, |length| length.seconds);
    start + seconds < now.to_utc().timestamp()
}

/// Writes all but the usage, in order, and returns the usage that is not there yet.
async fn write(
    scene: &Scene<'_>,
    mut client: Client,
    story: Story<'_>,
    bar: &ProgressBar,
) -> Result<Vec<RecordUsageRequest>, Status> {
    for visit in story.visits {
        client.sessions.record_session(visit.session).await?;
        bar.inc(1);
        for activity in visit.activities {
            client.sessions.log_activity(activity).await?;
            bar.inc(1);
        }
    }
    for Plan {
        goal,
        progress: told,
    } in story.goals
    {
        let request = CreateGoalRequest { goal: Some(goal) };
        let goal = client.goals.create_goal(request).await?.into_inner().goal;
        // Whoever has given it up since is left in peace.
        if goal.is_some_and(|goal| goal.status() == GoalStatus::Active) {
            for value in told {
                client.goals.record_goal_progress(value).await?;
            }
        }
        bar.inc(1);
    }
    open(scene, &mut client, story.person).await?;

    let known = known_days(scene, &mut client, story.person).await?;
    let (there, missing): (Vec<_>, Vec<_>) = story
        .usage
        .into_iter()
        .partition(|record| known.contains(&record.date));
    bar.inc(there.len().try_into().unwrap_or(0));
    Ok(missing)
}

/// Logs one in five in, and lets some of them rest.
async fn open(scene: &Scene<'_>, client: &mut Client, person: &Person) -> Result<(), Status> {
    let mut rng = rng(person.named(&format!("{} open", scene.today)));
    if rng.u32(0..5) > 0 {
        return Ok(());
    }
    let request = StartSessionRequest {
        user_id: person.id.to_string(),
        session_id: person
            .named(&format!("{} open session", scene.today))
            .to_string(),
        session_type: one_of(&mut rng, scene.company.session_types).to_owned(),
        client_type: one_of(&mut rng, scene.company.client_types).to_owned(),
        client_info: one_of(&mut rng, &["Firefox on Linux", "Safari on iPad", "Chrome"]).to_owned(),
        ip_address: format!("203.0.113.{}", rng.u8(1..=254)),
        ..StartSessionRequest::default()
    };
    let session_id = request.session_id.clone();
    let started = client.sessions.start_session(request).await?.into_inner();
    let active = |state| state == SessionState::Active;
    if rng.u32(0..4) == 0
        && started
            .session
            .is_some_and(|session| active(session.state()))
    {
        let pause = PauseSessionRequest { session_id };
        client.sessions.pause_session(pause).await?;
    }
    Ok(())
}

/// The days on which the user's features are counted already. The server forgets the ids of
/// usage in time, so a later run asks for the days themselves.
async fn known_days(
    scene: &Scene<'_>,
    client: &mut Client,
    person: &Person,
) -> Result<BTreeSet<String>, Status> {
    let first: NaiveDate = scene.today - Days::new(scene.days);
    let request = GetUserUsageStatsRequest {
        user_id: person.id.to_string(),
        start_date: first.to_string(),
        end_date: scene.today.to_string(),
        include_open_sessions: false,
    };
    let stats = match client.usage.get_user_usage_stats(request).await {
        Ok(stats) => stats.into_inner(),
        // Somebody who never came.
        Err(status) if status.code() == Code::NotFound => return Ok(BTreeSet::new()),
        Err(status) => return Err(status),
    };
    let counted = stats.days.into_iter();
    let counted = counted.filter(|day| !day.feature_usage.is_empty());
    Ok(counted.map(|day| day.date).collect())
}

async fn import(
    client: &mut Client,
    usage: Vec<RecordUsageRequest>,
    bar: &ProgressBar,
) -> Result<(), Status> {
    let records = usage.into_iter().map(|record| ImportUsageRequest {
        record: Some(record),
    });
    let answers = client.usage.import_usage(stream::iter(records)).await?;
    let mut answers = answers.into_inner();
    while let Some(answer) = answers.message().await? {
        if Code::from_i32(answer.code) != Code::Ok {
            return Err(Status::new(answer.code.into(), answer.message));
        }
        bar.inc(1);
    }
    Ok(())
}
