//! What is around every page: its title, the way to the other pages, who is signed in.

use super::{api::Viewer, assets, sign_in::SignedIn};

/// A part of the site.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    Overview,
    Sessions,
    Users,
    Reports,
    Study,
    /// What is in no menu.
    None,
}

/// A way to a part.
pub struct Way {
    pub name: &'static str,
    pub path: &'static str,
    pub is_here: bool,
}

/// What is around a page.
pub struct Frame {
    pub title: String,
    pub ways: Vec<Way>,
    /// The roles and the user; `None` where nobody is signed in.
    pub reader: Option<String>,
    pub tenant: String,
    /// What a form must carry that changes something.
    pub csrf: String,
    /// In which time zone times are told.
    pub zone: Option<String>,
    /// Where style, script and icon are.
    pub style: &'static str,
    pub script: &'static str,
    pub icon: &'static str,
}

impl Frame {
    /// For somebody who is not signed in.
    pub fn bare(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            ways: Vec::new(),
            reader: None,
            tenant: String::new(),
            csrf: String::new(),
            zone: None,
            style: &assets::STYLE.path,
            script: &assets::LIVE.path,
            icon: &assets::ICON.path,
        }
    }

    /// For whoever is.
    pub fn of(title: &str, here: Part, who: &SignedIn) -> Self {
        let ways = parts(who.viewer).iter().map(|&(part, name, path)| Way {
            name,
            path,
            is_here: part == here,
        });
        let roles = who.viewer.roles.to_string();
        let reader = match who.viewer.user {
            Some(user) => format!("{roles} {user}"),
            None => roles,
        };
        Self {
            ways: ways.collect(),
            reader: Some(reader),
            tenant: who.tenant.to_string(),
            csrf: who.csrf.clone(),
            ..Self::bare(title)
        }
    }
}

type Entry = (Part, &'static str, &'static str);

const OF_EVERYONE: [Entry; 5] = [
    (Part::Overview, "Overview", "/ui/"),
    (Part::Sessions, "Sessions", "/ui/sessions"),
    (Part::Users, "Users", "/ui/users"),
    (Part::Reports, "Reports", "/ui/reports"),
    (Part::Study, "Study", "/ui/study"),
];
const OF_OWN: [Entry; 4] = [
    (Part::Study, "Study", "/ui/study"),
    (Part::Users, "Me", "/ui/me"),
    (Part::Sessions, "Sessions", "/ui/sessions"),
    (Part::Reports, "Reports", "/ui/reports"),
];

const fn parts(viewer: Viewer) -> &'static [Entry] {
    if viewer.sees_everyone() {
        &OF_EVERYONE
    } else {
        &OF_OWN
    }
}
