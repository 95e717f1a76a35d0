//! Debian's kernels, downloaded and unpacked by an apt whose state is all under target/: the machine's own packages and
//! sources stay as they are.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use super::matrix::Series;
use crate::command;

/// The variant for virtual machines: small, with everything that is needed built in or a module.
const FLAVOUR: &str = "-cloud-amd64";
/// A source of the machine's, by which others of the same mirror can be made.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Where kernels come from and are kept.
pub(crate) struct Archive {
    home: PathBuf,
}

/// An unpacked kernel.
pub(crate) struct Kernel {
    /// As `uname -r` says it.
    pub(crate) release: String,
    /// The image to boot.
    pub(crate) image: PathBuf,
    /// `/lib/modules/RELEASE`.
    pub(crate) modules: PathBuf,
}

impl Archive {
    /// Brings the lists of `suites` up to date. Without network, what was unpacked before still boots.
    pub(crate) fn open<'a>(home: PathBuf, suites: impl Iterator<Item = &'a str>) -> Result<Self> {
        for directory in ["lists/partial", "cache/archives/partial", "kernels"] {
            fs::create_dir_all(home.join(directory))?;
        }
        let archive = Self { home };
        fs::write(archive.home.join("sources.list"), sources(&mirrors()?, suites)?)?;
        if let Err(error) = command::run(archive.apt("apt-get").args(["-qq", "update"])) {
            eprintln!("xtask: {error:#}; going on with the kernels that are here already.");
        }
        Ok(archive)
    }

    /// The newest kernel of the series.
    pub(crate) fn kernel(&self, series: &Series) -> Result<Kernel> {
        let mut releases = self.known()?;
        releases.retain(|release| numbers(release).starts_with(series.version));
        let newest = releases.into_iter().max_by_key(|release| numbers(release));
        let release = newest.with_context(|| format!("no kernel {} is to be had", series.name))?;
        let tree = self.home.join("kernels").join(&release);
        if !tree.exists() {
            self.unpack(&release, &tree)?;
        }
        let first = |paths: [PathBuf; 2]| paths.into_iter().find(|path| path.exists());
        let modules = first([tree.join("lib/modules").join(&release), tree.join("usr/lib/modules").join(&release)])
            .with_context(|| format!("the packages of {release} hold no modules"))?;
        let image = first([tree.join(format!("boot/vmlinuz-{release}")), modules.join("vmlinuz")])
            .with_context(|| format!("the packages of {release} hold no kernel"))?;
        Ok(Kernel { release, image, modules })
    }

    /// Releases that can be downloaded or are here already.
    fn known(&self) -> Result<Vec<String>> {
        let names = command::output(self.apt("apt-cache").args(["pkgnames", "linux-image-"]))?;
        let offered = names.lines().filter_map(|name| name.strip_prefix("linux-image-")).map(str::to_owned);
        let here = fs::read_dir(self.home.join("kernels"))?.flatten();
        let here = here.filter_map(|entry| entry.file_name().into_string().ok());
        let kernels = offered.chain(here).filter(|release| release.ends_with(FLAVOUR));
        Ok(kernels.filter(|release| release.starts_with(|first: char| first.is_ascii_digit())).collect())
    }

    /// Since 6.19 a kernel's parts are packages of their own.
    fn unpack(&self, release: &str, tree: &Path) -> Result<()> {
        let offered = command::output(self.apt("apt-cache").args(["pkgnames", "linux-"]))?;
        let parts = ["image", "binary", "modules"].map(|part| format!("linux-{part}-{release}"));
        let parts = parts.iter().filter(|part| offered.lines().any(|name| name == **part));
        let packages = self.home.join("packages").join(release);
        fs::create_dir_all(&packages)?;
        let mut download = self.apt("apt-get");
        command::run(download.current_dir(&packages).args(["-qq", "download"]).args(parts))?;
        // Moved into place when whole, so that an interrupted run leaves no half of a kernel.
        let partial = self.home.join("kernels/partial");
        let _ = fs::remove_dir_all(&partial);
        for package in fs::read_dir(&packages)? {
            command::run(Command::new("dpkg-deb").arg("--extract").arg(package?.path()).arg(&partial))?;
        }
        fs::rename(&partial, tree)?;
        fs::remove_dir_all(&packages).context("cannot remove the packages")
    }

    /// One of apt's programs with this archive's state.
    fn apt(&self, program: &str) -> Command {
        let mut apt = Command::new(program);
        for (option, value) in [
            ("Dir::State::lists", self.home.join("lists")),
            ("Dir::State::status", PathBuf::from("/dev/null")),
            ("Dir::Cache", self.home.join("cache")),
            ("Dir::Etc::sourcelist", self.home.join("sources.list")),
            ("Dir::Etc::sourceparts", PathBuf::from("/dev/null")),
        ] {
            apt.arg("-o").arg(format!("{option}={}", value.display()));
        }
        apt.args(["-o", "APT::Sandbox::User=root", "-o", "Acquire::Languages=none"]);
        apt.args(["-o", "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false"])
            .args(["-o", "APT::Architecture=amd64"]);
        apt
    }
}

/// Where this machine gets Debian from: the mirror and the mirror of its security updates.
struct Mirrors {
    main: String,
    security: String,
}

fn mirrors() -> Result<Mirrors> {
    let format = ["--format", "$(LABEL)|$(REPO_URI)", "Created-By: Packages"];
    let targets = command::output(Command::new("apt-get").arg("indextargets").args(format))?;
    let of = |label: &str| {
        let uri = targets.lines().find_map(|line| line.strip_prefix(label)?.strip_prefix('|'));
        uri.map(str::to_owned)
    };
    match (of("Debian"), of("Debian-Security")) {
        (Some(main), Some(security)) => Ok(Mirrors { main, security }),
        _ => bail!("apt knows no mirror of Debian and of its security updates here; run apt-get update first"),
    }
}

fn sources<'a>(mirrors: &Mirrors, suites: impl Iterator<Item = &'a str>) -> Result<String> {
    if !Path::new(KEYRING).exists() {
        bail!("{KEYRING} is missing: install debian-archive-keyring");
    }
    let line = |suite: &str| {
        let uri = if suite.ends_with("-security") { &mirrors.security } else { &mirrors.main };
        format!("deb [signed-by={KEYRING}] {uri} {suite} main\n")
    };
    Ok(suites.map(line).collect())
}

/// The numbers in a release, by which releases are compared: 6.1.0-50 is newer than 6.1.0-9 and 6.1.0-0.deb11.52.
fn numbers(release: &str) -> Vec<u32> {
    let version = release.trim_end_matches(FLAVOUR);
    version.split(|char: char| !char.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn the_newest_release_is_the_greatest() {
        let oldest_first =
            ["5.10.0-46", "6.1.0-0.deb11.52", "6.1.0-9", "6.1.0-50", "6.12.94+deb13", "6.12.107+deb13", "7.2.13+deb14"];
        let full = oldest_first.map(|version| numbers(&format!("{version}-cloud-amd64")));
        assert!(full.is_sorted(), "{full:?}");
        assert!(full[3].starts_with(&[6, 1]) && !full[4].starts_with(&[6, 1]));
    }
}
