//! Manual pages.

use std::io;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use crate::cli::Cli;

/// At the foot of each page.
const VERSION: &str = concat!("tracer ", env!("CARGO_PKG_VERSION"));

/// A page of section 1.
pub(crate) struct Page {
    /// The command's name; `None`: of tracer itself.
    pub(crate) command: Option<String>,
    /// The page, for roff(7).
    pub(crate) roff: Vec<u8>,
}

impl Page {
    /// The name of its file.
    pub(crate) fn file_name(&self) -> String {
        match &self.command {
            Some(command) => format!("tracer-{command}.1"),
            None => "tracer.1".to_owned(),
        }
    }
}

/// All pages, tracer's own first.
///
/// # Errors
/// Never: they are written to memory.
pub(crate) fn pages() -> io::Result<Vec<Page>> {
    let mut tracer = Cli::command().disable_help_subcommand(true);
    tracer.build();
    let mut pages = vec![Page { command: None, roff: roff(&tracer)? }];
    for command in tracer.get_subcommands().filter(|command| !command.is_hide_set()) {
        pages.push(Page { command: Some(command.get_name().to_owned()), roff: roff(command)? });
    }
    Ok(pages)
}

fn roff(command: &Command) -> io::Result<Vec<u8>> {
    let notes = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let usage = command.clone().render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage).to_owned();
    // What follows the help is laid out in lines, which roff would fill.
    let command = command.clone().after_help("").override_usage(usage);
    // Pages have no date, for it would not be the same in each build; roff wants to see that there is none.
    let man = Man::new(command.clone()).date("\"\"").manual("tracer").section("1").source(VERSION);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    page.extend_from_slice(format!(".SH NOTES\n.nf\n{}\n.fi\n", escaped(&notes)).as_bytes());
    Ok(page)
}

/// Text as roff prints it.
fn escaped(text: &str) -> String {
    let line = |line: &str| {
        let plain = line.replace('\\', "\\e").replace('-', "\\-");
        if plain.starts_with(['.', '\'']) { format!("\\&{plain}") } else { plain }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn nothing_is_taken_for_a_request() {
        assert_eq!(escaped(".SH\n'x\na\\b -c"), "\\&.SH\n\\&'x\na\\eb \\-c");
    }
}
