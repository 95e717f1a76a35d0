//! Embeds the committed BPF object, if it was made from the sources that lie beside it.

use std::{env, fs, io, path::Path};

#[path = "../xtask/src/prebuilt.rs"]
mod prebuilt;

use prebuilt::{FORMAT, MANIFEST, OBJECT, PARTLY, SOURCES, read_toml, sha256, source_hash};

/// Names another object to embed, unchecked: CI tests a freshly built one this way.
const OVERRIDE: &str = "TRACER_BPF_OBJECT_OVERRIDE";

fn main() {
    // Asked when it runs, not when it is compiled: two checkouts may share a target folder, and then this program, too.
    let package = env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the package is");
    let root = Path::new(&package).join("..");
    println!("cargo::rerun-if-env-changed={OVERRIDE}");
    for input in SOURCES.into_iter().chain(PARTLY).chain([MANIFEST, OBJECT]) {
        println!("cargo::rerun-if-changed={}", root.join(input).display());
    }
    match object(&root) {
        Ok(path) => println!("cargo::rustc-env=TRACER_BPF_OBJECT={path}"),
        // An error message fails the build; a failing exit status would only add noise to it.
        Err(error) => println!("cargo::error={error}"),
    }
}

/// The object to embed.
fn object(root: &Path) -> io::Result<String> {
    if let Ok(path) = env::var(OVERRIDE) {
        println!("cargo::rerun-if-changed={path}");
        return Ok(path);
    }
    let manifest = read_toml(&root.join(MANIFEST))?;
    let recorded = |key: &str| manifest.get(key).and_then(|value| value.as_str()).unwrap_or("");
    if manifest.get("format").and_then(|value| value.as_integer()) != Some(FORMAT) {
        return Err(io::Error::other(format!("{MANIFEST} has another format: run `cargo xtask build-ebpf`.")));
    }
    if recorded("sources") != source_hash(root)? {
        return Err(io::Error::other(
            "The BPF sources changed but the committed object did not: run `cargo xtask build-ebpf`, then build again.",
        ));
    }
    let path = root.join(OBJECT).canonicalize()?;
    if recorded("object") != sha256(&fs::read(&path)?) {
        return Err(io::Error::other(format!(
            "{OBJECT} is not the object that its manifest describes: restore both, or run `cargo xtask build-ebpf`.",
        )));
    }
    Ok(path.display().to_string())
}
