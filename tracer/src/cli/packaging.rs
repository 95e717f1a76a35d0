//! `tracer completions` and `tracer man`: what packages contain, made from the definitions of the command line.

mod manual;

use std::{path::PathBuf, sync::LazyLock};

use clap::{Arg, Args, CommandFactory as _, ValueEnum};
use clap_complete::{Generator, generate, shells};

pub(crate) use self::manual::pages;
use super::{Cli, suggest::Suggest};

/// Flags of `tracer completions`.
#[derive(Args, Clone, Debug)]
pub struct CompletionsArgs {
    /// bash, zsh or fish
    #[arg(value_name = "SHELL", hide_possible_values = true)]
    pub shell: Shell,
}

/// A shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it, and clap would print the docs as help")]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Flags of `tracer man`.
#[derive(Args, Clone, Debug)]
pub struct ManArgs {
    /// The page of this command only: watch, summary
    #[arg(value_name = "COMMAND", value_parser = Suggest(commands), hide_possible_values = true)]
    pub command: Option<String>,
    /// Write one file a page into a directory: tracer.1, tracer-watch.1
    #[arg(short, long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub output: Option<PathBuf>,
}

/// The names of all commands.
pub(crate) fn commands() -> Vec<&'static str> {
    static NAMES: LazyLock<Vec<String>> =
        LazyLock::new(|| Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect());
    NAMES.iter().map(String::as_str).collect()
}

/// The script that a shell reads.
#[must_use]
pub fn completions(shell: Shell) -> Vec<u8> {
    match shell {
        Shell::Bash => script(shells::Bash),
        Shell::Zsh => script(shells::Zsh),
        Shell::Fish => [script(shells::Fish), words_for_fish().into_bytes()].concat(),
    }
}

fn script(shell: impl Generator) -> Vec<u8> {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    generate(shell, &mut command, name, &mut script);
    script
}

/// Values of arguments that are no flags, which the generator leaves out for this shell.
fn words_for_fish() -> String {
    let mut lines = String::new();
    for command in Cli::command().get_subcommands() {
        let values = command.get_positionals().flat_map(Arg::get_possible_values);
        let words: Vec<_> = values.map(|value| value.get_name().to_owned()).collect();
        if !words.is_empty() {
            let name = command.get_name();
            lines += &format!(
                "complete -c tracer -n \"__fish_tracer_using_subcommand {name}\" -f -a \"{}\"\n",
                words.join(" ")
            );
        }
    }
    lines
}
