//! What is to be read, looked at before everything else is given up.

use std::{
    fs::{self, File, Metadata},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use crate::source::recording::Reading;

/// Standard input.
const STDIN: &str = "-";

/// There is nothing to read, or it would be written over.
#[derive(Debug, thiserror::Error)]
pub(in crate::session) enum FilesError {
    /// A path leads nowhere, or to what may not be read.
    #[error("cannot read {}: {error}; give a recording, a directory of segments, or - for standard input.", path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A device, a pipe, a socket.
    #[error("cannot read {}: neither a file nor a directory; give -r - and redirect it to standard input.", .0.display())]
    NoFile(PathBuf),
    /// The output is one of the recordings.
    #[error("cannot write to {}: it is what is read; choose another path with -o.", .0.display())]
    Overwritten(PathBuf),
}

/// Checks that the recordings are there and that writing to `output` spoils none of them.
pub(in crate::session) fn prepare(reading: &Reading, output: Option<&Path>) -> Result<(), FilesError> {
    let written = output.and_then(|path| Some((path, fs::metadata(path).ok()?)));
    for path in files(reading) {
        let unreadable = |error| FilesError::Unreadable { path: path.clone(), error };
        let found = fs::metadata(path).map_err(unreadable)?;
        if !found.is_file() && !found.is_dir() {
            return Err(FilesError::NoFile(path.clone()));
        }
        File::open(path).map_err(unreadable)?;
        if let Some((output, written)) = &written
            && (is_same(&found, written) || is_inside(output, &found))
        {
            return Err(FilesError::Overwritten(output.to_path_buf()));
        }
    }
    Ok(())
}

/// What must stay readable.
pub(super) fn readable(reading: &Reading) -> Vec<PathBuf> {
    files(reading).cloned().collect()
}

fn files(reading: &Reading) -> impl Iterator<Item = &PathBuf> {
    reading.paths.iter().filter(|path| path.as_os_str() != STDIN)
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Whether a file that exists lies in this directory.
fn is_inside(file: &Path, directory: &Metadata) -> bool {
    let parent = file.canonicalize().ok().and_then(|file| fs::metadata(file.parent()?).ok());
    parent.is_some_and(|parent| is_same(&parent, directory))
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::{prepare, readable};
    use crate::source::recording::Reading;

    fn reading(paths: &[PathBuf]) -> Reading {
        Reading { paths: paths.to_vec(), ..Reading::default() }
    }

    #[test]
    fn what_is_read_is_never_written_over() {
        let directory = tempfile::tempdir().expect("a directory");
        let (one, other) = (directory.path().join("one"), directory.path().join("other"));
        fs::write(&one, "").expect("a file");
        let refuse =
            |paths: &[PathBuf], output| prepare(&reading(paths), Some(output)).expect_err("spoilt").to_string();
        assert!(refuse(std::slice::from_ref(&one), &one).starts_with("cannot write to "));
        assert!(
            refuse(&[directory.path().to_owned()], &one).ends_with("it is what is read; choose another path with -o.")
        );
        prepare(&reading(&[directory.path().to_owned()]), Some(&other)).expect("a file of its own");
    }

    #[test]
    fn what_is_not_there_is_said_in_one_sentence() {
        let error = prepare(&reading(&["/no/such/file".into()]), None).expect_err("not there");
        let sentence = "cannot read /no/such/file: No such file or directory (os error 2); give a recording, a directory of \
                        segments, or - for standard input.";
        assert_eq!(error.to_string(), sentence);
        assert!(prepare(&reading(&["/dev/null".into()]), None).expect_err("a device").to_string().contains("neither"));
    }

    #[test]
    fn standard_input_is_open_already() {
        let both = reading(&["-".into(), "/".into()]);
        prepare(&both, None).expect("both there");
        assert_eq!(readable(&both), [PathBuf::from("/")]);
    }
}
