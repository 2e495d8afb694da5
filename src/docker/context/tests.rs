#![expect(clippy::unwrap_used, reason = "a failed test should say where")]

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;

const TEXT: &str = "FROM probe:1\n";

/// A header with a right sum.
fn header(name: &[u8], flag: u8, size: usize, magic: &[u8]) -> Vec<u8> {
    let mut block = vec![0; 512];
    let mut put = |at: usize, bytes: &[u8]| {
        block.get_mut(at..at + bytes.len()).unwrap().copy_from_slice(bytes);
    };
    put(0, name);
    put(124, format!("{size:011o}").as_bytes());
    put(148, b"        ");
    put(156, &[flag]);
    put(257, magic);
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block.get_mut(148..155).unwrap().copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block
}

fn entry_of(name: &[u8], flag: u8, content: &[u8], magic: &[u8]) -> Vec<u8> {
    let mut entry = header(name, flag, content.len(), magic);
    entry.extend_from_slice(content);
    entry.resize(entry.len().next_multiple_of(512), 0);
    entry
}

const POSIX: &[u8] = b"ustar\x0000";
const GNU: &[u8] = b"ustar  \0";

fn entry(name: &str, flag: u8, content: &str) -> Vec<u8> {
    entry_of(name.as_bytes(), flag, content.as_bytes(), POSIX)
}

fn file(name: &str) -> Vec<u8> {
    entry(name, b'0', TEXT)
}

fn end() -> Vec<u8> {
    vec![0; 1024]
}

fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), end()].concat()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let record = |(key, value): &(&str, &str)| {
        let rest = format!(" {key}={value}\n");
        let mut length = rest.len();
        while length != rest.len() + length.to_string().len() {
            length = rest.len() + length.to_string().len();
        }
        format!("{length}{rest}")
    };
    let content: String = records.iter().map(record).collect();
    entry("PaxHeaders.0/x", b'x', &content)
}

#[test]
fn the_dockerfile_is_where_the_daemon_finds_it() {
    let long = format!("{}/Dockerfile", "d".repeat(150));
    for (entries, name) in [
        (vec![file("Dockerfile")], ""),
        (vec![file("./Dockerfile")], "Dockerfile"),
        (vec![file("/Dockerfile")], "./Dockerfile"),
        (vec![file("dockerfile")], ""),
        (vec![entry("dockerfile", b'0', "x"), file("Dockerfile")], "Dockerfile"),
        (vec![entry("./", b'5', ""), entry("a/", b'5', ""), file("a//./f")], "x/../a/f"),
        (vec![file("a/f"), entry("a/l", b'2', "")], "../../a/f"),
        (vec![entry("a/", 0, ""), entry("a/f", 0, TEXT)], "a/f"),
        (vec![entry_of(b"Dockerfile", b'0', TEXT.as_bytes(), b"")], ""),
        (vec![entry_of(b"Dockerfile", b'0', TEXT.as_bytes(), GNU)], ""),
        (vec![entry("pax_global_header", b'g', "11 comment=\n"), file("Dockerfile")], "")
            .map_records(),
        (vec![pax(&[("path", "Dockerfile"), ("mtime", "1.5")]), file("other")], ""),
        (vec![pax(&[("path", &long)]), file("other")], &long),
        (vec![entry_of(b"././@LongLink", b'L', long.as_bytes(), GNU), file("other")], &long),
        (vec![entry("x", b'1', ""), entry("y", b'6', ""), file("Dockerfile")], ""),
    ] {
        let archive = archive(&entries);
        assert_eq!(dockerfile(&archive, name), Ok(TEXT.to_owned()), "{name}");
        assert_eq!(dockerfile(&gzipped(&archive), name), Ok(TEXT.to_owned()), "{name}, gzip");
    }
    // Nothing at all is an end, too.
    assert_eq!(dockerfile(&file("Dockerfile"), ""), Ok(TEXT.to_owned()));
}

trait MapRecords {
    fn map_records(self) -> Self;
}

impl MapRecords for (Vec<Vec<u8>>, &str) {
    /// A global header with a record of the right length.
    fn map_records(mut self) -> Self {
        let content = "13 comment=x\n";
        *self.0.first_mut().unwrap() = entry("pax_global_header", b'g', content);
        self
    }
}

