//! Damage costs what it damaged.

use std::{fs, io::Cursor, sync::LazyLock};

use proptest::prelude::*;

use super::{CLOCK, Damage, Recording, count, end, existing, read_path, run, some_events, write};
use crate::{
    event::{ClockPair, Event, LossStage},
    recording::MAGIC,
    samples::at,
};

/// A recording as bytes, and a directory to put damaged ones into.
fn recorded() -> (tempfile::TempDir, Vec<u8>) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("whole.trec");
    write(&path, 1, &existing(), &some_events(), &[]);
    let bytes = fs::read(path).expect("a recording");
    (directory, bytes)
}

/// Whether these are some of those, in the same order.
fn is_part_of(some: &[Event], all: &[Event]) -> bool {
    let mut all = all.iter();
    some.iter().all(|event| all.any(|other| other == event))
}

fn lost(events: &[Event]) -> u64 {
    let lost = |event: &Event| match event {
        Event::Gap(gap) if gap.stage == LossStage::Damage && gap.to >= gap.from => gap.lost,
        _ => 0,
    };
    events.iter().map(lost).sum()
}

#[test]
fn every_prefix_is_a_recording() {
    let (directory, whole) = recorded();
    let all = some_events();
    let path = directory.path().join("prefix.trec");
    fs::write(&path, &whole).expect("written");
    let file = fs::File::options().write(true).open(&path).expect("a file");
    let mut seen = all.len();
    for len in (1..whole.len()).rev() {
        file.set_len(len as u64).expect("shorter");
        let read = read_path(&path).unwrap_or_else(|error| panic!("{len}: {error}"));
        let recorded = read.recorded();
        assert_eq!(recorded, all[..recorded.len()], "{len}");
        assert!(recorded.len() <= seen && recorded.len() + 10 >= seen, "{len}");
        seen = recorded.len();
        assert!(read.ends.iter().all(Option::is_none), "{len}");
        assert_eq!(read.damage.unended, read.runs.len() as u64, "{len}");
        assert!(read.damage.places <= 1, "{len}");
    }
    assert_eq!(seen, 0);
}

#[test]
fn what_holds_no_frame_is_none() {
    let (directory, _) = recorded();
    let path = directory.path().join("other.trec");
    let foreign = "is not a recording: nothing in it was written by tracer record.";
    let empty = "is empty: whoever began to write it was killed before there was anything to read.";
    for (content, sentence) in [(Vec::new(), empty), (b"ESTABLISHED\n".repeat(100_000), foreign)] {
        fs::write(&path, &content).expect("written");
        let read = read_path(&path).expect("a path");
        assert_eq!(read.refused, [format!("{} {sentence}", path.display())]);
        assert_eq!((read.runs.len(), read.damage), (0, Damage::default()));
        let mut stream = Recording::stream(Cursor::new(content)).expect("memory");
        let error = stream.next(&mut Vec::new()).expect_err("no recording").to_string();
        assert_eq!(error, format!("standard input {sentence}"));
        assert_eq!((stream.next(&mut Vec::new()).expect("the end"), stream.damage()), (None, Damage::default()));
    }
}

/// Says that all frames of a recording are of the next version.
fn make_newer(bytes: &mut [u8]) {
    for place in frames(bytes) {
        bytes[place + 8] = 2;
        let checksum = crc32c::crc32c(&bytes[place..place + 84]);
        bytes[place + 84..place + 88].copy_from_slice(&checksum.to_le_bytes());
    }
}

#[test]
fn a_newer_version_is_told_so() {
    let (directory, mut bytes) = recorded();
    let path = directory.path().join("newer.trec");
    let old = bytes.clone();
    make_newer(&mut bytes);
    let sentence = "has version 2 of the recording format, and this tracer reads up to 1: use a newer one.";
    for (content, runs) in [(bytes.clone(), 0), ([old, bytes].concat(), 1)] {
        fs::write(&path, content).expect("written");
        let read = read_path(&path).expect("a path");
        assert_eq!(read.refused, [format!("{} {sentence}", path.display())]);
        assert_eq!((read.runs.len(), read.ends.len()), (runs, runs));
    }
}

#[test]
fn a_file_that_cannot_be_read_costs_itself() {
    let (directory, mut newer) = recorded();
    let put = |name: &str, bytes: &[u8]| fs::write(directory.path().join(name), bytes).expect("written");
    make_newer(&mut newer);
    put("a.trec", b"");
    put("b.trec", b"ESTABLISHED");
    put("newer.trec", &newer);
    std::os::unix::fs::symlink("nowhere/else", directory.path().join("z.trec")).expect("a link");
    let read = read_path(directory.path()).expect("a directory");
    assert_eq!((read.recorded(), read.ends, read.damage), (some_events(), vec![Some(end())], Damage::default()));
    let begins = |(refused, begin): (&String, &str)| refused.contains(begin);
    let expected = ["a.trec is empty", "b.trec is not a recording", "newer.trec has version 2"];
    assert!(read.refused.len() == 3 && read.refused.iter().zip(expected).all(begins), "{:?}", read.refused);
}

