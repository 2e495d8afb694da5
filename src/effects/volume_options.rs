//! The paths of the host that a volume would make reachable, by its driver and its options.
//!
//! The daemon's own driver (`local`) hands `type`, `o` and `device` to mount(2). Seen on 20.10:
//! `o=bind` binds whatever the type says (`nfs` and `tmpfs` too), a relative device starts at the
//! daemon's working directory (`../../root` was `/root`), overlay's `lowerdir` takes relative paths
//! and backslashes (`/ro\ot` is `/root`), and any other file system that the kernel has can be
//! mounted: `sysfs`, `proc`, the host's own disk. What another driver mounts only that one knows.
//! Knows nothing of rules.

use crate::docker::json::Object;
use crate::effects::collect::{BodyError, Effects};
use crate::policy::effects::{AnyPath, FieldPath, MountEffect};
use crate::policy::shares::{Protocol, Server, Share};
use crate::policy::types::HostPath;

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
        return Err(BodyError::Value { at: FieldPath::Field(at), reason });
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
    pub(super) fn of(name: &str, at: FieldPath, effects: &mut Effects) -> Result<Self, BodyError> {
        if matches!(name, "" | "local") {
            return Ok(Self::Local);
        }
        if leads_out(name) {
            return Err(BodyError::Value {
                at,
                reason: "a driver's name is not a path".to_owned(),
            });
        }
        effects.push_any(AnyPath::VolumeDriver(name.to_owned()), at);
        Ok(Self::Foreign)
    }
}

/// Adds all that a volume of the daemon's own driver with `options` would make reachable; `at` says where
/// an option stands.
pub(super) fn push_reached(
    options: &Object,
    at: impl Fn(OptionName) -> FieldPath,
    effects: &mut Effects,
) -> Result<(), BodyError> {
    let text = |name| options.text(name).unwrap_or_default();
    let (kind, o, device) = (text("type"), text("o"), text("device"));
    match kind {
        _ if o.split(',').any(is_bind) => effects.push_path(device, at(OptionName::Device))?,
        "" if o.is_empty() && device.is_empty() => (),
        "tmpfs" => (),
        "overlay" => {
            for option in o.split(',') {
                push_overlay(option, at(OptionName::O), effects)?;
            }
        }
        "nfs" | "nfs4" | "cifs" | "smb3" => match shares(kind, o, device) {
            Ok(shares) => shares
                .into_iter()
                .for_each(|share| effects.push(MountEffect::FileServer(share), at(OptionName::O))),
            Err(any) => effects.push_any(any, at(OptionName::O)),
        },
        _ => effects.push_any(AnyPath::FileSystem(kind.to_owned()), at(OptionName::Type)),
    }
    // The daemon refuses all others, to the letter.
    let is_known = |name: &str| matches!(name, "type" | "o" | "device" | "size");
    for (name, _) in options.iter().filter(|(name, _)| !is_known(name)) {
        effects.push_any(AnyPath::Option(name.to_owned()), at(OptionName::Other));
    }
    Ok(())
}

/// Whether a mount option makes the rest a bind. The daemon compares exactly; this does not.
fn is_bind(option: &str) -> bool {
    let option = option.trim();
    ["bind", "rbind", "move", "remount"].iter().any(|flag| option.eq_ignore_ascii_case(flag))
}

/// Adds the paths in one of the options of overlay: `lowerdir=/a:/b`.
fn push_overlay(option: &str, at: FieldPath, effects: &mut Effects) -> Result<(), BodyError> {
    let (name, value) = option.split_once('=').unwrap_or(("", option));
    if option.contains('\\') {
        effects.push_any(AnyPath::Option(option.to_owned()), at.clone());
    }
    let is_directory = name.trim().trim_end_matches('+').to_ascii_lowercase().ends_with("dir");
    for path in value.split(':').filter(|path| !path.is_empty()) {
        if is_directory || path.starts_with('/') {
            effects.push_path(path, at.clone())?;
        }
    }
    Ok(())
}

