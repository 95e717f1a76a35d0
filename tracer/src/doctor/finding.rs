//! What one check found.

use serde::Serialize;

words! {
    /// How it stands with one requirement.
    #[derive(Serialize)]
    #[serde(rename_all = "lowercase")]
    Health {
        /// As it should be.
        Ok = "ok",
        /// tracer runs, but something is lost.
        Degraded = "degraded",
        /// Could not be found out; not a reason to refuse.
        Unknown = "unknown",
        /// tracer cannot run.
        Missing = "missing",
    }
}

words! {
    /// What is checked; what a kernel may lack besides, and what that costs, has names in the source's table of features.
    Check {
        /// Which kernel it is.
        Kernel = "kernel",
        /// Which machine.
        Architecture = "architecture",
        /// What this process may do.
        Capabilities = "capabilities",
        /// What nobody may.
        Lockdown = "lockdown",
        /// The kernel's type information.
        Btf = "btf",
        /// The tracepoint on state changes.
        Tracepoint = "tracepoint",
        /// The struct members that the programs read.
        Members = "members",
        /// A type of BPF map.
        RingBuffer = "ring_buffer",
        /// A type of BPF map.
        ArrayOfMaps = "array_of_maps",
        /// A type of BPF map.
        PerCpuArray = "per_cpu_array",
        /// A type of BPF map.
        HashMap = "hash_map",
        /// A type of BPF map.
        LpmTrie = "lpm_trie",
        /// Whether the programs load and attach.
        Programs = "programs",
        /// How much memory may be locked.
        Memlock = "memlock",
        /// Whether BPF programs are compiled.
        Jit = "jit",
        /// Whether the sockets that are there already can be listed, and whose they are.
        ExistingSockets = "existing_sockets",
        /// What can be taken from the process once everything is open.
        Confinement = "confinement",
        /// Whether this kernel can do what the filter asks for; only a start checks that.
        Filter = "filter",
    }
}

/// The outcome of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable name of the check.
    pub name: &'static str,
    /// How it stands.
    pub status: Health,
    /// What is so, in words.
    pub detail: String,
    /// What to do about it; `None` if there is nothing to do.
    pub remedy: Option<String>,
    /// What the kernel said, in full and many lines (a verifier log): for `--verbose`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

impl Finding {
    /// All is well.
    pub(super) fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, Health::Ok, detail, None)
    }

    /// It could not be found out.
    pub(super) fn unknown(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, Health::Unknown, detail, None)
    }

    /// Something is lost.
    pub(super) fn degraded(name: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(name, Health::Degraded, detail, Some(remedy.into()))
    }

    /// tracer cannot run.
    pub(super) fn missing(name: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(name, Health::Missing, detail, Some(remedy.into()))
    }

    fn new(name: &'static str, status: Health, detail: impl Into<String>, remedy: Option<String>) -> Self {
        Self { name, status, detail: detail.into(), remedy, log: None }
    }

    /// What is so and what to do about it, in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        match &self.remedy {
            Some(remedy) => format!("{}; {remedy}.", self.detail),
            None => format!("{}.", self.detail),
        }
    }
}
