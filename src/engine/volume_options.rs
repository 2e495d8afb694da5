//! The paths of the host that the options of a volume would make reachable.
//!
//! The daemon's own driver (`local`) hands `type`, `o` and `device` to mount(2). Seen on 20.10:
//! `o=bind` binds whatever the type says (`nfs` too), a relative device starts at the daemon's
//! working directory (`../../root` was `/root`), and overlay's `lowerdir` takes relative paths and
//! backslashes (`/ro\ot` is `/root`). Other drivers know other options: with them every absolute
//! path counts. Knows nothing of rules.

use super::json::Object;

/// A path that options would make reachable.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reached<'a> {
    /// The option that says so.
    pub option: OptionName,
    /// An absolute path, or [`UNKNOWN`].
    pub path: &'a str,
}

/// Any path could be meant: it is relative, escaped, or a whole file system on a device.
pub(super) const UNKNOWN: &str = "/";

/// An option as far as messages name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OptionName {
    /// What is mounted.
    Device,
    /// Mount options.
    O,
    /// One that only another driver knows.
    Other,
}

/// All paths of the host that a volume with `options` would make reachable.
pub(super) fn reached(options: &Object) -> Vec<Reached<'_>> {
    let kind = options.text("type").unwrap_or_default();
    let o = options.text("o").unwrap_or_default();
    let binds = o.split(',').any(is_bind);
    let mut reached = Vec::new();
    for (name, value) in options.iter() {
        let Some(value) = value.as_text().filter(|value| !value.is_empty()) else {
            continue;
        };
        match name {
            "device" if binds => push(&mut reached, OptionName::Device, [known(value)]),
            "device" | "o" if is_far(kind) => (),
            "device" if kind == "overlay" => (),
            "device" => push(&mut reached, OptionName::Device, device(value)),
            "o" => push(&mut reached, OptionName::O, value.split(',').flat_map(mount_option)),
            _ if value.starts_with('/') => push(&mut reached, OptionName::Other, [value]),
            _ => (),
        }
    }
    reached
}

fn push<'a>(
    reached: &mut Vec<Reached<'a>>,
    option: OptionName,
    paths: impl IntoIterator<Item = &'a str>,
) {
    reached.extend(paths.into_iter().map(|path| Reached { option, path }));
}

/// Whether a mount option makes the rest a bind. The daemon compares exactly; this does not.
fn is_bind(option: &str) -> bool {
    let option = option.trim();
    ["bind", "rbind", "move", "remount"].iter().any(|flag| option.eq_ignore_ascii_case(flag))
}

/// File systems whose device is no path of this host.
fn is_far(kind: &str) -> bool {
    matches!(kind, "nfs" | "nfs4" | "cifs" | "smb3" | "tmpfs" | "ceph")
}

fn known(path: &str) -> &str {
    if path.starts_with('/') { path } else { UNKNOWN }
}

/// A device has a file system on it that only the kernel can look into.
fn device(path: &str) -> impl Iterator<Item = &str> {
    let whole = path.starts_with("/dev").then_some(UNKNOWN);
    std::iter::once(known(path)).chain(whole)
}

/// The paths in one of the options between commas: `lowerdir=/a:/b`.
fn mount_option(option: &str) -> impl Iterator<Item = &str> {
    let (name, value) = option.split_once('=').unwrap_or(("", option));
    let escaped = option.contains('\\').then_some(UNKNOWN);
    let is_directory = name.trim().trim_end_matches('+').to_ascii_lowercase().ends_with("dir");
    let paths = value.split(':').filter(|path| !path.is_empty());
    let paths = paths.filter_map(move |path| match path.starts_with('/') {
        true => Some(path),
        false => is_directory.then_some(UNKNOWN),
    });
    escaped.into_iter().chain(paths)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::engine::json;
    use crate::engine::schema::CREATE;

    fn paths(options: &str) -> Vec<String> {
        // Labels are a map of strings, as options are.
        let body = json::read(format!("{{\"Labels\":{options}}}").as_bytes(), &CREATE).unwrap();
        let options = body.object("Labels").unwrap();
        reached(options).into_iter().map(|reached| reached.path.to_owned()).collect()
    }

    #[test]
    fn every_way_to_a_path_of_the_host_is_seen() {
        for (options, expected) in [
            (r#"{}"#, &[][..]),
            (r#"{"size":"10m"}"#, &[]),
            (r#"{"type":"none","o":"bind","device":"/root"}"#, &["/root"]),
            (r#"{"type":"none","o":"ro,rbind","device":"/a/../root"}"#, &["/a/../root"]),
            (r#"{"type":"none","o":" BIND ","device":"/root"}"#, &["/root"]),
            (r#"{"type":"nfs","o":"bind","device":"/root"}"#, &["/root"]),
            (r#"{"type":"tmpfs","o":"bind","device":"../../root"}"#, &["/"]),
            (r#"{"type":"none","o":"","device":"/root"}"#, &["/root"]),
            (r#"{"type":"none","o":"bind","device":"root"}"#, &["/"]),
            (r#"{"type":"ext4","device":"/dev/sda1"}"#, &["/dev/sda1", "/"]),
            (r#"{"type":"ext4","device":"dev/sda1"}"#, &["/"]),
            (r#"{"type":"proc","device":"proc"}"#, &["/"]),
            (r#"{"type":"tmpfs","device":"tmpfs","o":"size=10m,uid=1000"}"#, &[]),
            (r#"{"type":"nfs","device":":/export","o":"addr=10.0.0.1,rw,vers=4"}"#, &[]),
            (r#"{"type":"cifs","device":"//host/share","o":"username=a\\b,password=/x"}"#, &[]),
            (r#"{"type":"NFS","device":"/export"}"#, &["/export"]),
            (
                r#"{"type":"overlay","device":"overlay","o":"lowerdir=/root:/tmp"}"#,
                &["/root", "/tmp"],
            ),
            (
                r#"{"type":"overlay","device":"overlay","o":"lowerdir=../root::/b,upperdir=/u,workdir=/w"}"#,
                &["/", "/b", "/u", "/w"],
            ),
            (r#"{"type":"overlay","device":"x","o":"lowerdir=/ro\\ot"}"#, &["/", "/ro\\ot"]),
            (r#"{"type":"overlay","device":"x","o":"lowerdir+=root"}"#, &["/"]),
            (r#"{"mountpoint":"/root","Device":"/etc"}"#, &["/root", "/etc"]),
            (r#"{"share":"host:/x"}"#, &[]),
        ] {
            assert_eq!(paths(options), expected, "{options}");
        }
    }
}
