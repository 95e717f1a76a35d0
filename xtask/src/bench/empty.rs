//! Programs that do nothing: what it costs that there is a program at all.

use std::{thread, time::Duration};

use anyhow::{Context as _, Result};
use aya::{Btf, Ebpf, programs::BtfTracePoint};
use object::{
    Architecture, BinaryFormat, Endianness, SectionKind, SymbolFlags, SymbolKind, SymbolScope,
    write::{Object, Symbol, SymbolSection},
};

/// `r0 = 0; exit`.
const NOTHING: [u8; 16] = [0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0];

/// Options of `hold-empty`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// An empty program on each.
    tracepoints: Vec<String>,
}

/// Attaches the programs and holds them until a signal ends this process.
pub(crate) fn run(args: &Args) -> Result<()> {
    let btf = Btf::from_sys_fs().context("cannot read the kernel's type information")?;
    let mut programs = Ebpf::load(&object(&args.tracepoints)?).context("cannot load an object of empty programs")?;
    for (number, tracepoint) in args.tracepoints.iter().enumerate() {
        let program = programs.program_mut(&name(number)).context("an empty program is missing")?;
        let program: &mut BtfTracePoint = program.try_into()?;
        program
            .load(tracepoint, &btf)
            .and_then(|()| program.attach())
            .with_context(|| format!("cannot attach an empty program to {tracepoint}"))?;
    }
    loop {
        thread::sleep(Duration::MAX);
    }
}

fn name(number: usize) -> String {
    format!("empty_{number}")
}

/// An ELF file as a compiler would make it.
fn object(tracepoints: &[String]) -> Result<Vec<u8>> {
    let mut object = Object::new(BinaryFormat::Elf, Architecture::Bpf, Endianness::Little);
    let license = object.add_section(Vec::new(), b"license".to_vec(), SectionKind::Data);
    object.append_section_data(license, b"GPL\0", 1);
    for (number, tracepoint) in tracepoints.iter().enumerate() {
        let section = object.add_section(Vec::new(), format!("tp_btf/{tracepoint}").into_bytes(), SectionKind::Text);
        object.append_section_data(section, &NOTHING, 8);
        object.add_symbol(Symbol {
            name: name(number).into_bytes(),
            value: 0,
            size: NOTHING.len() as u64,
            kind: SymbolKind::Text,
            scope: SymbolScope::Dynamic,
            weak: false,
            section: SymbolSection::Section(section),
            flags: SymbolFlags::None,
        });
    }
    object.write().context("cannot make an object of empty programs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loader_finds_each_program_in_the_object() {
        let object = object(&["timer_start", "timer_start", "tcp_send_reset"].map(str::to_owned)).expect("an object");
        let parsed = aya_obj::Object::parse(&object).expect("it parses");
        let mut names: Vec<_> = parsed.programs.keys().cloned().collect();
        names.sort();
        assert_eq!(names, ["empty_0", "empty_1", "empty_2"]);
    }
}
