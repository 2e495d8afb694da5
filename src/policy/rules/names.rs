//! Rules that forbid something by its name: runtimes, other containers' mounts, kernel parameters,
//! control groups.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::marker::PhantomData;

use crate::policy::shown::{self, Configured};
use crate::policy::types::{ValueError, is_of_pattern};
use crate::policy::violations::Findings;

/// What the names of a rule are names of.
pub trait Named {
    /// In a message: `runtime`.
    const WHAT: &'static str;

    /// What is in the way from one of these names to one below it, if being below is
    /// as good as being there.
    const BELOW: Option<char>;

    /// The one form of a name in which to compare it.
    fn compared(name: &str) -> Cow<'_, str>;

    /// The rule that forbids it, in words.
    fn describe(rule: &str, out: &mut String) -> fmt::Result;
}

macro_rules! named {
    ($($name:ident: $what:literal, $compared:path, $below:expr, $sentence:literal, $doc:literal;)+) => {$(
        #[doc = $doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {}

        impl Named for $name {
            const WHAT: &'static str = $what;
            const BELOW: Option<char> = $below;

            fn compared(name: &str) -> Cow<'_, str> {
                $compared(name)
            }

            fn describe(rule: &str, out: &mut String) -> fmt::Result {
                writeln!(out, $sentence, Configured(rule))
            }
        }
    )+};
}

named! {
    Runtime: "runtime", program, None, "Runtime {} may not be chosen.", "OCI runtimes.";
    VolumesFrom: "mounts of container", without_slash, None,
        "Mounts of container {} may not be taken over.", "Containers whose mounts are taken over.";
    VolumeDriver: "volume driver", plugin, None,
        "Volume driver {} may not be used.", "Volume drivers other than the daemon's own.";
    Sysctl: "kernel parameter", dotted, None,
        "Kernel parameter {} may not be set.", "Kernel parameters.";
    CgroupParent: "control group", cleaned, Some('/'),
        "Nothing may run below control group {}.", "Control groups.";
}

/// A path is as good as the program's name, and containerd makes of `io.containerd.runc.v2` the program
/// `containerd-shim-runc-v2`, whatever is in front (`shim.BinaryName`), which runs `runc`.
fn program(name: &str) -> Cow<'_, str> {
    let base = name.rsplit('/').next().unwrap_or(name);
    let is_version = |text: &str| {
        text.strip_prefix('v').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
    };
    let of_shim = |(kind, version): (&'_ str, &'_ str)| is_version(version).then_some(kind.len());
    let shim = base.strip_prefix("containerd-shim-").unwrap_or_default();
    if base == "io.containerd.runtime.v1.linux" {
        return Cow::Borrowed("runc");
    }
    if let Some(end) = shim.rsplit_once('-').and_then(of_shim) {
        return Cow::Borrowed(shim.get(..end).unwrap_or(base));
    }
    let kind = base.rsplit_once('.').filter(|(_, version)| is_version(version));
    Cow::Borrowed(kind.map_or(base, |(kinds, _)| kinds.rsplit('.').next().unwrap_or(kinds)))
}

/// A container may be called by its name with a slash in front.
fn without_slash(name: &str) -> Cow<'_, str> {
    Cow::Borrowed(name.strip_prefix('/').unwrap_or(name))
}

/// A plugin without a tag is `latest`, as an image is, and comes from the same registry.
fn plugin(name: &str) -> Cow<'_, str> {
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    Cow::Borrowed(name.strip_suffix(":latest").unwrap_or(name))
}

/// Seen on 20.10: each dot is a slash, and a slash too many is none: `net.ipv4..ip_forward`,
/// `net/ipv4/ip_forward` and `net.ipv4.ip_forward.` are one file.
fn dotted(name: &str) -> Cow<'_, str> {
    let steps: Vec<_> = name.split(['.', '/']).filter(|step| !step.is_empty()).collect();
    Cow::Owned(steps.join("."))
}

/// Seen on 20.10: `system.slice`, `//system.slice/` and `/x/../system.slice` are `/system.slice`.
fn cleaned(path: &str) -> Cow<'_, str> {
    let mut steps = Vec::new();
    for step in path.split('/') {
        match step {
            "" | "." => {}
            ".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    Cow::Owned(format!("/{}", steps.join("/")))
}

/// One forbidden name, or a prefix of names with `*` at its end; `*` alone is every name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameRule<N> {
    text: String,
    of: PhantomData<N>,
}