/// What other machines export by these options: one share for each address that they have. The daemon
/// resolves a name when it mounts; the kernel is told the address (`addr`), whatever `device` says.
fn shares(kind: &str, o: &str, device: &str) -> Result<Vec<Share>, AnyPath> {
    let (protocol, host, path) = match kind {
        "nfs" | "nfs4" => nfs(device),
        _ => smb(device),
    };
    let mut servers = Vec::new();
    let mut is_whole = true;
    for option in o.split(',') {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "addr" | "ip" | "mountaddr" => servers.push(value),
            // `sep=;` makes the kernel split what follows at another letter than the comma.
            "source" | "unc" | "mounthost" | "sep" => {
                return Err(AnyPath::Option(name.trim().to_owned()));
            }
            "prefixpath" => is_whole = false,
            _ => (),
        }
    }
    if servers.is_empty() && protocol == Protocol::Smb {
        servers.extend(host.filter(|host| !host.is_empty()));
    }
    if servers.is_empty() || servers.contains(&"") {
        return Err(AnyPath::NoServer(kind.to_owned()));
    }
    let path = path.filter(|_| is_whole);
    let share = |server: &str| Share { protocol, server: Server::of(server), path: path.clone() };
    Ok(servers.into_iter().map(share).collect())
}

/// `:/path`; a name of the server in front is for people.
fn nfs(device: &str) -> (Protocol, Option<&str>, Option<HostPath>) {
    let path =
        device.split_once(":/").and_then(|(_, path)| HostPath::parse(&format!("/{path}")).ok());
    (Protocol::Nfs, None, path)
}

