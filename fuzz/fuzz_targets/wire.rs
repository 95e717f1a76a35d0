//! Any bytes as a record of the kernel side: an event or an error.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tracer::decode;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(record) = decode::record(bytes) {
        let _ = decode::event(&record, &["NO_SOCKET".into()]);
    }
});
