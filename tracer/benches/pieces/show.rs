//! From observations to bytes.

use divan::{Bencher, black_box, counter::ItemsCount};
use jiff::tz::TimeZone;
use tracer::output::{Form, JsonOutput, Output, TextOptions, TextOutput};

use crate::incident::INCIDENT;

fn show(bencher: Bencher<'_, '_>, make: impl Fn() -> Output) {
    let observations = &INCIDENT.observations;
    let mut buffer = Vec::with_capacity(32 << 20);
    bencher.counter(ItemsCount::new(observations.len())).with_inputs(make).bench_local_refs(|output| {
        buffer.clear();
        output.start(&INCIDENT.run.start, &mut buffer);
        observations.iter().for_each(|observation| output.observe(observation, &mut buffer));
        black_box(&buffer);
    });
}

/// Lines for people.
#[divan::bench]
fn text(bencher: Bencher<'_, '_>) {
    show(bencher, || {
        Output::Text(Box::new(TextOutput::new(TextOptions {
            form: Form::Lines,
            zone: TimeZone::UTC,
            services: None,
            color: false,
            quiet: false,
            verbose: false,
        })))
    });
}

/// Objects for programs.
#[divan::bench]
fn json(bencher: Bencher<'_, '_>) {
    show(bencher, || Output::Json(Box::<JsonOutput>::default()));
}
