//! Numbers for people.

const UNITS: [(&str, u64); 4] = [("s", 1_000_000_000), ("ms", 1_000_000), ("µs", 1_000), ("ns", 1)];
const MINUTE_S: u64 = 60;
const HOUR_S: u64 = 60 * MINUTE_S;
const DAY_S: u64 = 24 * HOUR_S;

/// `12.3 ms`: three digits that count and a unit; from two minutes on `2m05s`, `3h12m`, `4d03h`.
pub(crate) fn duration(ns: u64) -> String {
    let mut text = String::new();
    push_duration(&mut text, ns);
    text
}

/// Appends what [`duration`] makes. In whole numbers, for every line has one.
pub(super) fn push_duration(text: &mut String, ns: u64) {
    let seconds = ns / 1_000_000_000;
    if seconds >= 2 * MINUTE_S {
        text.push_str(&long(seconds));
        return;
    }
    let (unit, size) = UNITS.into_iter().find(|(_, size)| rounds_to_one(ns, *size)).unwrap_or(("ns", 1));
    let rounded = |parts: u64| (ns * parts + size / 2) / size;
    let (hundredths, tenths) = (rounded(100), rounded(10));
    match () {
        () if size == 1 => push(text, ns),
        () if hundredths < 1_000 => push_parts(text, hundredths, 2),
        () if tenths < 1_000 => push_parts(text, tenths, 1),
        () => push(text, rounded(1)),
    }
    text.push(' ');
    text.push_str(unit);
}

/// Appends a number that counts parts of one, with so many decimals.
fn push_parts(text: &mut String, parts: u64, decimals: u32) {
    let one = 10_u64.pow(decimals);
    push(text, parts / one);
    text.push('.');
    if decimals == 2 && parts % one < 10 {
        text.push('0');
    }
    push(text, parts % one);
}

/// Appends a whole number, without fmt's machinery.
pub(super) fn push(text: &mut String, number: impl itoa::Integer) {
    text.push_str(itoa::Buffer::new().format(number));
}

/// Whether the three digits shown reach one of this unit: 999,999 ns is 1.00 ms, not 1000 µs.
fn rounds_to_one(ns: u64, size: u64) -> bool {
    ns + size / 2_000 >= size
}

fn long(seconds: u64) -> String {
    let two = |big: u64, big_unit, small: u64, small_unit| format!("{big}{big_unit}{small:02}{small_unit}");
    if seconds < HOUR_S {
        two(seconds / MINUTE_S, 'm', seconds % MINUTE_S, 's')
    } else if seconds < DAY_S {
        two(seconds / HOUR_S, 'h', seconds % HOUR_S / MINUTE_S, 'm')
    } else {
        two(seconds / DAY_S, 'd', seconds % DAY_S / HOUR_S, 'h')
    }
}

/// `1,234,567`
pub(crate) fn grouped(number: u64) -> String {
    let mut text = String::new();
    push_grouped(&mut text, number);
    text
}

/// Appends the same.
pub(crate) fn push_grouped(text: &mut String, number: u64) {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(number);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
}

/// `1 SYN`, `2 SYNs`
pub(crate) fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// `999 B`, `1.21 KiB`: three digits that count and a binary unit.
pub(crate) fn bytes(bytes: u64) -> String {
    let steps = (bytes.max(1).ilog2() / 10) as usize;
    let value = bytes as f64 / (1_u64 << (10 * steps)) as f64;
    let unit = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"][steps];
    match value {
        _ if steps == 0 => format!("{bytes} B"),
        _ if value < 9.995 => format!("{value:.2} {unit}"),
        _ if value < 99.95 => format!("{value:.1} {unit}"),
        _ => format!("{value:.0} {unit}"),
    }
}
