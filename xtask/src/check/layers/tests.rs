use super::*;

#[test]
fn each_offence_names_file_line_and_reason() {
    let found = offences_in("track/table.rs", "use std::{\n    fs,\n    time::{Duration, Instant},\n};");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("track/table.rs:2 mentions std::fs, but the core has no files"), "{found:?}");
    assert!(found[1].contains(":3 mentions std::time::Instant, but time is data"), "{found:?}");
}

#[test]
fn only_the_live_source_and_the_doctor_know_aya() {
    for allowed in ["source/live.rs", "source/live/rings.rs", "doctor.rs", "doctor/kernel.rs"] {
        assert_eq!(offences_in(allowed, "use aya::Ebpf;"), Vec::<String>::new());
    }
    for other in ["main.rs", "source/mod.rs", "source/livestock.rs", "output/json.rs"] {
        assert_eq!(offences_in(other, "fn f(x: aya::Ebpf) {}").len(), 1, "{other}");
    }
    assert_eq!(offences_in("main.rs", "use ayah::x; let aya_like = 1;"), Vec::<String>::new());
}

#[test]
fn formats_live_in_output() {
    assert_eq!(offences_in("output/json.rs", "use serde::Serialize;"), Vec::<String>::new());
    assert_eq!(offences_in("event.rs", "#[derive(serde::Serialize)] struct S;").len(), 1);
}

#[test]
fn data_does_not_flow_back() {
    assert_eq!(offences_in("track.rs", "use crate::output::text;").len(), 1);
    assert_eq!(offences_in("source/file.rs", "use crate::{event::Event, track::Table};").len(), 1);
    assert_eq!(offences_in("output/text.rs", "use crate::track::Table;"), Vec::<String>::new());
}
