//! Hand-made types, damaged blobs, and the kernel that runs the tests.

mod damage;

use super::{builder::Builder, *};

const PTR: u32 = 2;
const TYPEDEF: u32 = 8;
const CONST: u32 = 10;

/// `struct outer { int a; union { struct { u16 low, high; }; u32 both; }; inner_t nested; struct inner *link; }`
/// with `typedef const struct inner { u64 x; u16 list[4]; struct { u8 v; } deep[2]; } inner_t`.
fn sample() -> Builder {
    let mut b = Builder::new();
    let (u8_, u16_, u32_, u64_) = (b.int(1), b.int(2), b.int(4), b.int(8));
    let list = b.array(u16_, 4);
    let v = b.structure("", 1, &[("v", u8_, 0)]);
    let deep = b.array(v, 2);
    let inner = b.structure("inner", 24, &[("x", u64_, 0), ("list", list, 64), ("deep", deep, 128)]);
    let constant = b.refer(CONST, "", inner);
    let inner_t = b.refer(TYPEDEF, "inner_t", constant);
    let link = b.refer(PTR, "", inner);
    let halves = b.structure("", 4, &[("low", u16_, 0), ("high", u16_, 16)]);
    let either = b.union("", 4, &[("", halves), ("both", u32_)]);
    let members = [("a", u32_, 0), ("", either, 32), ("nested", inner_t, 64), ("link", link, 256)];
    b.structure("outer", 40, &members);
    b
}

#[test]
fn members_are_found_through_anonymous_structs_typedefs_and_arrays() {
    let btf = sample().build();
    let place = |path| btf.field("outer", path).map(|field| (field.offset, field.size));
    assert_eq!(place("a"), Ok((0, 4)));
    assert_eq!(place("high"), Ok((6, 2)));
    assert_eq!(place("both"), Ok((4, 4)));
    assert_eq!(place("nested"), Ok((8, 24)));
    assert_eq!(place("nested.list"), Ok((16, 8)));
    assert_eq!(place("nested.list[3]"), Ok((22, 2)));
    assert_eq!(place("nested.deep[1].v"), Ok((25, 1)));
    assert_eq!(place("link"), Ok((32, 8)));
}

#[test]
fn what_is_not_there_is_named() {
    let btf = sample().build();
    let said = |structure, path| btf.field(structure, path).map_err(|error| error.to_string());
    assert_eq!(said("sock", "a.b"), Err("this kernel has no struct sock (wanted for its member a.b)".into()));
    for path in ["b", "a.b", "link.x", "nested.list[4]", "nested.list[x]", "nested[0]", "", "a."] {
        let expected = format!("struct outer of this kernel has no member {path}");
        assert_eq!(said("outer", path), Err(expected));
    }
}

#[test]
fn another_size_is_refused() {
    let error = sample().build().field_of_size("outer", "high", 4).expect_err("of another size");
    assert_eq!(error.to_string(), "outer.high is 2 bytes long in this kernel, not 4");
}

#[test]
fn bitfields_are_refused_in_either_notation() {
    let mut b = Builder::new();
    let (int, narrow) = (b.int(4), b.narrow_int(4, 8));
    b.packed("new", 4, &[("bits", int, 8 << 24 | 8), ("plain", int, 32)]);
    b.structure("old", 4, &[("bits", narrow, 8), ("odd", int, 3)]);
    let btf = b.build();
    for (structure, path) in [("new", "bits"), ("old", "bits"), ("old", "odd")] {
        assert!(matches!(btf.field(structure, path), Err(FieldError::Bitfield { .. })));
    }
    assert_eq!(btf.field("new", "plain"), Ok(Field { offset: 4, size: 4 }));
}

#[test]
fn structs_of_one_name_must_agree() {
    let mut b = Builder::new();
    let int = b.int(4);
    b.structure("twice", 8, &[("same", int, 0), ("moved", int, 32)]);
    b.structure("twice", 12, &[("same", int, 0), ("more", int, 32), ("moved", int, 64)]);
    let btf = b.build();
    assert_eq!(btf.field("twice", "same"), Ok(Field { offset: 0, size: 4 }));
    assert_eq!(btf.field("twice", "more"), Ok(Field { offset: 4, size: 4 }));
    assert!(matches!(btf.field("twice", "moved"), Err(FieldError::Ambiguous { .. })));
}

#[test]
fn a_new_kind_is_skipped_if_the_blob_declares_its_length() {
    let mut b = Builder::new();
    b.raw("future", 40 << 24 | 3, 0, &[0; 7]);
    let int = b.int(4);
    b.structure("s", 4, &[("x", int, 0)]);
    assert!(matches!(Btf::parse(b.bytes()), Err(BtfError::UnknownKind { kind: 40, at: 32 })));
    b.declare(40, 4, 8);
    assert_eq!(b.build().field("s", "x"), Ok(Field { offset: 0, size: 4 }));
}

#[test]
fn cycles_end() {
    let mut b = Builder::new();
    b.structure("anonymous", 4, &[("", 2, 0), ("", 2, 0)]);
    b.structure("", 4, &[("", 2, 0), ("", 2, 0), ("t", 3, 0)]);
    b.refer(TYPEDEF, "t", 4);
    b.refer(CONST, "", 3);
    let btf = b.build();
    assert!(btf.field("anonymous", "x").is_err());
    assert!(btf.field("anonymous", "t").is_err());
}
