//! What the committed BPF object was made from. Shared by xtask, which writes the answer into the manifest, and by
//! `tracer/build.rs`, which refuses to embed an object that the sources have left behind.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};
use toml::{Table, Value};

/// The committed object, from the workspace's root.
pub(crate) const OBJECT: &str = "tracer-ebpf/prebuilt/tracer.bpf.o";
/// What made it, from the workspace's root.
pub(crate) const MANIFEST: &str = "tracer-ebpf/prebuilt/manifest.toml";
/// Layout of the manifest and meaning of its hashes.
pub(crate) const FORMAT: i64 = 1;
/// Files and directories whose every byte may change the object, from the workspace's root.
pub(crate) const SOURCES: [&str; 4] =
    ["tracer-common/Cargo.toml", "tracer-common/src", "tracer-ebpf/Cargo.toml", "tracer-ebpf/src"];
/// Files of which only a part matters: see [`source_hash`].
pub(crate) const PARTLY: [&str; 2] = ["Cargo.lock", "Cargo.toml"];

/// The SHA-256 of `bytes` in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A hash of all that decides what the object contains, but for the toolchain: the sources, the release
/// profile in the workspace's manifest, and the locked versions of what the BPF crate depends on (and of nothing else, so that an
/// update of tracer's own dependencies does not ask for a new object).
pub(crate) fn source_hash(root: &Path) -> io::Result<String> {
    let mut listing = String::new();
    for source in SOURCES {
        for file in files_below(&root.join(source))? {
            let name = file.strip_prefix(root).unwrap_or(&file).display();
            listing += &format!("{name} {}\n", sha256(&fs::read(&file)?));
        }
    }
    let [lock, manifest] = PARTLY.map(|file| read_toml(&root.join(file)));
    for package in locked_dependencies(&lock?, "tracer-ebpf") {
        listing += &format!("{package}\n");
    }
    if let Some(release) = manifest?.get("profile").and_then(|profiles| profiles.get("release")) {
        listing += &release.to_string();
    }
    Ok(sha256(listing.as_bytes()))
}

/// A TOML file; its path is part of the error.
pub(crate) fn read_toml(path: &Path) -> io::Result<Table> {
    let told = |error: &dyn std::fmt::Display| format!("cannot read {}: {error}", path.display());
    let text = fs::read_to_string(path).map_err(|error| io::Error::new(error.kind(), told(&error)))?;
    text.parse().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, told(&error)))
}

/// `path` itself, or all files below it, in an order that does not depend on the file system.
fn files_below(path: &Path) -> io::Result<BTreeSet<PathBuf>> {
    if !path.is_dir() {
        return Ok(BTreeSet::from([path.to_owned()]));
    }
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(path)? {
        files.append(&mut files_below(&entry?.path())?);
    }
    Ok(files)
}

/// `name version checksum` of each package that `root` depends on, directly or not, itself excepted.
fn locked_dependencies(lock: &Table, root: &str) -> BTreeSet<String> {
    let packages: &[Value] = lock.get("package").and_then(Value::as_array).map_or(&[], Vec::as_slice);
    let field = |package: &Value, name| package.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
    let mut found = BTreeSet::new();
    let mut wanted = vec![root.to_owned()];
    while let Some(wish) = wanted.pop() {
        // Cargo.lock writes `name`, or `name version` where several versions are locked.
        let (name, version) = wish.split_once(' ').unwrap_or((&wish, ""));
        for package in packages {
            let line = ["name", "version", "checksum"].map(|key| field(package, key)).join(" ");
            let is_wanted = line.starts_with(&format!("{name} {version}"));
            if is_wanted && found.insert(line) {
                let dependencies = package.get("dependencies").and_then(Value::as_array);
                wanted.extend(dependencies.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
            }
        }
    }
    found.retain(|line| !line.starts_with(&format!("{root} ")));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
        [[package]]
        name = "tracer-ebpf"
        version = "0.1.0"
        dependencies = ["aya-ebpf", "syn 2.0.1"]

        [[package]]
        name = "aya-ebpf"
        version = "0.2.1"
        checksum = "aa"
        dependencies = ["bindings"]

        [[package]]
        name = "aya-ebpf-other"
        version = "9.0.0"

        [[package]]
        name = "bindings"
        version = "0.2.0"
        dependencies = ["aya-ebpf"]

        [[package]]
        name = "syn"
        version = "1.0.9"

        [[package]]
        name = "syn"
        version = "2.0.1"
    "#;

    #[test]
    fn only_what_the_bpf_crate_depends_on_counts() {
        let lock = LOCK.parse().expect("valid TOML");
        let found = locked_dependencies(&lock, "tracer-ebpf");
        assert_eq!(Vec::from_iter(found), ["aya-ebpf 0.2.1 aa", "bindings 0.2.0 ", "syn 2.0.1 "]);
    }

    #[test]
    fn the_hash_sees_a_changed_source_and_a_renamed_one() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let at = |path: &str| root.path().join(path);
        for source in SOURCES.into_iter().filter(|path| path.ends_with("src")) {
            fs::create_dir_all(at(source)).expect("a directory");
        }
        for file in SOURCES.into_iter().chain(PARTLY).filter(|path| !path.ends_with("src")) {
            fs::write(at(file), "").expect("an empty file");
        }
        let hash = || source_hash(root.path()).expect("a hash");
        let before = hash();
        fs::write(at("tracer-ebpf/src/a.rs"), "").expect("a source");
        let added = hash();
        fs::rename(at("tracer-ebpf/src/a.rs"), at("tracer-ebpf/src/b.rs")).expect("a new name");
        let renamed = hash();
        fs::write(at("Cargo.toml"), "[dependencies]\nirrelevant = \"1\"").expect("a manifest");
        assert_eq!(hash(), renamed);
        fs::write(at("Cargo.toml"), "[profile.release]\nlto = true").expect("a manifest");
        let profile = hash();
        assert_eq!(BTreeSet::from([before, added, renamed, profile]).len(), 4);
    }
}
