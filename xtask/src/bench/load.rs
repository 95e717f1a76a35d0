//! The storm in a process and a namespace of its own.

use std::{
    env, fs,
    io::Read as _,
    process::Stdio,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use super::Plan;
use crate::{
    namespace::Namespace,
    storm::{Load, Storm},
};

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

/// Makes one and says what it was.
pub(crate) fn storm(namespace: &Namespace, plan: &Plan, load: Load) -> Result<Storm> {
    let mut command = namespace.command();
    command.args(["setpriv", "--pdeathsig", "KILL", "--"]).arg(env::current_exe()?);
    command.args(["storm", "--count", &u64::MAX.to_string(), "--load", &load.to_string()]);
    command.args(["--seconds", &plan.seconds.to_string(), "--threads", &plan.threads.to_string()]);
    let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start the storm")?;
    let end = Instant::now() + Duration::from_secs(plan.seconds) + PATIENCE;
    while child.try_wait()?.is_none() {
        if Instant::now() > end {
            child.kill()?;
            child.wait()?;
            bail!("the storm does not end");
        }
        sleep(Duration::from_millis(20));
    }
    let mut said = String::new();
    child.stdout.take().context("the storm has no output")?.read_to_string(&mut said)?;
    serde_json::from_str(&said).context("the storm said something unexpected")
}
