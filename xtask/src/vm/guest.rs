//! What runs inside: a script as process 1, and the marks by which its output is read outside.

use std::{fmt::Write as _, path::Path};

use crate::artifacts::Program;

/// Before the report of `tracer doctor`, one JSON object.
pub(crate) const DOCTOR: &str = "== doctor";
/// Before the output of a test program.
pub(crate) const TESTS: &str = "== tests";
/// Before those that failed are run again, one after the other: an emulated CPU may stop for longer than a test waits.
pub(crate) const AGAIN: &str = "== again";
/// After either, with its exit status.
pub(crate) const STATUS: &str = "== status ";
/// The last line: everything ran.
pub(crate) const END: &str = "== end";

/// Where this program is inside.
pub(crate) const XTASK: &str = "/bin/xtask";
/// Where tracer attaches.
const TRACEPOINTS: [&str; 7] = [
    "inet_sock_set_state",
    "tcp_send_reset",
    "tcp_receive_reset",
    "tcp_retransmit_synack",
    "timer_start",
    "timer_cancel",
    "timer_expire_entry",
];

/// The script that the kernel starts.
///
/// Two programs are on each tracepoint all the time: to attach a third one, the kernel need not patch its own code, which an
/// emulated one may die of ([`Machine`](super::machine::Machine)).
pub(crate) fn init(tracer: &Path, tests: &[&Program], only: Option<&str>) -> String {
    let mut script = format!(
        "#!/bin/sh
export PATH=/usr/bin:/bin:/usr/sbin:/sbin CI=1 TRACER_REQUIRE_PRIVILEGE=1 TRACER_OWN_MACHINE=1 {scale}=100
# Not /tmp: the checkout may lie there, and with it the programs.
export TMPDIR=/scratch
mkdir -p /proc /sys /tmp /run /scratch
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /scratch
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t securityfs securityfs /sys/kernel/security
for module in /modules/*.ko; do insmod $module; done
ip link set lo up
echo
echo '{DOCTOR}'
{tracer} doctor --format json
status=$?
echo \"{STATUS}$status\"
if [ $status != 0 ]; then
    {tracer} doctor -v
    echo '{END}'
    poweroff -f
fi
{XTASK} hold-empty {held} {held} &
",
        held = TRACEPOINTS.join(" "),
        scale = crate::test::STORM_SCALE,
        tracer = tracer.display(),
    );
    let only = only.unwrap_or_default();
    for program in tests {
        // Writing to a string does not fail.
        let _ = writeln!(
            script,
            "echo '{TESTS}'
mkdir -p {package}; cd {package}
({test} --show-output {only} 2>&1; echo $? > /scratch/status) | tee /scratch/output
status=$(cat /scratch/status)
failed=$(sed -n '/^failures:$/,$ s/^    \\([a-z0-9_:]*\\)$/\\1/p' /scratch/output | sort -u)
if [ $status != 0 ] && [ -n \"$failed\" ]; then
    echo '{AGAIN}'
    {test} --show-output --test-threads 1 --exact $failed
    status=$?
fi
echo \"{STATUS}$status\"",
            package = program.manifest.parent().unwrap_or(Path::new("/")).display(),
            test = program.executable.display(),
        );
    }
    let _ = writeln!(script, "echo '{END}'\npoweroff -f");
    script
}