#[test]
fn whole_frames_after_one_that_was_cut_short_are_read() {
    let (directory, whole) = recorded();
    let path = directory.path().join("cut.trec");
    let places = frames(&whole);
    let all = some_events();
    for cut in [places.len() - 4, places.len() - 2] {
        let bytes = [&whole[..places[cut] + 100], &whole[places[cut + 1]..]].concat();
        fs::write(&path, &bytes).expect("written");
        let read = read_path(&path).expect("a recording");
        let lost = (cut - 2) * 10;
        assert_eq!(read.recorded(), [&all[..lost], &all[lost + 10..]].concat(), "{cut}");
        assert_eq!(read.ends, [Some(end())]);
        let damage = Damage { places: 1, bytes: 100, records: count(&all[lost..lost + 10]), ..Damage::default() };
        assert_eq!(read.damage, damage);
    }
}

#[test]
fn what_lies_between_frames_is_passed_over() {
    let (directory, whole) = recorded();
    let path = directory.path().join("between.trec");
    let second = 88 + u32::from_le_bytes(whole[12..16].try_into().expect("four bytes")) as usize;
    let rubbish: Vec<u8> = MAGIC.iter().copied().cycle().take(600_003).collect();
    fs::write(&path, [&whole[..second], &rubbish, &whole[second..]].concat()).expect("written");
    let read = read_path(&path).expect("a recording");
    assert_eq!(read.recorded(), some_events());
    assert_eq!(read.damage, Damage { places: 1, bytes: 600_003, ..Damage::default() });
}

#[test]
fn a_run_without_its_head_is_still_read() {
    let (directory, whole) = recorded();
    let path = directory.path().join("headless.trec");
    let mut bytes = whole.clone();
    bytes[100] ^= 1;
    fs::write(&path, bytes).expect("written");
    let read = read_path(&path).expect("a recording");
    assert_eq!(read.recorded(), some_events());
    assert_eq!((read.runs.len(), read.runs[0].id, &read.runs[0].start.host[..]), (1, run(1).id, ""));
    assert_eq!((read.damage.places, read.damage.headless), (1, 1));
    // Even if nothing that is there is damaged.
    fs::write(&path, &whole[frames(&whole)[1]..]).expect("written");
    assert_eq!(read_path(&path).expect("a recording").damage, Damage { headless: 1, ..Damage::default() });
}

/// Where the frames of a recording begin.
fn frames(bytes: &[u8]) -> Vec<usize> {
    let next = |at: &usize| {
        let stored = bytes.get(at + 12..at + 16)?.try_into().ok()?;
        Some(at + 88 + u32::from_le_bytes(stored) as usize)
    };
    std::iter::successors(Some(0), next).filter(|at| *at < bytes.len()).collect()
}

#[test]
fn a_clock_that_was_set_in_damaged_frames_is_told_after_them() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("set.trec");
    let set = ClockPair { realtime_ns: CLOCK.realtime_ns + 7, ..CLOCK };
    let until = |ns| Event::Until(at(ns));
    write(&path, 1, &[], &[vec![until(1); 10], vec![Event::Clock(set); 10], vec![until(2); 20]].concat(), &[]);
    let mut bytes = fs::read(&path).expect("a recording");
    let places = frames(&bytes);
    for frame in [2, 3] {
        bytes[places[frame] + 88] ^= 1;
    }
    fs::write(&path, bytes).expect("written");
    let read = read_path(&path).expect("a recording");
    assert_eq!(read.events, [vec![until(1); 10], vec![Event::Clock(set)], vec![until(2); 10]].concat());
}

#[test]
fn no_number_of_missing_records_is_too_large() {
    let (directory, whole) = recorded();
    let path = directory.path().join("huge.trec");
    let places = frames(&whole);
    let mut bytes = whole[places[0]..places[1]].to_vec();
    for run in [1_u64, 2] {
        for (place, before) in [(2, 0), (3, u64::MAX)] {
            let mut frame = whole[places[place]..places[place + 1]].to_vec();
            frame[24..32].copy_from_slice(&run.to_le_bytes());
            frame[40..48].copy_from_slice(&before.to_le_bytes());
            let checksum = crc32c::crc32c(&frame[..84]);
            frame[84..88].copy_from_slice(&checksum.to_le_bytes());
            bytes.extend(frame);
        }
    }
    fs::write(&path, bytes).expect("written");
    assert_eq!(read_path(&path).expect("a recording").damage.records, u64::MAX);
}

/// What hundreds of cases damage: made once, for that waits for the disk.
static WHOLE: LazyLock<(Vec<Event>, Vec<u8>)> = LazyLock::new(|| (some_events(), recorded().1));

proptest! {
    #[test]
    fn bits_that_flip_cost_the_frames_they_are_in(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), 0..8_u8), 1..6),
    ) {
        let (all, whole) = &*WHOLE;
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("flipped.trec");
        let mut bytes = whole.clone();
        for (at, bit) in flips {
            bytes[at.index(whole.len())] ^= 1 << bit;
        }
        fs::write(&path, &bytes).expect("written");
        let read = read_path(&path).expect("a recording");
        let recorded = read.recorded();
        prop_assert!(is_part_of(&recorded, all));
        prop_assert_eq!(read.damage.places > 0, bytes != *whole);
        prop_assert_eq!(lost(&read.events), read.damage.records);
        if read.ends.iter().any(Option::is_some) && read.runs.first().is_some_and(|run| !run.version.is_empty()) {
            prop_assert_eq!(count(&recorded) + read.damage.records, count(all));
        }
    }
}
