//! What one check found.

use serde::Serialize;

/// How it stands with one requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// As it should be.
    Ok,
    /// tracer runs, but something is lost.
    Degraded,
    /// Could not be found out; not a reason to refuse.
    Unknown,
    /// tracer cannot run.
    Missing,
}

impl Health {
    /// The word for people, the same as in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Unknown => "unknown",
            Self::Missing => "missing",
        }
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
