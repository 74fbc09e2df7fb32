//! How large the parts of a program are, read from its ELF section headers.
//!
//! Promises `None` for what is no 64-bit little-endian ELF file, whole or cut off.

/// Bytes that are loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sizes {
    /// The section `.text`.
    pub(super) code: u64,
    /// `.rodata`, `.data`, `.data.rel.ro`, `.bss`, and what moves them into place.
    pub(super) data: u64,
}

const DATA: [&[u8]; 5] = [b".rodata", b".data", b".data.rel.ro", b".bss", b".rela.dyn"];

pub(super) fn sizes(file: &[u8]) -> Option<Sizes> {
    if file.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let start = number(file, 0x28, 8)?;
    let (each, count, names) = (number(file, 0x3a, 2)?, number(file, 0x3c, 2)?, number(file, 0x3e, 2)?);
    let header = |at: u64| -> Option<usize> { usize::try_from(start.checked_add(at.checked_mul(each)?)?).ok() };
    let names = usize::try_from(number(file, header(names)? + 0x18, 8)?).ok()?;
    let mut sizes = Sizes::default();
    for at in 0..count {
        let header = header(at)?;
        let name = file.get(names.checked_add(usize::try_from(number(file, header, 4)?).ok()?)?..)?;
        let name = &name[..name.iter().position(|byte| *byte == 0)?];
        let size = number(file, header + 0x20, 8)?;
        if name == b".text" {
            sizes.code += size;
        } else if DATA.contains(&name) {
            sizes.data += size;
        }
    }
    Some(sizes)
}

/// `bytes` bytes at `at`, the least first.
fn number(file: &[u8], at: usize, bytes: usize) -> Option<u64> {
    let bytes = file.get(at..at.checked_add(bytes)?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn this_very_program_has_code_and_data() {
        let file = std::fs::read("/proc/self/exe").expect("readable");
        let sizes = sizes(&file).expect("an ELF file");
        assert!(sizes.code > 10_000 && sizes.data > 1_000, "{sizes:?}");
        assert!(sizes.code + sizes.data < file.len() as u64 * 2, "{sizes:?}");
    }

    #[test]
    fn what_is_no_program_has_no_sizes() {
        for file in
            [&b""[..], b"\x7fELF", b"#!/bin/sh\n", b"\x7fELF\x02\x01 and then nothing of all that should follow"]
        {
            assert_eq!(sizes(file), None);
        }
    }
}