impl<N: Named> NameRule<N> {
    /// Reads a name, or a prefix with `*`.
    ///
    /// # Errors
    /// [`ValueError::Name`] for an empty text, and for a pattern that would match nothing.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let name = text.strip_suffix('*').unwrap_or(text);
        if text.is_empty() || name.contains(is_of_pattern) {
            return Err(ValueError::Name(text.to_owned()));
        }
        Ok(Self { text: text.to_owned(), of: PhantomData })
    }

    /// The rule as it was configured.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The rule in words.
    pub(in crate::policy) fn describe(&self, out: &mut String) -> fmt::Result {
        N::describe(&self.text, out)
    }

    pub(in crate::policy) fn check(&self, asked: &str, found: &mut Findings<'_>) {
        if self.is_like(asked) {
            self.found(asked, found);
        }
    }

    /// Says that what has this name is forbidden.
    pub(in crate::policy) fn found(&self, asked: &str, found: &mut Findings<'_>) {
        found.add(Shown::<N>(asked, PhantomData), &self.text);
    }

    /// Whether it is this name letter by letter, or its beginning.
    pub(in crate::policy) fn is_spelled(&self, asked: &str) -> bool {
        match self.text.strip_suffix('*') {
            Some(prefix) => asked.starts_with(prefix),
            None => asked == self.text,
        }
    }

    pub(in crate::policy) fn is_like(&self, asked: &str) -> bool {
        let name = N::compared(asked);
        match self.text.strip_suffix('*') {
            None => is_or_is_below(&name, &N::compared(&self.text), N::BELOW),
            Some("") => true,
            Some(prefix) => {
                let whole = N::compared(prefix);
                // `net.*` is all below `net`, and `net*` is `netfilter` too.
                let ends_step = prefix.ends_with(['.', '/']) && !whole.ends_with(['.', '/']);
                match name.strip_prefix(whole.as_ref()) {
                    Some(rest) => !ends_step || rest.starts_with(['.', '/']),
                    None => false,
                }
            }
        }
    }
}

fn is_or_is_below(name: &str, forbidden: &str, below: Option<char>) -> bool {
    match name.strip_prefix(forbidden) {
        None => false,
        Some("") => true,
        Some(rest) => {
            below.is_some_and(|below| rest.starts_with(below) || forbidden.ends_with(below))
        }
    }
}

struct Shown<'a, N>(&'a str, PhantomData<N>);

impl<N: Named> fmt::Display for Shown<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", N::WHAT, shown::Shown(self.0))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::policy::effects::FieldPath;
    use crate::policy::violations::Violations;

    fn forbids<N: Named>(rule: &str, asked: &str) -> bool {
        let mut violations = Violations::default();
        let mut found = Findings::new(&mut violations, &FieldPath::Field("X"));
        NameRule::<N>::parse(rule).unwrap().check(asked, &mut found);
        violations.iter().next().is_some()
    }

    #[test]
    fn a_control_group_has_others_below_it() {
        for (asked, forbidden) in [
            ("/system.slice", true),
            ("system.slice/x", true),
            ("/system.slice2", false),
            ("/", false),
        ] {
            assert_eq!(forbids::<CgroupParent>("/system.slice", asked), forbidden, "{asked}");
        }
        for asked in ["/", "/x", "x", "../x", "/docker", "system.slice:docker:"] {
            assert!(forbids::<CgroupParent>("/", asked), "{asked}");
        }
        assert!(!forbids::<Sysctl>("net.ipv4", "net.ipv4.ip_forward"));
    }

    #[test]
    fn names_are_compared_however_they_are_spelled() {
        let parameter = "net.ipv4.ip_forward";
        for asked in
            ["net.ipv4..ip_forward", "net/ipv4/ip_forward", ".net//ipv4.ip_forward.", parameter]
        {
            for rule in [parameter, "net/ipv4/ip_forward", "net.*", "net*", "net/ipv4/ip_f*", "*"] {
                assert!(forbids::<Sysctl>(rule, asked), "{rule} {asked}");
            }
        }
        assert!(!forbids::<Sysctl>("net.*", "netx.y") && forbids::<Sysctl>("net*", "netx.y"));
        assert!(!forbids::<Sysctl>(parameter, "net.ipv4.ip_forward_x"));
        let group = "/system.slice";
        for asked in
            ["system.slice", "//system.slice/.", "/x/../system.slice", "../system.slice", group]
        {
            for rule in [group, "system.slice", "/system*", "*"] {
                assert!(forbids::<CgroupParent>(rule, asked), "{rule} {asked}");
            }
        }
        assert!(forbids::<CgroupParent>("/ci/*", "ci//x") && forbids::<CgroupParent>("/*", "x"));
        assert!(!forbids::<CgroupParent>("/ci/*", "/cix"));
        assert!(!forbids::<CgroupParent>(group, "/ci"));
        assert!(forbids::<VolumesFrom>("db", "/db") && !forbids::<VolumesFrom>("db", "dbx"));
        assert!(forbids::<Runtime>("a.*", "a.b") && !forbids::<Runtime>("a.b", "a/b"));
    }
}
