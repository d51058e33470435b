//! Who is in the demo: a language school, a yoga studio, and people who draw and simulate.

use chrono_tz::Tz;

/// A tenant, and what its users are like.
pub struct Company {
    pub name: &'static str,
    pub zone: Tz,
    pub users: u32,
    /// Percent of users at their keenest who come on each weekday, Monday first.
    pub weekdays: [u32; 7],
    /// Local hours from which and until which sessions begin: whole days in UTC too, as that is
    /// a new tenant's zone for the days before it sets its own.
    pub hours: (u32, u32),
    /// How long a session is, from and to.
    pub minutes: (u32, u32),
    pub client_types: &'static [&'static str],
    pub session_types: &'static [&'static str],
    /// What kind of thing sessions are about, and which there are, by id and name.
    pub subject_type: &'static str,
    pub subjects: &'static [(&'static str, &'static str)],
    pub features: &'static [&'static str],
    /// Most simulations that a user runs in a day.
    pub simulations: i64,
    /// What sessions result in, if anything.
    pub lessons: Option<Lessons>,
}

/// What is learned in sessions.
pub struct Lessons {
    pub scores: &'static [&'static str],
    pub topics: &'static [&'static str],
    pub words: &'static [&'static str],
    pub weaknesses: &'static [&'static str],
    /// Type of activity, type of content.
    pub activities: &'static [(&'static str, &'static str)],
}

/// Everybody, always the same.
pub const COMPANIES: [Company; 3] = [
    Company {
        name: "Lingua Viva",
        zone: Tz::Europe__Rome,
        users: 40,
        weekdays: [80, 85, 75, 80, 55, 35, 45],
        hours: (7, 22),
        minutes: (10, 55),
        client_types: &["web", "mobile", "mobile", "standalone"],
        session_types: &["conversation", "pronunciation", "roleplay", "solo"],
        subject_type: "course",
        subjects: &[
            ("it-a2", "Italian A2"),
            ("it-b1", "Italian B1"),
            ("fr-a1", "French A1"),
            ("de-b2", "German B2"),
        ],
        features: &["dictionary", "flashcards", "voice", "export", "hints"],
        simulations: 0,
        lessons: Some(Lessons {
            scores: &["fluency", "grammar", "pronunciation"],
            topics: &[
                "travel", "food", "work", "family", "news", "weather", "films",
            ],
            words: &[
                "treno",
                "biglietto",
                "ritardo",
                "cucina",
                "ricetta",
                "ufficio",
                "riunione",
                "nonna",
                "giornale",
                "pioggia",
                "valigia",
                "ombrello",
                "scontrino",
                "chiave",
            ],
            weaknesses: &[
                "articles",
                "past tense",
                "word order",
                "double consonants",
                "prepositions",
            ],
            activities: &[
                ("flashcards", "flashcard_deck"),
                ("testing", "test"),
                ("assignment", "textbook"),
                ("notes", "note"),
            ],
        }),
    },
    Company {
        name: "Sunrise Yoga",
        zone: Tz::America__New_York,
        users: 30,
        weekdays: [70, 55, 75, 55, 60, 95, 85],
        hours: (6, 18),
        minutes: (15, 75),
        client_types: &["mobile", "mobile", "web"],
        session_types: &["solo", "group", "tutoring"],
        subject_type: "sequence",
        subjects: &[
            ("sun", "Sun salutation"),
            ("moon", "Moon salutation"),
            ("hips", "Slow hips"),
            ("back", "Strong back"),
            ("breath", "Breath and rest"),
        ],
        features: &["timer", "video", "music", "share"],
        simulations: 0,
        lessons: Some(Lessons {
            scores: &["balance", "breath"],
            topics: &["hips", "shoulders", "breath", "balance", "rest"],
            words: &["adho mukha", "trikonasana", "savasana", "pranayama"],
            weaknesses: &["left side", "holding the breath", "hamstrings"],
            activities: &[("video", ""), ("notes", "note")],
        }),
    },
    Company {
        name: "Kaizen Works",
        zone: Tz::Asia__Tokyo,
        users: 50,
        weekdays: [95, 95, 90, 95, 85, 10, 5],
        hours: (9, 20),
        minutes: (20, 120),
        client_types: &["lucidchart", "lucidchart", "miro", "api"],
        session_types: &["normal", "group"],
        subject_type: "class",
        subjects: &[
            ("line-1", "Assembly line 1"),
            ("line-2", "Assembly line 2"),
            ("store", "Warehouse"),
        ],
        features: &[
            "export",
            "import.csv",
            "replay",
            "comments",
            "templates",
            "compare",
        ],
        simulations: 9,
        lessons: None,
    },
];