#[test]
fn what_might_be_another_file_to_the_daemon_is_refused() {
    let mut wrong_sum = file("Dockerfile");
    *wrong_sum.first_mut().unwrap() = b'd';
    let padded = [header(b"Dockerfile", b'0', 1 << 40, POSIX), end()].concat();
    for (what, entries, name) in [
        ("none", vec![file("other")], ""),
        ("lower case of another name", vec![file("build")], "Build"),
        ("twice", vec![file("Dockerfile"), file("./Dockerfile")], ""),
        ("a link", vec![file("x"), entry("Dockerfile", b'2', "")], ""),
        ("a hard link", vec![file("x"), entry("Dockerfile", b'1', "")], ""),
        ("a folder", vec![entry("Dockerfile/", b'5', "")], ""),
        ("a folder with files", vec![file("Dockerfile"), file("Dockerfile/x")], ""),
        ("taken away by its folder", vec![file("a/f"), file("a")], "a/f"),
        ("behind a link", vec![file("Dockerfile"), entry("l", b'2', ""), file("l/Dockerfile")], ""),
        (
            "behind a deep link",
            vec![entry("a/l", b'2', ""), file("a/l/b/c"), file("Dockerfile")],
            "",
        ),
        ("upwards", vec![file("x/../Dockerfile")], ""),
        ("a device", vec![entry("Dockerfile", b'3', "")], ""),
        ("contiguous", vec![file("Dockerfile"), entry("x", b'7', "")], ""),
        ("sparse", vec![file("Dockerfile"), entry("x", b'S', "")], ""),
        ("sparse by a record", vec![pax(&[("GNU.sparse.major", "1")]), file("Dockerfile")], ""),
        ("size by a record", vec![pax(&[("size", "0")]), file("Dockerfile")], ""),
        ("path twice", vec![pax(&[("path", "x"), ("path", "y")]), file("Dockerfile")], ""),
        ("two records", vec![pax(&[("path", "x")]), pax(&[("path", "y")]), file("z")], "x"),
        ("a record and a name", vec![pax(&[]), entry("n", b'L', "x"), file("z")], "x"),
        ("a record at the end", vec![file("Dockerfile"), pax(&[("path", "x")])], ""),
        ("a folder with content", vec![entry("a", b'5', "x"), file("Dockerfile")], ""),
        ("a file with a slash", vec![file("Dockerfile/")], ""),
        ("a wrong sum", vec![wrong_sum], ""),
        ("the end first", vec![end(), file("Dockerfile")], ""),
        ("looks like bzip2", vec![file("BZh91AY"), file("Dockerfile")], ""),
        ("looks like bzip2 behind", vec![file("a/BZh91AY"), file("Dockerfile")], ""),
        (
            "looks like gzip",
            vec![entry_of(b"\x1F\x8B\x08\x04", b'0', b"", GNU), file("Dockerfile")],
            "",
        ),
        ("not UTF-8", vec![entry_of(b"Dockerfile", b'0', b"FROM \xFF", POSIX)], ""),
        ("STAR", vec![entry_of(b"Dockerfile", b'0', b"x", b"ustar\x0000")].star(), ""),
        ("no name", vec![file("Dockerfile")], "/"),
    ] {
        assert!(dockerfile(&archive(&entries), name).is_err(), "{what}");
    }
    for (what, body) in [
        ("nothing", Vec::new()),
        ("plain text", TEXT.as_bytes().to_vec()),
        ("cut short", archive(&[file("Dockerfile")]).get(..700).unwrap().to_vec()),
        ("too long", padded),
        ("bzip2", b"BZh9".to_vec()),
        ("xz", b"\xFD7zXZ\0".to_vec()),
    ] {
        assert!(dockerfile(&body, "").is_err(), "{what}");
    }
}

trait Star {
    fn star(self) -> Self;
}

impl Star for Vec<Vec<u8>> {
    /// The trailer of the format `star`, whose prefix is shorter.
    fn star(mut self) -> Self {
        let block = self.first_mut().unwrap();
        block.get_mut(508..512).unwrap().copy_from_slice(b"tar\0");
        block.get_mut(148..156).unwrap().fill(b' ');
        let sum: u32 = block.iter().take(512).map(|byte| u32::from(*byte)).sum();
        block.get_mut(148..155).unwrap().copy_from_slice(format!("{sum:06o}\0").as_bytes());
        self
    }
}

#[test]
fn deep_paths_count_only_behind_a_link() {
    let deep = |number: usize| file(&format!("{}{number}", "a/".repeat(44)));
    let many: Vec<_> = (0..=PARTS_MAX / 44).map(deep).collect();
    let with = |first: Vec<u8>| {
        let entries: Vec<_> =
            [first].into_iter().chain(many.iter().cloned()).chain([file("Dockerfile")]).collect();
        dockerfile(&archive(&entries), "")
    };
    assert!(with(file("x")).is_ok());
    assert!(with(entry("l", b'2', "")).unwrap_err().contains("too deep"));
}

#[test]
fn compression_has_one_reading_and_a_bound() {
    let plain = archive(&[file("Dockerfile")]);
    let whole = gzipped(&plain);
    let two = [gzipped(plain.get(..512).unwrap()), gzipped(plain.get(512..).unwrap())].concat();
    let mut bad_sum = whole.clone();
    let sum = bad_sum.len() - 8;
    *bad_sum.get_mut(sum).unwrap() ^= 1;
    let bomb = [file("Dockerfile"), vec![0; 32 << 20]].concat();
    for (what, body) in [
        ("two members", two),
        ("something behind", [whole.clone(), b"x".to_vec()].concat()),
        ("cut short", whole.get(..whole.len() - 4).unwrap().to_vec()),
        ("wrong sum", bad_sum),
        ("a bomb", gzipped(&bomb)),
        ("twice", gzipped(&whole)),
    ] {
        assert!(dockerfile(&body, "").is_err(), "{what}");
    }
    assert_eq!(dockerfile(&whole, ""), Ok(TEXT.to_owned()));
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..2048), at in 0..512_usize, byte: u8) {
        drop(dockerfile(&body, ""));
        let mut archive = archive(&[file("Dockerfile")]);
        *archive.get_mut(at).unwrap() = byte;
        drop(dockerfile(&archive, ""));
        drop(dockerfile(&gzipped(&body), ""));
    }
}
