use super::mentioned;

fn paths(source: &str) -> Vec<String> {
    mentioned(source).into_iter().map(|(_, path)| path).filter(|path| path.contains("::")).collect()
}

#[test]
fn a_braced_use_is_written_out() {
    let source = "use std::{\n    fs::{self, File},\n    time::Instant,\n};\nfn f() {}";
    assert_eq!(paths(source), ["std::fs::self", "std::fs::File", "std::time::Instant"]);
    assert_eq!(paths("use std::io::{*}; use aya::*;"), ["std::io::*", "aya::*"]);
    assert_eq!(mentioned("\n\nuse a::b;")[1], (3, "a::b".to_owned()));
}

#[test]
fn paths_in_code_and_macros_are_found() {
    let source = "fn f() -> Option<std::io::Error> { println!(\"{}\", ::aya::x()); S { a: b::c(), d } }";
    assert_eq!(paths(source), ["std::io::Error", "aya::x", "b::c"]);
}

#[test]
fn comments_and_literals_do_not_count() {
    let source = r##"
        // a::b /* c::d
        /* e::f
           g::h */ const S: &str = "i::j \" k::l";
        const R: &str = r#"m::n " o::p"#; const C: char = '"'; const D: char = '\''; // q::r
        fn f<'a>(x: &'a u8::V) {}
    "##;
    assert_eq!(paths(source), ["u8::V"]);
}
