//! The paths of the host that a volume would make reachable, by its driver and its options.
//!
//! The daemon's own driver (`local`) hands `type`, `o` and `device` to mount(2). Seen on 20.10:
//! `o=bind` binds whatever the type says (`nfs` and `tmpfs` too), a relative device starts at the
//! daemon's working directory (`../../root` was `/root`), overlay's `lowerdir` takes relative paths
//! and backslashes (`/ro\ot` is `/root`), and any other file system that the kernel has can be
//! mounted: `sysfs`, `proc`, the host's own disk. What another driver mounts only that one knows.
//! Knows nothing of rules.

use std::net::{IpAddr, Ipv6Addr};

use super::effects::{BodyError, Effects};
use super::json::Object;
use crate::policy::effects::{Effect, Place};

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
    /// The file system.
    Type,
    /// What is mounted.
    Device,
    /// Mount options.
    O,
    /// One that the daemon's own driver does not know.
    Other,
}

impl OptionName {
    /// Where the option stands, inside a mount.
    pub(super) fn in_mount(self) -> &'static str {
        match self {
            Self::Type => "VolumeOptions.DriverConfig.Options[type]",
            Self::Device => "VolumeOptions.DriverConfig.Options[device]",
            Self::O => "VolumeOptions.DriverConfig.Options[o]",
            Self::Other => "VolumeOptions.DriverConfig.Options",
        }
    }
}

/// Whether the name of a driver leaves the directories in which the daemon looks plugins up.
pub(super) fn leads_out(driver: &str) -> bool {
    driver.split('/').any(|step| step.is_empty() || step.starts_with('.'))
}

/// Refuses such a name, whatever the rules: no name is the daemon's own driver.
pub(super) fn check_driver(name: Option<&str>, at: &'static str) -> Result<(), BodyError> {
    if name.is_some_and(|name| !name.is_empty() && leads_out(name)) {
        let reason = "the name of a driver is a path to elsewhere".to_owned();
        return Err(BodyError::Value { at: Place::Field(at), reason });
    }
    Ok(())
}

/// Who mounts a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Driver {
    /// The daemon itself: options say what.
    Local,
    /// A plugin, which may mount any path.
    Foreign,
}

impl Driver {
    /// What `name` means, and its effect: that of a plugin is every path.
    ///
    /// # Errors
    /// [`BodyError`] for a name that leaves the directories in which the daemon looks plugins up. It
    /// appends the name to them as it is: seen on 20.10, `../../../tmp/x` reaches a socket that
    /// anybody may have put there.
    pub(super) fn of(name: &str, at: Place, effects: &mut Effects) -> Result<Self, BodyError> {
        if matches!(name, "" | "local") {
            return Ok(Self::Local);
        }
        if leads_out(name) {
            return Err(BodyError::Value { at, reason: "a driver's name is no path".to_owned() });
        }
        effects.push_path(UNKNOWN, at)?;
        Ok(Self::Foreign)
    }
}

/// All paths of the host that a volume of the daemon's own driver with `options` would make
/// reachable.
pub(super) fn reached(options: &Object) -> Vec<Reached<'_>> {
    let text = |name| options.text(name).unwrap_or_default();
    let (kind, o, device) = (text("type"), text("o"), text("device"));
    let mut reached = Vec::new();
    match kind {
        _ if o.split(',').any(is_bind) => push(&mut reached, OptionName::Device, [known(device)]),
        "" if o.is_empty() && device.is_empty() => (),
        "tmpfs" => (),
        "overlay" => push(&mut reached, OptionName::O, o.split(',').flat_map(mount_option)),
        "nfs" | "nfs4" | "cifs" | "smb3" if servers(options).is_some() => (),
        "nfs" | "nfs4" | "cifs" | "smb3" => push(&mut reached, OptionName::O, [UNKNOWN]),
        _ => push(&mut reached, OptionName::Type, [UNKNOWN]),
    }
    // The daemon refuses all others, to the letter.
    let is_known = |name| matches!(name, "type" | "o" | "device" | "size");
    if options.iter().any(|(name, _)| !is_known(name)) {
        push(&mut reached, OptionName::Other, [UNKNOWN]);
    }
    reached
}

