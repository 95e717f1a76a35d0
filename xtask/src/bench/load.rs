//! The storm in a process and a namespace of its own.

use std::{
    env, fs,
    io::Read as _,
    process::{Child, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::{namespace::Namespace, storm::Storm};

/// More than a storm leaves behind: where the table is full, sockets leave no trace in TIME_WAIT, and no more to measure.
pub(crate) const MAX_TIME_WAIT: u32 = 4_000_000;
/// How much longer than it should a storm may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// With loopback, and room for all sockets in TIME_WAIT. They go with it.
pub(crate) fn namespace() -> Result<Namespace> {
    let namespace = Namespace::make()?;
    namespace.ip(&["link set lo up".to_owned()])?;
    let setting = "/proc/sys/net/ipv4/tcp_max_tw_buckets";
    namespace
        .run(|| fs::write(setting, MAX_TIME_WAIT.to_string()).with_context(|| format!("cannot write {setting}")))?;
    Ok(namespace)
}

/// Makes one, with these arguments, and says what it was. It should end within `limit`; `meanwhile` is called all the time.
pub(crate) fn storm(
    namespace: &Namespace,
    args: &[String],
    limit: Duration,
    meanwhile: impl FnMut() -> Result<()>,
) -> Result<Storm> {
    let mut command = namespace.command();
    // It ends if we do.
    command.args(["setpriv", "--pdeathsig", "KILL", "--"]).arg(env::current_exe()?).arg("storm").args(args);
    let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start the storm")?;
    let ended = wait(&mut child, limit + PATIENCE, meanwhile);
    if ended.is_err() {
        // Fails only if it is gone already.
        let _ = child.kill();
        child.wait()?;
    }
    ended?;
    let mut said = String::new();
    child.stdout.take().context("the storm has no output")?.read_to_string(&mut said)?;
    serde_json::from_str(&said).context("the storm said something unexpected")
}

fn wait(child: &mut Child, limit: Duration, mut meanwhile: impl FnMut() -> Result<()>) -> Result<()> {
    let end = Instant::now() + limit;
    while child.try_wait()?.is_none() {
        if Instant::now() > end {
            bail!("the storm does not end");
        }
        meanwhile()?;
        sleep(Duration::from_millis(20));
    }
    Ok(())
}
