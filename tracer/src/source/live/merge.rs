//! Many rings, each in order of time, become one stream in order of time.

use std::{cmp::Reverse, collections::BinaryHeap, ops::Deref};

use tracer_common::wire::EventRecord;

use crate::decode;

/// A ring: its oldest record, which is gone when the bytes are.
pub trait Ring {
    /// The next record's bytes, if one is complete.
    fn next(&mut self) -> Option<impl Deref<Target = [u8]>>;
}

/// A ring and its next record, copied out.
struct Source<R> {
    ring: R,
    head: Option<EventRecord>,
}

/// All rings. What a round costs grows with their number, what a record costs with its logarithm.
pub struct Merge<R> {
    sources: Vec<Source<R>>,
    heap: BinaryHeap<Reverse<(u64, usize)>>,
    decoded: u64,
    undecodable: u64,
}

impl<R: Ring> Merge<R> {
    /// Of these rings.
    pub fn new(rings: impl IntoIterator<Item = R>) -> Self {
        let sources = rings.into_iter().map(|ring| Source { ring, head: None }).collect();
        Self { sources, heap: BinaryHeap::new(), decoded: 0, undecodable: 0 }
    }

    /// Yields up to `limit` records that were stamped before `cut`, in order of time. True if these were all.
    pub fn drain(&mut self, limit: usize, cut: u64, mut yield_record: impl FnMut(&EventRecord)) -> bool {
        self.heap.clear();
        for index in 0..self.sources.len() {
            self.push_head(index, 0);
        }
        for _ in 0..limit {
            match self.heap.peek() {
                Some(Reverse((time, _))) if *time < cut => {}
                _ => return true,
            }
            let Some(Reverse((time, index))) = self.heap.pop() else { return true };
            if let Some(record) = &self.sources[index].head {
                yield_record(record);
            }
            self.sources[index].head = None;
            self.push_head(index, time);
        }
        false
    }

    /// Puts the next record of a ring on the heap. A held record carries the time at which it was held but takes the
    /// place at which it was released: not before the record that preceded it in its ring.
    fn push_head(&mut self, index: usize, not_before: u64) {
        let source = &mut self.sources[index];
        while source.head.is_none() {
            let Some(bytes) = source.ring.next() else { return };
            match decode::record(&bytes) {
                Ok(record) => {
                    self.decoded += 1;
                    source.head = Some(record);
                }
                Err(_) => self.undecodable += 1,
            }
        }
        if let Some(head) = &source.head {
            self.heap.push(Reverse((head.time_ns.max(not_before), index)));
        }
    }

    /// Records taken out of the rings that were whole, and those that were not.
    #[must_use]
    pub fn taken(&self) -> (u64, u64) {
        (self.decoded, self.undecodable)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, ops::Deref};

    use tracer_common::wire::EventRecord;
    use zerocopy::IntoBytes as _;

    use super::{Merge, Ring};

    struct Queue(VecDeque<Vec<u8>>);

    impl Ring for Queue {
        fn next(&mut self) -> Option<impl Deref<Target = [u8]>> {
            self.0.pop_front()
        }
    }

    fn bytes(time_ns: u64) -> Vec<u8> {
        EventRecord { time_ns, ..EventRecord::default() }.as_bytes().to_vec()
    }

    fn merge(rings: &[&[u64]]) -> Merge<Queue> {
        Merge::new(rings.iter().map(|times| Queue(times.iter().map(|time| bytes(*time)).collect())))
    }

    fn drained(merge: &mut Merge<Queue>, limit: usize, cut: u64) -> (Vec<u64>, bool) {
        let mut times = Vec::new();
        let all = merge.drain(limit, cut, |record| times.push(record.time_ns));
        (times, all)
    }

    #[test]
    fn records_come_in_order_of_time_and_those_after_the_cut_wait() {
        let mut merge = merge(&[&[1, 4, 9], &[], &[2, 3, 8]]);
        assert_eq!(drained(&mut merge, 100, 8), (vec![1, 2, 3, 4], true));
        assert_eq!(drained(&mut merge, 100, 10), (vec![8, 9], true));
        assert_eq!(merge.taken(), (6, 0));
    }

    #[test]
    fn a_round_that_the_limit_cuts_short_is_not_all() {
        let mut merge = merge(&[&[1, 3], &[2]]);
        assert_eq!(drained(&mut merge, 2, 10), (vec![1, 2], false));
        assert_eq!(drained(&mut merge, 2, 10), (vec![3], true));
    }

    #[test]
    fn a_record_that_was_held_does_not_overtake_what_precedes_it_in_its_ring() {
        let mut merge = merge(&[&[5, 1], &[3, 6]]);
        assert_eq!(drained(&mut merge, 100, 10), (vec![3, 5, 1, 6], true));
    }

    #[test]
    fn what_is_no_record_is_counted_and_passed_over() {
        let mut merge = merge(&[&[1, 2]]);
        merge.sources[0].ring.0.insert(1, vec![0; 7]);
        assert_eq!(drained(&mut merge, 100, 10), (vec![1, 2], true));
        assert_eq!(merge.taken(), (2, 1));
    }
}
