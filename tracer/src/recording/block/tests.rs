//! What goes into a block comes out of it, and nothing else does.

use proptest::prelude::*;

use super::{Decoder, Encoder};
use crate::{
    event::Event,
    recording::samples::{event, events, met},
};

fn encode(events: &[Event]) -> Vec<u8> {
    let mut encoder = Encoder::new();
    events.iter().for_each(|event| encoder.put(event));
    encoder.bytes().to_vec()
}

fn decode(block: &[u8]) -> Option<Vec<Event>> {
    let mut events = Vec::new();
    Decoder::new().decode(block, &mut events).ok().map(|()| events)
}

proptest! {
    #[test]
    fn every_event_survives(events in proptest::collection::vec(prop_oneof![event(), met()], 0..80)) {
        prop_assert_eq!(decode(&encode(&events)), Some(events));
    }

    #[test]
    fn blocks_do_not_depend_on_each_other(first in events(), second in events()) {
        let mut encoder = Encoder::new();
        first.iter().for_each(|event| encoder.put(event));
        encoder.clear();
        second.iter().for_each(|event| encoder.put(event));
        prop_assert_eq!(encoder.bytes(), &encode(&second)[..]);
        let mut decoder = Decoder::new();
        decoder.decode(&encode(&first), &mut Vec::new()).expect("whole");
        let mut decoded = Vec::new();
        decoder.decode(encoder.bytes(), &mut decoded).expect("whole");
        prop_assert_eq!(decoded, second);
    }

    #[test]
    fn no_bytes_make_it_panic(block in proptest::collection::vec(any::<u8>(), 0..400)) {
        decode(&block);
    }

    #[test]
    fn a_block_that_is_damaged_yields_no_half_of_it(events in events(), at in any::<prop::sample::Index>(), by in 1..=255_u8) {
        let mut block = encode(&events);
        if !block.is_empty() {
            let at = at.index(block.len());
            block[at] ^= by;
            let mut kept = vec![Event::Until(crate::event::MonotonicNs(1))];
            if Decoder::new().decode(&block, &mut kept).is_err() {
                prop_assert_eq!(kept.len(), 1);
            }
        }
    }
}

#[test]
fn a_kind_of_a_later_version_is_passed_over() {
    let mut block = vec![200, 3, 1, 2, 3];
    block.extend(encode(&[Event::Until(crate::event::MonotonicNs(7))]));
    assert_eq!(decode(&block), Some(vec![Event::Until(crate::event::MonotonicNs(7))]));
}

#[test]
fn the_last_event_of_a_block_has_room_for_all_that_it_takes() {
    let mut encoder = Encoder::new();
    let mut last = 0;
    while !encoder.is_full() {
        last = encoder.records();
        encoder.put(&Event::Until(crate::event::MonotonicNs(1)));
    }
    // It was not full yet: a cgroup's path, a reason and a reset may come.
    assert!(last + 3 <= super::MAX_RECORDS, "{last}");
}

#[test]
fn a_text_that_is_no_name_is_refused() {
    let text = |len: usize| [&[super::TEXT, len as u8 | 0x80, (len >> 7) as u8][..], &vec![b'x'; len]].concat();
    assert_eq!((decode(&text(super::MAX_TEXT)), decode(&text(super::MAX_TEXT + 1))), (Some(Vec::new()), None));
}
