//! The list `exceptions`: what each is for, what it lifts, why and until when.

use super::checker::Checker;
use super::error::At;
use super::schema::{ExceptionKeys, List, Text};
use super::units;
use crate::policy::allowed::AllowedMounts;
use crate::policy::capabilities::parse_known;
use crate::policy::day::Day;
use crate::policy::exceptions::{ExceptedImage, Exception, Lifts};
use crate::policy::names::NameRule;
use crate::policy::namespaces::LiftedNamespace;
use crate::policy::principals::GroupSpec;
use crate::policy::shares::ShareRule;
use crate::policy::types::{PortRange, SecurityOption, UserSpec, ValueError};

/// The most exceptions: each that fits is looked at for every container.
const EXCEPTIONS_MAX: usize = 256;

/// Reads the list in its order.
pub(super) fn exceptions(checker: &mut Checker<'_>, list: &[ExceptionKeys]) -> Vec<Exception> {
    let at = At::top("exceptions");
    if list.len() > EXCEPTIONS_MAX {
        checker.refuse(at, &format_args!("more than {EXCEPTIONS_MAX} exceptions"));
    }
    let read = |(index, keys): (usize, &ExceptionKeys)| {
        Entry { checker: &mut *checker, at: at.item(index) }.exception(keys)
    };
    list.iter().take(EXCEPTIONS_MAX).enumerate().filter_map(read).collect()
}

/// One exception, and where it stands.
struct Entry<'c, 't> {
    checker: &'c mut Checker<'t>,
    at: At,
}

impl Entry<'_, '_> {
    fn exception(mut self, keys: &ExceptionKeys) -> Option<Exception> {
        let at = self.at;
        let lifts = self.lifts(keys);
        let image = match &keys.image {
            Some(image) => self.checker.value(at.beyond(&["image"]), ExceptedImage::parse(image)),
            None => {
                self.checker.refuse(at, &"`image` is missing: what is the exception for?");
                None
            }
        };
        let reason = keys.reason.as_ref().map(|reason| reason.trim().to_owned());
        let reason = reason.filter(|reason| !reason.is_empty());
        if reason.is_none() {
            self.checker.refuse(at, &"`reason` is missing: why is it excepted?");
        }
        let until = self.checker.optional(at.beyond(&["until"]), keys.until.as_ref(), Day::parse);
        if lifts.is_empty() {
            self.checker.refuse(at, &"it lifts nothing: name a rule and the values that it lifts");
        }
        Some(Exception { image: image?, lifts, reason: reason?, until })
    }

    fn lifts(&mut self, keys: &ExceptionKeys) -> Lifts {
        let privileged = keys.privileged.as_ref();
        let privileged =
            self.checker.optional(self.at.beyond(&["privileged"]), privileged, units::parse_switch);
        let mut lifts = Lifts {
            privileged: privileged.unwrap_or(false),
            capabilities: self.list(&["capabilities"], &keys.capabilities, parse_known),
            devices: self.list(&["devices"], &keys.devices, Lifts::parse_device),
            namespaces: self.list(&["namespaces"], &keys.namespaces, LiftedNamespace::parse),
            users: self.list(&["users"], &keys.users, UserSpec::parse),
            groups: self.list(&["groups"], &keys.groups, |text| match text {
                "" => Err(ValueError::Group(text.to_owned())),
                _ => Ok(GroupSpec::parse(text)),
            }),
            ports: self.list(&["ports"], &keys.ports, PortRange::parse_one),
            security: self.list(&["securitypolicies"], &keys.securitypolicies, |text| {
                SecurityOption::parse(text)
            }),
            sysctls: self.list(&["sysctls"], &keys.sysctls, NameRule::parse),
            runtimes: self.list(&["runtimes"], &keys.runtimes, NameRule::parse),
            cgroupparent: self.list(&["cgroupparent"], &keys.cgroupparent, NameRule::parse),
            volumedrivers: self.list(&["volumedrivers"], &keys.volumedrivers, NameRule::parse),
            ..Lifts::default()
        };
        let mut paths = Vec::new();
        for text in keys.mounts.iter() {
            let at = self.at.beyond(&["mounts"]);
            if ShareRule::is_meant(text) {
                lifts.shares.extend(self.checker.value(at, ShareRule::parse(text)));
            } else if let Some(path) = self.checker.value(at, AllowedMounts::parse(text)) {
                lifts.path_texts.push(text.to_string());
                paths.push(path);
            }
        }
        lifts.paths = (!paths.is_empty()).then(|| AllowedMounts::only(paths));
        lifts
    }

    fn list<T>(
        &mut self,
        key: &'static [&'static str],
        texts: &List,
        read: impl Fn(&str) -> Result<T, ValueError>,
    ) -> Vec<T> {
        let at = self.at.beyond(key);
        let read = |text: &Text| self.checker.value(at, read(text));
        texts.iter().filter_map(read).collect()
    }
}
