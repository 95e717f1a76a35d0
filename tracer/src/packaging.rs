//! `tracer completions` and `tracer man`.

use std::{fs, path::Path};

use crate::{
    cli::{self, Shell},
    config::Manual,
    output::{SinkError, print},
    run::{Failure, Status},
};

/// Runs `tracer completions`.
pub(crate) fn completions(shell: Shell) -> Result<Status, Failure> {
    print(&cli::completions(shell))?;
    Ok(Status::Done)
}

/// Runs `tracer man`.
pub(crate) fn man(manual: Manual) -> Result<Status, Failure> {
    let Manual { command, output } = manual;
    let mut pages = cli::pages()?;
    if command.is_some() || output.is_none() {
        pages.retain(|page| page.command == command);
    }
    for page in pages {
        match &output {
            Some(directory) => write(&directory.join(page.file_name()), &page.roff)?,
            None => print(&page.roff)?,
        }
    }
    Ok(Status::Done)
}

fn write(path: &Path, page: &[u8]) -> Result<(), SinkError> {
    fs::write(path, page).map_err(|error| SinkError::Open { path: path.to_owned(), error })
}
