//! Who is known on this host: its users and groups.

use std::collections::HashMap;
use std::fs;

/// The users and groups of this host (passwd(5), group(5)); none if they can't be read.
#[derive(Debug, Default)]
pub(super) struct Host {
    /// Names to numbers of users and of their own groups.
    users: HashMap<String, (u32, u32)>,
    /// Names to numbers, and the names of those who are in it besides.
    groups: HashMap<String, (u32, Vec<String>)>,
}

impl Host {
    pub(super) fn read() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        Self::parse(&read("/etc/passwd"), &read("/etc/group"))
    }

    fn parse(users: &str, groups: &str) -> Self {
        let user = |line: &str| {
            let fields: Vec<_> = line.split(':').collect();
            let &[name, _, uid, gid, ..] = fields.as_slice() else { return None };
            Some((name.to_owned(), (uid.parse().ok()?, gid.parse().ok()?)))
        };
        let group = |line: &str| {
            let fields: Vec<_> = line.split(':').collect();
            let &[name, _, gid, members, ..] = fields.as_slice() else { return None };
            let members = members.split(',').filter(|name| !name.is_empty());
            let members = members.map(ToOwned::to_owned).collect();
            Some((name.to_owned(), (gid.parse().ok()?, members)))
        };
        Self {
            users: users.lines().filter_map(user).collect(),
            groups: groups.lines().filter_map(group).collect(),
        }
    }

    pub(super) fn uid(&self, name: &str) -> Option<u32> {
        self.users.get(name).map(|(uid, _)| *uid)
    }

    pub(super) fn gid(&self, name: &str) -> Option<u32> {
        self.groups.get(name).map(|(gid, _)| *gid)
    }

    /// A user by its name or number: its number, its own group, and the groups that it is in besides.
    pub(super) fn account(&self, text: &str) -> Option<(u32, Option<u32>, Vec<u32>)> {
        let is_it = |(name, (uid, _)): &(&String, &(u32, u32))| {
            name.as_str() == text || text.parse() == Ok(*uid)
        };
        let Some((name, (uid, own))) = self.users.iter().find(is_it) else {
            return Some((text.parse().ok()?, None, Vec::new()));
        };
        let of_it = self.groups.values().filter(|(_, members)| members.contains(name));
        let mut groups: Vec<u32> = of_it.map(|(gid, _)| *gid).collect();
        groups.sort_unstable();
        Some((*uid, Some(*own), groups))
    }

    pub(super) fn members(&self, gid: u32) -> Vec<u32> {
        let own = self.users.values().filter(|(_, own)| *own == gid).map(|(uid, _)| *uid);
        let of_group = self.groups.values().filter(|(number, _)| *number == gid);
        let others = of_group.flat_map(|(_, names)| names).filter_map(|name| self.uid(name));
        let mut members: Vec<u32> = own.chain(others).collect();
        members.sort_unstable();
        members.dedup();
        members
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_a_group_are_those_of_both_files() {
        let users = "root:x:0:0:root:/root:/bin/sh\nci:x:998:997::/:/bin/false\n\
                     a:x:1000:1000::/:/bin/sh\nbroken\n";
        let groups = "docker:x:997:a,gone\nci:x:996:\nodd\n";
        let host = Host::parse(users, groups);
        assert_eq!((host.uid("ci"), host.gid("docker")), (Some(998), Some(997)));
        assert_eq!(host.members(997), [998, 1000]);
        let account = Some((1000, Some(1000), vec![997]));
        assert_eq!((host.account("a"), host.account("1000")), (account.clone(), account));
        assert_eq!(host.account("7"), Some((7, None, Vec::new())));
        assert_eq!(host.account("gone"), None);
        assert_eq!((host.uid("broken"), host.gid("odd")), (None, None));
    }
}