/// Adds the machines of [`servers`].
pub(super) fn push_servers(options: Option<&Object>, at: &Place, effects: &mut Effects) {
    for address in options.and_then(servers).unwrap_or_default() {
        effects.push(Effect::FileServer(address), at.clone());
    }
}

/// The machines whose files a volume would mount, if each is known by an address that another than
/// this one can have. Whether one is this host's after all, the host must be asked.
fn servers(options: &Object) -> Option<Vec<IpAddr>> {
    let text = |name| options.text(name).unwrap_or_default();
    match text("type") {
        _ if text("o").split(',').any(is_bind) => None,
        "nfs" | "nfs4" => far_addresses(text("o"), None),
        "cifs" | "smb3" => far_addresses(text("o"), host_of(text("device"))),
        _ => None,
    }
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

fn known(path: &str) -> &str {
    if path.starts_with('/') { path } else { UNKNOWN }
}

/// The paths in one of the options of overlay: `lowerdir=/a:/b`.
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

/// Every address in the options, or `otherwise` if they have none, if each is one that another
/// machine can have. The kernel takes numbers; a name could lead here.
fn far_addresses(o: &str, otherwise: Option<&str>) -> Option<Vec<IpAddr>> {
    let mut addresses = Vec::new();
    for option in o.split(',') {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "addr" | "ip" | "mountaddr" => addresses.push(value),
            // `sep=;` makes the kernel split what follows at another letter than the comma.
            "source" | "unc" | "mounthost" | "sep" => return None,
            _ => (),
        }
    }
    if addresses.is_empty() {
        addresses.extend(otherwise);
    }
    let far = addresses.into_iter().map(far);
    far.collect::<Option<Vec<_>>>().filter(|far| !far.is_empty())
}

/// The machine in `//machine/share`.
fn host_of(device: &str) -> Option<&str> {
    device.trim_start_matches(['/', '\\']).split(['/', '\\']).next()
}

