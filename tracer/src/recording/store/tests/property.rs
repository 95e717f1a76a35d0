use std::{fs, path::Path, time::Duration};

use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};

use super::{Limits, Store, at, names, temporary};
use crate::recording::{MAGIC, SyncPolicy};

#[derive(Clone, Debug)]
enum Act {
    /// So many bytes, the first of which says how many follow.
    Append(u8),
    Rotate,
    /// As the writer does: only when it is due.
    RotateIfDue,
    /// Ends the run and begins another.
    Again,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => any::<u8>().prop_map(Act::Append),
        1 => Just(Act::Rotate),
        4 => Just(Act::RotateIfDue),
        1 => Just(Act::Again),
    ];
    prop::collection::vec(act, 1..60)
}

fn limits() -> impl Strategy<Value = Limits> {
    let bytes = || prop::option::of(0_u64..3000);
    let time = || prop::option::of((0_u64..100).prop_map(Duration::from_secs));
    (bytes(), time(), bytes(), time()).prop_map(|(segment_bytes, segment_time, keep_bytes, keep_time)| Limits {
        segment_bytes,
        segment_time,
        keep_bytes,
        keep_time,
        sync: SyncPolicy::Never,
    })
}

/// Whether a segment is its first bytes and then whole appends.
fn is_whole(content: &[u8]) -> bool {
    let mut rest = content.strip_prefix(&MAGIC).unwrap_or(if content.is_empty() { &[] } else { &[1] });
    while let Some((length, after)) = rest.split_first() {
        let Some((frames, after)) = after.split_at_checked((*length).into()) else { return false };
        if frames.iter().any(|byte| byte != length) {
            return false;
        }
        rest = after;
    }
    true
}

struct Run {
    store: Store,
    /// In the current segment, bytes.
    current: u64,
}

impl Run {
    fn begin(directory: &Path, limits: Limits, second: u64) -> Self {
        let store = Store::open(directory, limits, None, at(second)).expect("nobody else writes there");
        let mut run = Self { store, current: 0 };
        run.append(&MAGIC);
        run
    }

    fn append(&mut self, frames: &[u8]) {
        self.store.append(frames).expect("room");
        self.current += frames.len() as u64;
    }

    fn rotate(&mut self, second: u64) {
        assert!(self.store.rotate(at(second)).expect("nobody else writes there"));
        self.current = 0;
        self.append(&MAGIC);
    }
}

proptest! {
    #[test]
    fn all_together_stay_below_the_limit_and_whole(limits in limits(), acts in acts()) {
        let directory = temporary();
        let mut run = Run::begin(directory.path(), limits, 0);
        for (second, act) in (1..).zip(acts) {
            match act {
                Act::Append(length) => run.append(&vec![length; usize::from(length) + 1]),
                Act::RotateIfDue if !run.store.is_due(at(second)) => {}
                Act::Rotate | Act::RotateIfDue => run.rotate(second),
                Act::Again => {
                    run.store.finish().expect("an end");
                    run = Run::begin(directory.path(), limits, second);
                }
            }
            let contents = names(directory.path()).into_iter().map(|name| fs::read(directory.path().join(name)));
            let contents: Vec<_> = contents.collect::<Result<_, _>>().expect("segments");
            assert!(contents.iter().all(|content| is_whole(content)));
            let total: usize = contents.iter().map(Vec::len).sum();
            assert!(total as u64 <= limits.keep_bytes.map_or(u64::MAX, |keep| keep.max(run.current)), "{total} bytes");
            assert!(contents.iter().any(|content| content.len() as u64 == run.current), "the current one is there");
        }
    }
}
