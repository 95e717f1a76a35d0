use super::*;

#[test]
fn rustc_tells_its_version_and_llvm() {
    let text = "rustc 1.96.0 (ac68faa20 2026-05-25)\nbinary: rustc\nLLVM version: 22.1.8";
    let (rustc, llvm) = parse_version(text).expect("a version");
    assert_eq!((rustc.as_str(), llvm.as_str()), ("rustc 1.96.0 (ac68faa20 2026-05-25)", "22.1.8"));
    assert_eq!(parse_version("rustc 1.96.0\nbinary: rustc"), None);
}

#[test]
fn only_the_floating_nightly_counts() {
    assert!(lists_nightly("stable-x86_64-unknown-linux-gnu (active)\nnightly-x86_64-unknown-linux-gnu"));
    assert!(!lists_nightly("stable-x86_64-unknown-linux-gnu\nmy-nightly"));
}
