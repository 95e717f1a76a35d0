//! A map whose entries lie close together.

use std::{
    fmt,
    hash::{BuildHasher as _, Hash},
};

use hashbrown::{HashTable, hash_table::Entry};

use super::Budget;
use crate::hashing::Seeded;

/// Entries that memory is taken for at a time.
const CHUNK: usize = 256;
/// What the index takes an entry, bytes: 5 a place, of which at least 7 in 16 are used, and the list of free places.
const INDEX: usize = 12;

/// A map that takes its memory out of a budget, and keeps what it has taken. An entry stays where it is while the map
/// grows, so that nothing stands still for as long as it takes to move a million of them.
pub(crate) struct Map<K, V> {
    index: HashTable<u32>,
    hasher: Seeded,
    chunks: Vec<Vec<Slot<K, V>>>,
    free: Vec<u32>,
    budget: Budget,
    /// Bytes that an entry takes in all.
    entry: usize,
}

type Slot<K, V> = Option<(K, V)>;

impl<K: Eq + Hash, V> Map<K, V> {
    pub(crate) fn new(budget: &Budget) -> Self {
        Self::and(0, budget)
    }

    /// One of which each entry takes so many bytes elsewhere.
    pub(crate) fn and(elsewhere: usize, budget: &Budget) -> Self {
        Self {
            index: HashTable::new(),
            hasher: Seeded::default(),
            chunks: Vec::new(),
            free: Vec::new(),
            budget: budget.clone(),
            entry: size_of::<Slot<K, V>>() + INDEX + elsewhere,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// Places that are or were used: each is below this number.
    pub(crate) fn places(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len())
    }

    /// Where an entry is, for as long as it is there.
    pub(crate) fn find(&self, key: &K) -> Option<u32> {
        if self.index.is_empty() {
            return None;
        }
        let is_it = |place: &u32| at(&self.chunks, *place).is_some_and(|(its, _)| its == key);
        self.index.find(self.hasher.hash_one(key), is_it).copied()
    }

    pub(crate) fn at(&self, place: u32) -> Option<(&K, &V)> {
        at(&self.chunks, place).map(|(key, value)| (key, value))
    }

    pub(crate) fn at_mut(&mut self, place: u32) -> Option<&mut V> {
        self.chunks[place as usize / CHUNK][place as usize % CHUNK].as_mut().map(|(_, value)| value)
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.find(key).and_then(|place| self.at(place)).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.find(key).and_then(|place| self.at_mut(place))
    }

    /// Files an entry and says where; `None` if there is no room for it, which is counted.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<u32> {
        if !self.has_room() && self.find(&key).is_none() {
            self.budget.refuse();
            return None;
        }
        Some(self.put(key, value).0)
    }

    /// Whether there is room for one more entry, or can be made.
    pub(super) fn has_room(&mut self) -> bool {
        let is_full = self.free.is_empty() && self.places() == self.chunks.len() * CHUNK;
        let has_numbers = u32::try_from(self.places() + CHUNK).is_ok();
        if is_full && has_numbers && self.budget.take_if_left(CHUNK * self.entry) {
            self.chunks.push(Vec::with_capacity(CHUNK));
            return true;
        }
        !is_full
    }

    /// Makes the index anew, larger. It would do so by itself, but look at the entries in no order, each in another place of
    /// memory.
    fn grow(&mut self) {
        let Self { index, hasher, chunks, .. } = self;
        let mut larger = HashTable::with_capacity((2 * index.len()).max(4));
        for (place, slot) in (0_u32..).zip(chunks.iter().flatten()) {
            if let Some((key, _)) = slot {
                larger.insert_unique(hasher.hash_one(key), place, |place| hash_at(hasher, chunks, *place));
            }
        }
        *index = larger;
    }

