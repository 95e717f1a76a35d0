//! `cargo xtask stage-incident`: an evening when everything went wrong, staged with real TCP and recorded.
//!
//! Three network namespaces: `outside` (shoppers, rates), `web` (gateway, orders-api, nightly-export) and `backends`
//! (ledger-db, payments, sessions). The last two are recorded. Each of the names is a process, started by this one; two wires of our
//! own join the namespaces ([`wire`]). Nothing of it has a name that could be left behind: namespaces, devices and
//! processes end when this process does, however it ends.

use std::{
    env, fs,
    path::PathBuf,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    command, debian,
    privilege::{self, Root},
    run::build_tracer,
};
use recorder::Recorder;
use scenes::STORY;
use stage::Stage;

mod actor;
mod network;
mod order;
pub(crate) mod part;
mod recorder;
mod report;
mod scenes;
mod stage;
mod wire;

/// Addresses and routes are set by its `ip`.
const PACKAGES: [&str; 1] = ["iproute2"];

/// What the last shopper left is closed by then: the recording ends with nothing underway.
const QUIET: Duration = Duration::from_millis(300);

/// Options of `stage-incident`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Record to this file, which must not be there yet.
    #[arg(short, long, value_name = "PATH", default_value = "target/incident.trec")]
    output: PathBuf,
    /// Play on, and keep the recording, if a scene does not come off or records were lost.
    #[arg(long)]
    keep_going: bool,
    /// Record with this tracer instead of building one.
    #[arg(long)]
    tracer: Option<PathBuf>,
}

/// Builds what records, becomes root, plays the story.
pub(crate) fn run(args: &Args) -> Result<()> {
    if fs::exists(&args.output).unwrap_or(true) {
        bail!("cannot record to {}: it is there already; remove it or name another with -o", args.output.display());
    }
    let tracer = args.tracer.clone().map_or_else(|| build_tracer("release"), Ok)?;
    if debian::is_debian() {
        debian::install(&PACKAGES)?;
    }
    if privilege::root() != Root::Here {
        return again_as_root(args, tracer);
    }
    play(args, tracer)
}

/// tracer is built by now: nothing is built as root.
fn again_as_root(args: &Args, tracer: PathBuf) -> Result<()> {
    let mut xtask = privilege::as_root(env::current_exe()?)?;
    xtask.arg("stage-incident").arg("--output").arg(&args.output).arg("--tracer").arg(tracer);
    if args.keep_going {
        xtask.arg("--keep-going");
    }
    command::run(&mut xtask)
}

/// The services are up before the recording begins, and nobody has ended when it does.
fn play(args: &Args, tracer: PathBuf) -> Result<()> {
    let mut stage = Stage::set().context("cannot set the stage")?;
    let mut recorder = Recorder::start(&tracer, &args.output, &stage.recorded())?;
    let start = Instant::now();
    for scene in STORY {
        eprintln!("{:4.0} s  {}", start.elapsed().as_secs_f64(), scene.title);
        match (scene.play)(&mut stage).with_context(|| format!("the scene “{}” did not come off", scene.title)) {
            Err(error) if args.keep_going => eprintln!("        {error:#}"),
            done => done?,
        }
        recorder.is_recording()?;
    }
    sleep(QUIET);
    recorder.stop(args.keep_going)?;
    let bytes = fs::metadata(&args.output).context("cannot look at the recording")?.len();
    eprintln!("{:4.0} s  Recorded {}: {bytes} bytes.", start.elapsed().as_secs_f64(), args.output.display());
    Ok(())
}
