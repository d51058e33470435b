//! Many rows as one parameter list: a batch is one statement, however many it writes.

use std::borrow::Cow;

use chrono::NaiveDate;
use uuid::Uuid;

use crate::domain::time::Timestamp;

/// Rows, column by column.
#[derive(Debug, Default)]
pub struct Rows<'a> {
    columns: Vec<(&'static str, Cells<'a>)>,
}

/// The cells of one column.
#[derive(Debug)]
pub enum Cells<'a> {
    Uuid(Vec<Uuid>),
    Small(Vec<Option<i16>>),
    Int(Vec<Option<i64>>),
    Float(Vec<Option<f64>>),
    Bool(Vec<bool>),
    Text(Vec<Option<Cow<'a, str>>>),
    Json(Vec<Option<Cow<'a, str>>>),
    Time(Vec<Option<Timestamp>>),
    Date(Vec<Option<NaiveDate>>),
    Bytes(Vec<Option<&'a [u8]>>),
}

impl Cells<'_> {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Uuid(cells) => cells.len(),
            Self::Small(cells) => cells.len(),
            Self::Int(cells) => cells.len(),
            Self::Float(cells) => cells.len(),
            Self::Bool(cells) => cells.len(),
            Self::Text(cells) | Self::Json(cells) => cells.len(),
            Self::Time(cells) => cells.len(),
            Self::Date(cells) => cells.len(),
            Self::Bytes(cells) => cells.len(),
        }
    }

    /// Which type of column they belong to.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Uuid(_) => Kind::Uuid,
            Self::Small(_) => Kind::Small,
            Self::Int(_) => Kind::Int,
            Self::Float(_) => Kind::Float,
            Self::Bool(_) => Kind::Bool,
            Self::Text(_) => Kind::Text,
            Self::Json(_) => Kind::Json,
            Self::Time(_) => Kind::Time,
            Self::Date(_) => Kind::Date,
            Self::Bytes(_) => Kind::Bytes,
        }
    }
}

/// The type of a column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Uuid,
    Small,
    Int,
    Float,
    Bool,
    Text,
    Json,
    Time,
    Date,
    Bytes,
}

impl<'a> Rows<'a> {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.cells().next().map_or(0, Cells::len)
    }

    /// The names and types of the columns, in order.
    pub fn columns(&self) -> impl Iterator<Item = (&'static str, Kind)> {
        self.columns
            .iter()
            .map(|(name, cells)| (*name, cells.kind()))
    }

    /// The cells, in the order of the columns.
    pub fn cells(&self) -> impl Iterator<Item = &Cells<'a>> {
        self.columns.iter().map(|(_, cells)| cells)
    }
}

/// Takes rows apart into columns, one after the other.
pub struct RowsOf<'a, T> {
    items: Vec<T>,
    rows: Rows<'a>,
}

impl<'a, T: Copy> RowsOf<'a, T> {
    pub fn new(items: impl IntoIterator<Item = T>) -> Self {
        Self {
            items: items.into_iter().collect(),
            rows: Rows::default(),
        }
    }

    pub fn uuid(self, name: &'static str, cell: impl Fn(T) -> Uuid) -> Self {
        self.column(name, cell, Cells::Uuid)
    }

    pub fn small<V: Into<Option<i16>>>(self, name: &'static str, cell: impl Fn(T) -> V) -> Self {
        self.column(name, |item| cell(item).into(), Cells::Small)
    }

    pub fn int<V: Into<Option<i64>>>(self, name: &'static str, cell: impl Fn(T) -> V) -> Self {
        self.column(name, |item| cell(item).into(), Cells::Int)
    }

    pub fn float<V: Into<Option<f64>>>(self, name: &'static str, cell: impl Fn(T) -> V) -> Self {
        self.column(name, |item| cell(item).into(), Cells::Float)
    }

    pub fn bool(self, name: &'static str, cell: impl Fn(T) -> bool) -> Self {
        self.column(name, cell, Cells::Bool)
    }

    pub fn text<V: Into<Cow<'a, str>>>(self, name: &'static str, cell: impl Fn(T) -> V) -> Self {
        self.column(name, |item| Some(cell(item).into()), Cells::Text)
    }

    pub fn optional_text<V: Into<Cow<'a, str>>>(
        self,
        name: &'static str,
        cell: impl Fn(T) -> Option<V>,
    ) -> Self {
        self.column(name, |item| cell(item).map(Into::into), Cells::Text)
    }

    pub fn json<V: Into<Cow<'a, str>>>(
        self,
        name: &'static str,
        cell: impl Fn(T) -> Option<V>,
    ) -> Self {
        self.column(name, |item| cell(item).map(Into::into), Cells::Json)
    }

    pub fn time<V: Into<Option<Timestamp>>>(
        self,
        name: &'static str,
        cell: impl Fn(T) -> V,
    ) -> Self {
        self.column(name, |item| cell(item).into(), Cells::Time)
    }

    pub fn date<V: Into<Option<NaiveDate>>>(
        self,
        name: &'static str,
        cell: impl Fn(T) -> V,
    ) -> Self {
        self.column(name, |item| cell(item).into(), Cells::Date)
    }

    pub fn bytes(self, name: &'static str, cell: impl Fn(T) -> Option<&'a [u8]>) -> Self {
        self.column(name, cell, Cells::Bytes)
    }

    pub fn done(self) -> Rows<'a> {
        self.rows
    }

    fn column<V>(
        mut self,
        name: &'static str,
        cell: impl Fn(T) -> V,
        cells: impl FnOnce(Vec<V>) -> Cells<'a>,
    ) -> Self {
        let values = self.items.iter().map(|item| cell(*item)).collect();
        self.rows.columns.push((name, cells(values)));
        self
    }
}
