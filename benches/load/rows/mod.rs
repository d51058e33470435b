//! The rows of the table, and how each is measured.

mod agreement;
mod exports;
mod fairness;
mod footprint;
mod hostile;
mod insights;
mod latency;
mod overload;
mod points;
mod reads;
mod rest;
mod scale;
mod streams;
mod watched;
mod writes;

use futures::future::LocalBoxFuture;

use crate::{
    Args, Bench, Result,
    table::{Row, Series},
};

type Run = Box<dyn for<'a> Fn(&'a Bench) -> LocalBoxFuture<'a, Result<Vec<Series>>>>;

/// Rows that come of the same runs.
pub struct Measurement {
    pub rows: Vec<Row>,
    /// One series for each row.
    pub run: Run,
}

impl Measurement {
    fn new(
        rows: impl Into<Vec<Row>>,
        run: impl for<'a> Fn(&'a Bench) -> LocalBoxFuture<'a, Result<Vec<Series>>> + 'static,
    ) -> Self {
        Self {
            rows: rows.into(),
            run: Box::new(run),
        }
    }

    /// Whether one of its rows has this in its name.
    pub fn matches(&self, part: &str) -> bool {
        self.rows.iter().any(|row| row.what.contains(part))
    }
}

/// In the order in which they are printed.
pub fn all(args: &Args) -> Vec<Measurement> {
    [
        writes::all(),
        latency::all(),
        streams::all(args),
        exports::all(args),
        reads::all(args),
        rest::all(),
        insights::all(args),
        fairness::all(),
        overload::all(),
        hostile::all(),
        footprint::all(),
        scale::all(),
        points::all(),
        watched::all(),
        agreement::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Series {
    /// Of a row that stands alone.
    fn of(pairs: Vec<(f64, f64)>) -> Vec<Self> {
        vec![Self {
            pairs,
            note: String::new(),
        }]
    }
}
