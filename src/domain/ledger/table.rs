//! Rows of one table.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use super::Halt;

/// Rows of one table by key: as they were loaded, and as they are to be written.
#[derive(Debug)]
pub struct Table<K, V> {
    /// `None` where it was looked for and is not there.
    loaded: BTreeMap<K, Option<V>>,
    changed: BTreeMap<K, V>,
    /// Those to be deleted before the changed ones are written.
    removed: BTreeSet<K>,
    missing: BTreeSet<K>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self {
            loaded: BTreeMap::new(),
            changed: BTreeMap::new(),
            removed: BTreeSet::new(),
            missing: BTreeSet::new(),
        }
    }
}

impl<K: Ord, V> Table<K, V> {
    /// Notes that the row will be needed, if it is not loaded.
    pub fn want(&mut self, key: K) {
        if !self.loaded.contains_key(&key) {
            self.missing.insert(key);
        }
    }

    /// The row as it stands after the changes so far.
    pub fn get(&mut self, key: K) -> Result<Option<&V>, Halt> {
        if self.changed.contains_key(&key) {
            return Ok(self.changed.get(&key));
        }
        let Some(row) = self.loaded.get(&key) else {
            self.missing.insert(key);
            return Err(Halt::Missing);
        };
        Ok(row.as_ref().filter(|_| !self.removed.contains(&key)))
    }

    /// Whether the row was looked for and is not there.
    #[must_use]
    pub fn is_absent(&self, key: &K) -> bool {
        matches!(self.loaded.get(key), Some(None))
    }

    /// Writes the row at the end of the batch.
    pub fn put(&mut self, key: K, row: V) {
        self.changed.insert(key, row);
    }

    /// Deletes the row at the end of the batch.
    pub fn remove(&mut self, key: K) {
        self.changed.remove(&key);
        self.removed.insert(key);
    }

    /// Forgets all changes.
    pub fn revert(&mut self) {
        self.changed.clear();
        self.removed.clear();
    }

    /// Whether commands asked for what is not loaded.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        !self.missing.is_empty()
    }

    /// The keys that commands asked for since the last call, in order.
    pub fn take_missing(&mut self) -> BTreeSet<K> {
        mem::take(&mut self.missing)
    }

    /// Adds what was found of `keys`.
    pub fn load(
        &mut self,
        keys: impl IntoIterator<Item = K>,
        rows: impl IntoIterator<Item = (K, V)>,
    ) {
        for key in keys {
            self.loaded.entry(key).or_insert(None);
        }
        for (key, row) in rows {
            self.loaded.insert(key, Some(row));
        }
    }

    /// Rows to insert, in key order.
    pub fn inserted(&self) -> impl Iterator<Item = &V> {
        self.written(false)
    }

    /// Rows to update, in key order.
    pub fn updated(&self) -> impl Iterator<Item = &V> {
        self.written(true)
    }

    /// Keys of rows to delete, in order.
    pub fn removed(&self) -> impl Iterator<Item = &K> {
        let removed = self.removed.iter();
        removed.filter(|key| matches!(self.loaded.get(key), Some(Some(_))))
    }

    fn written(&self, existing: bool) -> impl Iterator<Item = &V> {
        self.changed
            .iter()
            .filter(move |(key, _)| {
                let stored = matches!(self.loaded.get(key), Some(Some(_)));
                (stored && !self.removed.contains(key)) == existing
            })
            .map(|(_, row)| row)
    }
}
