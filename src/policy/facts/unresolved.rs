//! What was asked of the outside and not learned, to be reported.

use std::fmt;

use super::{Facts, ImageList};
use crate::policy::shown::Shown;

/// The most questions that are reported at once: a body can hold thousands of paths.
const TOLD_MAX: usize = 16;

impl Facts {
    /// What was asked in vain; nothing if all was learned.
    #[must_use]
    pub fn unresolved(&self) -> Option<Unresolved> {
        let Self {
            links,
            images,
            builds,
            networks,
            volumes,
            containers,
            services,
            nodes,
            aliases: _, // Learned with the links.
            devices,
            cdi,
            interfaces,
            addresses,
            subnets,
            image_list,
            api_version,
            source_policies,
            limits_steps: _, // Learned with the policies.
            runtimes,
            owned,
            today: _,        // It is always known.
            former_names: _, // Remembered, not asked for.
            forbidden: _,    // As these.
            is_late: _,
            is_assumed: _,
        } = self;
        let list = matches!(image_list, ImageList::Unresolved);
        let list = list.then(|| "the list of images".to_owned());
        let version = (*api_version == Some(None)).then(|| "the daemon's API version".to_owned());
        let policies = (*source_policies == Some(None))
            .then(|| "whether the daemon's builder heeds policies".to_owned());
        let runtimes = matches!(runtimes, Some(None)).then(|| "the daemon's runtimes".to_owned());
        let owned = (*owned == Some(None)).then(|| "how many containers there are".to_owned());
        let paths = links.unresolved().map(|path| format!("path {path}"));
        let devices = devices.unresolved().map(|path| format!("device {path}"));
        let addresses = addresses.unresolved().map(|address| format!("address {address}"));
        let subnets = subnets.unresolved().map(|subnet| format!("routes to {subnet}"));
        let builds = builds.unresolved().map(|build| {
            named("image", &format!("{} for {}", build.image.as_asked(), build.platform))
        });
        let images = images.unresolved().map(|image| named("image", &image.as_asked()));
        let all = paths
            .chain(devices)
            .chain(addresses)
            .chain(subnets)
            .chain(images)
            .chain(builds)
            .chain(cdi.unresolved().map(|name| named("device", name)))
            .chain(interfaces.unresolved().map(|name| named("interface", name)))
            .chain(networks.unresolved().map(|name| named("network", name)))
            .chain(volumes.unresolved().map(|name| named("volume", name)))
            .chain(containers.unresolved().map(|name| named("container", name)))
            .chain(services.unresolved().map(|name| named("service", name)))
            .chain(nodes.unresolved().map(|name| named("node", name)))
            .chain(list)
            .chain(version)
            .chain(policies)
            .chain(runtimes)
            .chain(owned);
        let mut told: Vec<_> = all.take(TOLD_MAX + 1).collect();
        told.sort_unstable();
        (!told.is_empty()).then_some(Unresolved(told))
    }
}

fn named(kind: &str, name: &str) -> String {
    format!("{kind} {}", Shown(name))
}

/// What was asked in vain, safe to print and bounded: `image app:1, volume cache`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved(Vec<String>);

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, one) in self.0.iter().take(TOLD_MAX).enumerate() {
            f.write_str(if position == 0 { "" } else { ", " })?;
            f.write_str(one)?;
        }
        f.write_str(if self.0.len() > TOLD_MAX { ", and more" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::facts::{Questions, VolumeFacts};

    #[test]
    fn what_was_asked_in_vain_is_told_of_up_to_a_bound() {
        let told = |facts: &Facts| facts.unresolved().map(|unresolved| unresolved.to_string());
        let text = |text: &str| text.to_owned();
        let mut facts = Facts::none();
        assert_eq!(told(&facts), None);
        facts.note(&Questions {
            volumes: vec![text("a"), text("b, c")],
            containers: vec![text("d")],
            addresses: vec![[10, 0, 0, 1].into()],
            ..Questions::default()
        });
        facts.add_volume(text("a"), VolumeFacts::Absent);
        let all = "address 10.0.0.1, container d, volume \"b, c\"";
        assert_eq!(told(&facts).as_deref(), Some(all));
        let volumes = (0..100).map(|number| number.to_string()).collect();
        facts.note(&Questions { volumes, ..Questions::default() });
        let many = told(&facts).unwrap_or_default();
        assert!(many.ends_with(", and more"), "{many}");
        assert!(many.matches(", ").count() <= TOLD_MAX + 1, "{many}");
    }
}
