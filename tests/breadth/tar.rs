//! Archives of a few small files: POSIX ustar.

/// These files, all of them root's.
pub(crate) fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut all: Vec<u8> = files.iter().flat_map(|(name, text)| file(name, text)).collect();
    all.resize(all.len() + 1024, 0);
    all
}

fn file(name: &str, text: &str) -> Vec<u8> {
    let mut head = vec![0; 512];
    let mut put = |at: usize, bytes: &[u8]| head[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, b"0000755\x000000000\x000000000\0");
    put(124, format!("{:011o}\0", text.len()).as_bytes());
    put(136, b"00000000000\0        0");
    put(257, b"ustar\x0000");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    head.extend_from_slice(text.as_bytes());
    head.resize(head.len().next_multiple_of(512), 0);
    head
}
