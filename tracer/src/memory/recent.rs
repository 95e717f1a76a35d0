//! A map that knows which of its entries was not asked for the longest.

use std::hash::Hash;

use super::{Budget, Map};

/// No entry.
const NONE: u32 = u32::MAX;

/// Entries in the order in which they were last asked for, at most `capacity` and what the budget has room for.
pub(crate) struct Recent<K, V> {
    map: Map<K, Linked<V>>,
    capacity: usize,
    newest: u32,
    oldest: u32,
}

struct Linked<V> {
    value: V,
    newer: u32,
    older: u32,
}

impl<K: Copy + Eq + Hash, V> Recent<K, V> {
    pub(crate) fn new(capacity: usize, budget: &Budget) -> Self {
        Self { map: Map::new(budget), capacity: capacity.max(1), newest: NONE, oldest: NONE }
    }

    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        self.map.find(key).is_some()
    }

    /// An entry, which is the newest from now on.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let place = self.map.find(key)?;
        if self.newest != place {
            self.unlink(place);
            self.link(place);
        }
        self.map.at_mut(place).map(|it| &mut it.value)
    }

    /// Whether another entry would be one too many.
    pub(crate) fn is_full(&mut self) -> bool {
        self.map.len() >= self.capacity || !self.map.has_room()
    }

    /// Files an entry, if there is room for it: see [`Recent::is_full`]. Returns the one that it replaces.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let before = self.remove(&key);
        if self.map.has_room() {
            let (place, _) = self.map.put(key, Linked { value, newer: NONE, older: NONE });
            self.link(place);
        }
        before
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let place = self.map.find(key)?;
        self.unlink(place);
        self.map.remove_at(place).map(|it| it.value)
    }

    /// Takes out the one that was not asked for the longest.
    pub(crate) fn remove_oldest(&mut self) -> Option<V> {
        let place = self.oldest;
        if place == NONE {
            return None;
        }
        self.unlink(place);
        self.map.remove_at(place).map(|it| it.value)
    }

    fn link(&mut self, place: u32) {
        let older = std::mem::replace(&mut self.newest, place);
        if let Some(it) = self.map.at_mut(place) {
            (it.newer, it.older) = (NONE, older);
        }
        match self.neighbour(older) {
            Some(older) => older.newer = place,
            None => self.oldest = place,
        }
    }

    fn unlink(&mut self, place: u32) {
        let Some((newer, older)) = self.map.at(place).map(|(_, it)| (it.newer, it.older)) else { return };
        match self.neighbour(newer) {
            Some(newer) => newer.older = older,
            None => self.newest = older,
        }
        match self.neighbour(older) {
            Some(older) => older.newer = newer,
            None => self.oldest = newer,
        }
    }

    fn neighbour(&mut self, place: u32) -> Option<&mut Linked<V>> {
        (place != NONE).then(|| self.map.at_mut(place)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, Recent};

    #[test]
    fn the_one_not_asked_for_goes_first() {
        let mut recent = Recent::new(3, &Budget::of_sockets(1));
        for key in 1..=3 {
            assert!(!recent.is_full());
            recent.insert(key, key * 10);
        }
        assert!(recent.is_full());
        assert_eq!(recent.get_mut(&1), Some(&mut 10));
        assert_eq!((recent.remove(&3), recent.remove(&3)), (Some(30), None));
        assert_eq!(recent.insert(2, 21), Some(20));
        let rest: Vec<_> = std::iter::from_fn(|| recent.remove_oldest()).collect();
        assert_eq!((rest, recent.len()), (vec![10, 21], 0));
    }
}