    /// Files an entry where there is room for it. Returns where, and what was there.
    pub(super) fn put(&mut self, key: K, value: V) -> (u32, Option<V>) {
        if self.index.len() == self.index.capacity() {
            self.grow();
        }
        let Self { index, hasher, chunks, free, .. } = self;
        let hash = hasher.hash_one(&key);
        let is_it = |place: &u32| at(chunks, *place).is_some_and(|(its, _)| *its == key);
        match index.entry(hash, is_it, |place| hash_at(hasher, chunks, *place)) {
            Entry::Occupied(there) => {
                let place = *there.get();
                let slot = &mut chunks[place as usize / CHUNK][place as usize % CHUNK];
                (place, slot.replace((key, value)).map(|(_, before)| before))
            }
            Entry::Vacant(gap) => {
                let place = match free.pop() {
                    Some(place) => {
                        chunks[place as usize / CHUNK][place as usize % CHUNK] = Some((key, value));
                        place
                    }
                    None => push(chunks, (key, value)),
                };
                gap.insert(place);
                (place, None)
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let Self { index, hasher, chunks, .. } = self;
        let is_it = |place: &u32| at(chunks, *place).is_some_and(|(its, _)| its == key);
        let (place, _) = index.find_entry(hasher.hash_one(key), is_it).ok()?.remove();
        self.vacate(place)
    }

    /// Removes the entry that is there.
    pub(crate) fn remove_at(&mut self, place: u32) -> Option<V> {
        let slot = self.chunks[place as usize / CHUNK][place as usize % CHUNK].as_ref()?;
        let hash = self.hasher.hash_one(&slot.0);
        self.index.find_entry(hash, |there| *there == place).ok()?.remove();
        self.vacate(place)
    }

    fn vacate(&mut self, place: u32) -> Option<V> {
        self.free.push(place);
        self.chunks[place as usize / CHUNK][place as usize % CHUNK].take().map(|(_, value)| value)
    }

    /// All entries and where they are.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &K, &V)> {
        let all = (0_u32..).zip(self.chunks.iter().flatten());
        all.filter_map(|(place, slot)| slot.as_ref().map(|(key, value)| (place, key, value)))
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, _, value)| value)
    }

    /// All values and where they are.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut V)> {
        let all = (0_u32..).zip(self.chunks.iter_mut().flatten());
        all.filter_map(|(place, slot)| slot.as_mut().map(|(_, value)| (place, value)))
    }
}

fn at<K, V>(chunks: &[Vec<Slot<K, V>>], place: u32) -> Option<&(K, V)> {
    chunks[place as usize / CHUNK][place as usize % CHUNK].as_ref()
}

fn hash_at<K: Hash, V>(hasher: &Seeded, chunks: &[Vec<Slot<K, V>>], place: u32) -> u64 {
    at(chunks, place).map_or(0, |(key, _)| hasher.hash_one(key))
}

/// Appends an entry to the last chunk, which has room for it.
fn push<K, V>(chunks: &mut [Vec<Slot<K, V>>], entry: (K, V)) -> u32 {
    let before = (chunks.len() - 1) * CHUNK;
    let last = &mut chunks[before / CHUNK];
    last.push(Some(entry));
    (before + last.len() - 1) as u32
}

impl<K, V> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entries", self.index.len())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{Budget, Map};

    #[test]
    fn it_holds_what_the_standard_map_holds() {
        let (mut map, mut reference) = (Map::new(&Budget::of_sockets(1)), HashMap::new());
        let mut random = fastrand::Rng::with_seed(7);
        for round in 0..100_000_u32 {
            let key = random.u16(..2_000);
            if random.bool() {
                map.insert(key, round).expect("room");
                reference.insert(key, round);
            } else {
                assert_eq!(map.remove(&key), reference.remove(&key));
            }
            assert_eq!((map.get(&key), map.len()), (reference.get(&key), reference.len()));
        }
        let all: HashMap<_, _> = map.iter().map(|(_, key, value)| (*key, *value)).collect();
        assert_eq!(all, reference);
        assert!(map.places() <= 2_000, "places are used again");
    }

    #[test]
    fn what_one_takes_the_other_does_not_get() {
        let budget = Budget::of_sockets(1);
        let (mut one, mut other) = (Map::new(&budget), Map::new(&budget));
        let fit = (0..).take_while(|key| one.insert(*key, [0_u8; 1000]).is_some()).count();
        assert!((12_000..17_000).contains(&fit), "{fit} fit in 16 MiB");
        assert_eq!((other.insert(0, [0_u64; 200]), budget.refused()), (None, 2));
        // What is there already can be replaced, and what goes makes room for its like.
        assert!(one.insert(0, [1; 1000]).is_some());
        one.remove(&0);
        assert!(one.insert(-1, [0; 1000]).is_some());
    }
}
