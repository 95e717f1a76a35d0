//! `tracer explain`.

use clap::Args;

use super::suggest::Suggest;
use crate::explain;

/// Flags of `tracer explain`.
#[derive(Args, Clone, Debug)]
pub struct ExplainArgs {
    /// A state, value, error or port; several words are one [default: list them all]
    #[arg(value_name = "WHAT", value_parser = Suggest(explain::completions), hide_possible_values = true)]
    pub what: Vec<String>,
}
