//! Which layer may know what: the data flow of ARCHITECTURE.md as a table.

use std::{fs, io, path::Path};

use anyhow::{Context as _, Result, bail};

use super::paths::mentioned;

/// One sentence about who must not mention what.
struct Rule {
    /// The modules it is about, as paths below tracer/src; empty for all.
    within: &'static [&'static str],
    /// Modules that it is not about.
    except: &'static [&'static str],
    /// The paths that must not be mentioned, nor anything below them.
    forbidden: &'static [&'static str],
    /// Why, as the end of a sentence.
    because: &'static str,
}

/// Pure: events in, observations and figures out.
const PURE: &[&str] = &["event", "observation", "track", "measure"];

const RULES: &[Rule] = &[
    Rule {
        within: &[],
        except: &["source/live", "doctor"],
        forbidden: &["aya", "aya_log", "aya_obj"],
        because: "only the live source and the doctor know the kernel",
    },
    Rule {
        within: &[],
        except: &["output", "doctor", "recording"],
        forbidden: &["serde", "serde_json"],
        because: "what is written is not what is meant: formats live in output and recording",
    },
    Rule {
        within: PURE,
        except: &[],
        forbidden: &["std::time::Instant", "std::time::SystemTime"],
        because: "time is data: live and replay are one path",
    },
    Rule {
        within: PURE,
        except: &[],
        forbidden: &["std::fs", "std::io", "std::env", "std::process", "std::thread"],
        because: "the core has no files, no terminal and no threads",
    },
    Rule {
        within: PURE,
        except: &[],
        forbidden: &[
            "std::net::TcpStream",
            "std::net::TcpListener",
            "std::net::UdpSocket",
            "tokio",
            "crossterm",
            "rustix",
        ],
        because: "the core does not touch the host",
    },
    Rule {
        within: &["event", "source", "decode", "observation", "track"],
        except: &[],
        forbidden: &["crate::measure", "crate::output"],
        because: "data flows from source to track to measure to output",
    },
    Rule {
        within: &["event", "source", "decode"],
        except: &[],
        forbidden: &["crate::track", "crate::observation"],
        because: "data flows from source to track to measure to output",
    },
    Rule {
        within: &["measure"],
        except: &[],
        forbidden: &["crate::output", "crate::source"],
        because: "data flows from source to track to measure to output",
    },
];

/// Checks every file below `sources`; the error lists each offence.
pub(crate) fn check(sources: &Path) -> Result<()> {
    let mut offences = Vec::new();
    walk(sources, &mut |file| {
        let name = file.strip_prefix(sources).unwrap_or(file).to_string_lossy();
        offences.extend(offences_in(&name, &fs::read_to_string(file)?));
        Ok(())
    })
    .with_context(|| format!("cannot read {}", sources.display()))?;
    if !offences.is_empty() {
        bail!("the layers are mixed:\n{}", offences.join("\n"));
    }
    Ok(())
}

fn walk(directory: &Path, visit: &mut impl FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, visit)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            visit(&path)?;
        }
    }
    Ok(())
}

/// What `file` (a path below tracer/src) mentions and must not.
fn offences_in(file: &str, source: &str) -> Vec<String> {
    let module = file.trim_end_matches(".rs");
    let rules: Vec<_> = RULES.iter().filter(|rule| rule.is_about(module)).collect();
    let offence = |(line, path): (usize, String)| {
        let rule = rules.iter().find(|rule| rule.forbidden.iter().any(|forbidden| is_below(&path, forbidden, "::")))?;
        Some(format!("  {file}:{line} mentions {path}, but {}", rule.because))
    };
    mentioned(source).into_iter().filter_map(offence).collect()
}

impl Rule {
    fn is_about(&self, module: &str) -> bool {
        let any = |modules: &[&str]| modules.iter().any(|parent| is_below(module, parent, "/"));
        (self.within.is_empty() || any(self.within)) && !any(self.except)
    }
}

/// Whether `path` is `parent` or something inside it.
fn is_below(path: &str, parent: &str, separator: &str) -> bool {
    path.strip_prefix(parent).is_some_and(|rest| rest.is_empty() || rest.starts_with(separator))
}

#[cfg(test)]
mod tests;