fn far(address: &str) -> Option<IpAddr> {
    let address = address.parse::<IpAddr>().ok()?.to_canonical();
    let is_near = match address {
        IpAddr::V4(v4) => {
            v4.is_loopback()
                || v4.octets().starts_with(&[0])
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
        }
        IpAddr::V6(v6) => {
            let near = [Ipv6Addr::LOCALHOST, Ipv6Addr::UNSPECIFIED].contains(&v6);
            near || v6.is_unicast_link_local() || v6.is_multicast()
        }
    };
    (!is_near).then_some(address)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::engine::json;
    use crate::engine::schema::VOLUME_CREATE;

    fn paths(options: &str) -> Vec<String> {
        let body = format!("{{\"DriverOpts\":{options}}}");
        let body = json::read(body.as_bytes(), &VOLUME_CREATE).unwrap();
        let options = body.object("DriverOpts").unwrap();
        reached(options).into_iter().map(|reached| reached.path.to_owned()).collect()
    }

    #[test]
    fn every_way_to_a_path_of_the_host_is_seen() {
        for (options, expected) in [
            (r#"{}"#, &[][..]),
            (r#"{"size":"10m"}"#, &[]),
            (r#"{"type":"","o":null,"device":""}"#, &[]),
            (r#"{"type":"none","o":"bind","device":"/root"}"#, &["/root"]),
            (r#"{"type":"none","o":"ro,rbind","device":"/a/../root"}"#, &["/a/../root"]),
            (r#"{"type":"none","o":" BIND ","device":"/root"}"#, &["/root"]),
            (r#"{"type":"nfs","o":"bind","device":"/root"}"#, &["/root"]),
            (r#"{"type":"tmpfs","o":"bind","device":"../../root"}"#, &["/"]),
            (r#"{"type":"none","o":"","device":"/root"}"#, &["/"]),
            (r#"{"type":"none","o":"bind","device":"root"}"#, &["/"]),
            (r#"{"o":"uid=1000"}"#, &["/"]),
            (r#"{"type":"ext4","device":"/dev/sda1"}"#, &["/"]),
            (r#"{"type":"proc","device":"proc"}"#, &["/"]),
            (r#"{"type":"sysfs","device":"x"}"#, &["/"]),
            (r#"{"type":"cgroup","device":"x","o":"memory"}"#, &["/"]),
            (r#"{"type":" tmpfs","device":"x"}"#, &["/"]),
            (r#"{"type":"fuse.x","device":"x"}"#, &["/"]),
            (r#"{"type":"tmpfs","device":"tmpfs","o":"size=10m,uid=1000"}"#, &[]),
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
            (r#"{"mountpoint":"/root"}"#, &["/"]),
            (r#"{"type":"tmpfs","device":"x","Device":"/etc"}"#, &["/"]),
        ] {
            assert_eq!(paths(options), expected, "{options}");
        }
    }

    #[test]
    fn a_far_file_system_is_one_at_an_address_that_is_not_this_machine() {
        for (kind, device, o, is_far) in [
            ("nfs", ":/export", "addr=10.0.0.1,rw,nfsvers=4", true),
            ("nfs4", ":/export", "rw,addr=2001:db8::1", true),
            ("nfs", ":/export", "", false),
            ("nfs", "10.0.0.1:/export", "rw", false),
            ("nfs", ":/export", "addr=127.0.0.1,rw", false),
            ("nfs", ":/export", "addr=10.0.0.1,addr=127.3.2.1", false),
            ("nfs", ":/export", "addr=10.0.0.1, ADDR=::1", false),
            ("nfs", ":/export", "addr=10.0.0.1,mountaddr=::ffff:127.0.0.1", false),
            ("nfs", ":/export", "addr=localhost", false),
            ("nfs", ":/export", "addr=0.0.0.0", false),
            ("nfs", ":/export", "addr=127.1", false),
            ("nfs", ":/export", "addr=fe80::1%eth0", false),
            ("NFS", ":/export", "addr=10.0.0.1", false),
            ("cifs", "//10.0.0.1/share", r"username=a\\b,password=/x", true),
            ("cifs", "//nas/share", "addr=10.0.0.1", true),
            ("cifs", "//10.0.0.1/share", "ip=127.0.0.1", false),
            ("cifs", "//10.0.0.1/share", "sep=;ip=127.0.0.1;username=a", false),
            ("cifs", "//10.0.0.1/share", "unc=//127.0.0.1/x", false),
            ("cifs", r"\\\\127.0.0.1\\share", "username=a", false),
            ("smb3", "//localhost/share", "", false),
            ("cifs", "", "", false),
        ] {
            let options = format!(r#"{{"type":"{kind}","device":"{device}","o":"{o}"}}"#);
            let expected = if is_far { &[][..] } else { &["/"] };
            assert_eq!(paths(&options), expected, "{options}");
        }
    }

    #[test]
    fn drivers() {
        let of = |name: &str| {
            let mut effects = Effects::default();
            let driver = Driver::of(name, Place::Field("Driver"), &mut effects);
            driver.map(|driver| (driver, effects.into_asked().len()))
        };
        for name in ["", "local"] {
            assert_eq!(of(name), Ok((Driver::Local, 0)), "{name}");
        }
        for name in ["Local", "local ", "persist", "vieux/sshfs:latest", "a..b"] {
            assert_eq!(of(name), Ok((Driver::Foreign, 1)), "{name}");
        }
        for name in ["/x", "../x", "a/../../x", ".x", "a/.x", "a//x", "a/", "..", "local/."] {
            assert!(of(name).is_err(), "{name}");
        }
    }
}