/// `//server/share`, which the daemon takes for a URL: of one with more than that no path is known.
fn smb(device: &str) -> (Protocol, Option<&str>, Option<HostPath>) {
    let host = device.trim_start_matches(['/', '\\']).split(['/', '\\']).next();
    let is_plain = !device.contains(['\\', '%', '?', '#', '@']);
    let rest = device.strip_prefix("//").filter(|rest| is_plain && !rest.starts_with('/'));
    let path = rest.and_then(|rest| rest.split_once('/'));
    (Protocol::Smb, host, path.and_then(|(_, path)| HostPath::parse(&format!("/{path}")).ok()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::docker::json;
    use crate::docker::schema::VOLUME_CREATE;
    use crate::policy::effects::Effect;

    /// What is reached, in words: a path, `any`, or a share.
    fn reached(options: &str) -> Vec<String> {
        let body = format!("{{\"DriverOpts\":{options}}}");
        let body = json::read(body.as_bytes(), &VOLUME_CREATE).unwrap();
        let mut effects = Effects::default();
        let options = body.object("DriverOpts").unwrap();
        push_reached(options, |_| FieldPath::Field("X"), &mut effects).unwrap();
        let told = effects.into_asked().into_iter().map(|asked| match asked.effect {
            Effect::Mount(MountEffect::HostPath(path)) => path.to_string(),
            Effect::Mount(MountEffect::AnyPath(any)) => format!("{any:?}"),
            Effect::Mount(MountEffect::FileServer(share)) => share.to_string(),
            effect => format!("{effect:?}"),
        });
        told.collect()
    }

    #[test]
    fn every_way_to_a_path_of_the_host_is_seen() {
        for (options, expected) in [
            (r#"{}"#, &[][..]),
            (r#"{"size":"10m"}"#, &[]),
            (r#"{"type":"","o":null,"device":""}"#, &[]),
            (r#"{"type":"none","o":"bind","device":"/root"}"#, &["/root"]),
            (r#"{"type":"none","o":"ro,rbind","device":"/a/../root"}"#, &["/root"]),
            (r#"{"type":"none","o":" BIND ","device":"/root"}"#, &["/root"]),
            (r#"{"type":"nfs","o":"bind","device":"/root"}"#, &["/root"]),
            (r#"{"type":"tmpfs","o":"bind","device":"../../root"}"#, &["Relative(\"../../root\")"]),
            (r#"{"type":"none","o":"","device":"/root"}"#, &["FileSystem(\"none\")"]),
            (r#"{"type":"none","o":"bind","device":"root"}"#, &["Relative(\"root\")"]),
            (r#"{"o":"uid=1000"}"#, &["FileSystem(\"\")"]),
            (r#"{"type":"ext4","device":"/dev/sda1"}"#, &["FileSystem(\"ext4\")"]),
            (r#"{"type":"proc","device":"proc"}"#, &["FileSystem(\"proc\")"]),
            (r#"{"type":"sysfs","device":"x"}"#, &["FileSystem(\"sysfs\")"]),
            (r#"{"type":"cgroup","device":"x","o":"memory"}"#, &["FileSystem(\"cgroup\")"]),
            (r#"{"type":" tmpfs","device":"x"}"#, &["FileSystem(\" tmpfs\")"]),
            (r#"{"type":"fuse.x","device":"x"}"#, &["FileSystem(\"fuse.x\")"]),
            (r#"{"type":"tmpfs","device":"tmpfs","o":"size=10m,uid=1000"}"#, &[]),
            (
                r#"{"type":"overlay","device":"overlay","o":"lowerdir=/root:/tmp"}"#,
                &["/root", "/tmp"],
            ),
            (
                r#"{"type":"overlay","device":"overlay","o":"lowerdir=../root::/b,upperdir=/u,workdir=/w"}"#,
                &["Relative(\"../root\")", "/b", "/u", "/w"],
            ),
            (
                r#"{"type":"overlay","device":"x","o":"lowerdir=/ro\\ot"}"#,
                &["Option(\"lowerdir=/ro\\\\ot\")", "\"/ro\\\\ot\""],
            ),
            (r#"{"type":"overlay","device":"x","o":"lowerdir+=root"}"#, &["Relative(\"root\")"]),
            (r#"{"mountpoint":"/root"}"#, &["Option(\"mountpoint\")"]),
            (r#"{"type":"tmpfs","device":"x","Device":"/etc"}"#, &["Option(\"Device\")"]),
        ] {
            assert_eq!(reached(options), expected, "{options}");
        }
    }

    #[test]
    fn shares_by_the_server_that_the_kernel_is_told() {
        for (kind, device, o, expected) in [
            ("nfs", ":/export", "addr=10.0.0.1,rw,nfsvers=4", &["10.0.0.1:/export"][..]),
            ("nfs4", ":/export", "rw,addr=2001:db8::1", &["[2001:db8::1]:/export"]),
            ("nfs", ":/export", "addr=NAS.lan.,rw", &["nas.lan:/export"]),
            ("nfs", "nas.lan:/a/../export", "addr=nas.lan", &["nas.lan:/export"]),
            ("nfs", ":export", "addr=nas.lan", &["nas.lan:/..."]),
            ("nfs", ":/export", "", &["NoServer(\"nfs\")"]),
            ("nfs", ":/export", "addr=", &["NoServer(\"nfs\")"]),
            ("nfs", "10.0.0.1:/export", "rw", &["NoServer(\"nfs\")"]),
            (
                "nfs",
                ":/x",
                "addr=10.0.0.1, ADDR=::1,mountaddr=::ffff:127.0.0.1",
                &["10.0.0.1:/x", "[::1]:/x", "127.0.0.1:/x"],
            ),
            ("nfs", ":/x", "addr=10.0.0.1,mounthost=evil", &["Option(\"mounthost\")"]),
            ("NFS", ":/export", "addr=10.0.0.1", &["FileSystem(\"NFS\")"]),
            ("cifs", "//10.0.0.1/share", r"username=a\\b,password=/x", &["//10.0.0.1/share"]),
            ("cifs", "//nas/share/x", "addr=10.0.0.1", &["//10.0.0.1/share/x"]),
            ("cifs", "//nas/share", "", &["//nas/share"]),
            ("cifs", "//nas/share", "prefixpath=x", &["//nas/..."]),
            ("cifs", "//10.0.0.1/share", "ip=127.0.0.1", &["//127.0.0.1/share"]),
            ("cifs", "//10.0.0.1/share", "sep=;ip=127.0.0.1;username=a", &["Option(\"sep\")"]),
            ("cifs", "//10.0.0.1/share", "unc=//127.0.0.1/x", &["Option(\"unc\")"]),
            ("cifs", r"\\\\127.0.0.1\\share", "username=a", &["//127.0.0.1/..."]),
            ("cifs", "//nas%2fx/share", "", &["//nas%2fx/..."]),
            ("cifs", "//u@nas/share", "", &["//u@nas/..."]),
            ("smb3", "//localhost/share", "", &["//localhost/share"]),
            ("cifs", "", "", &["NoServer(\"cifs\")"]),
        ] {
            let options = format!(r#"{{"type":"{kind}","device":"{device}","o":"{o}"}}"#);
            assert_eq!(reached(&options), expected, "{options}");
        }
    }

    #[test]
    fn drivers() {
        let of = |name: &str| {
            let mut effects = Effects::default();
            let driver = Driver::of(name, FieldPath::Field("Driver"), &mut effects);
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
