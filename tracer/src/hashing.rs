//! Hash maps that are looked into with every event.

use std::{
    collections,
    hash::{BuildHasher, RandomState},
    sync::LazyLock,
};

use foldhash::{
    SharedSeed,
    fast::{FoldHasher, SeedableRandomState},
};

/// A map like the standard library's, with a hasher that takes a tenth of the time for keys as short as a cookie.
pub(crate) type HashMap<K, V> = collections::HashMap<K, V, Seeded>;

/// From the system, another one in every process: who may choose addresses and ports cannot choose which of them collide.
static SEED: LazyLock<SharedSeed> = LazyLock::new(|| SharedSeed::from_u64(random()));

/// Hashes differently in every map.
#[derive(Clone, Debug)]
pub(crate) struct Seeded(SeedableRandomState);

impl Default for Seeded {
    fn default() -> Self {
        Self(SeedableRandomState::with_seed(random(), &SEED))
    }
}

impl BuildHasher for Seeded {
    type Hasher = FoldHasher<'static>;

    fn build_hasher(&self) -> Self::Hasher {
        self.0.build_hasher()
    }
}

fn random() -> u64 {
    RandomState::new().hash_one(0_u8)
}
