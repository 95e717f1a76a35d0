//! The figures as a Markdown table.

use std::{fs, thread};

use super::{
    contender::Contender,
    figures::{Round, Sample, Spread},
};

const HEADING: &str = "\
| traced by | connections/s | kept | ns per transition | seen of made |
|---|---|---|---|---|
";

/// Medians with their ranges.
pub(crate) fn markdown(contenders: &[Contender], rounds: &[Round], costs: &[Round], seconds: u64) -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cpus = thread::available_parallelism().map_or(0, usize::from);
    let rows = contenders.iter().map(|contender| row(&contender.to_string(), rounds, costs)).collect::<String>();
    format!(
        "Linux {}, {cpus} CPUs; {} interleaved rounds of {seconds} s; median (range). ns per transition: from as many \
         further rounds with kernel.bpf_stats_enabled=1, which is part of the figure.\n\n{HEADING}{rows}",
        kernel.trim(),
        rounds.len(),
    )
}

fn row(name: &str, rounds: &[Round], costs: &[Round]) -> String {
    let samples: Vec<&Sample> = rounds.iter().filter_map(|round| round.of(name)).collect();
    let kept = rounds.iter().filter_map(|round| Some(round.of(name)?.rate() / round.of("none")?.rate()));
    let cost = costs.iter().filter_map(|round| round.of(name)).map(Sample::ns_per_transition);
    let cell =
        |spread: Option<Spread>, digits: usize| spread.map_or("–".to_owned(), |spread| format!("{spread:.digits$}"));
    let rate = cell(Spread::of(samples.iter().map(|sample| sample.rate())), 0);
    format!(
        "| {name} | {rate} | {} | {} | {} |\n",
        cell(Spread::of(kept), 2),
        cell(Spread::of(cost), 0),
        seen(&samples)
    )
}

/// All rounds together.
fn seen(samples: &[&Sample]) -> String {
    let Some(seen) = samples.iter().map(|sample| sample.seen).sum::<Option<u64>>() else {
        return "–".to_owned();
    };
    let made: u64 = samples.iter().map(|sample| sample.storm.transitions).sum();
    // Rounded down: all but one is not 100 %.
    let thousandths = (seen as f64 * 100_000.0 / made as f64).floor();
    format!("{:.3} % ({seen} of {made})", thousandths / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storm::Storm;

    #[test]
    fn all_but_one_is_not_all() {
        let storm = Storm { connections: 1_000_000, transitions: 10_000_000, seconds: 1.0 };
        let sample = Sample { storm, run_time_ns: 0, seen: Some(9_999_999) };
        assert_eq!(seen(&[&sample]), "99.999 % (9999999 of 10000000)");
    }

    #[test]
    fn each_round_is_compared_with_its_own_untraced_storm() {
        let round = |untraced: u64, traced: u64| {
            let storm = |connections| Storm { connections, transitions: connections * 10, seconds: 2.0 };
            let mut round = Round::default();
            round.add("none".to_owned(), Sample { storm: storm(untraced), run_time_ns: 0, seen: None });
            let seen = Some(traced * 9);
            round.add("x".to_owned(), Sample { storm: storm(traced), run_time_ns: traced * 2000, seen });
            round
        };
        let rounds = [round(200, 100), round(100, 75), round(100, 100)];
        assert_eq!(row("none", &rounds, &[]), "| none | 50 (50–100) | 1.00 (1.00–1.00) | – | – |\n");
        assert_eq!(
            row("x", &rounds, &rounds),
            "| x | 50 (38–50) | 0.75 (0.50–1.00) | 200 (200–200) | 90.000 % (2475 of 2750) |\n"
        );
    }
}
