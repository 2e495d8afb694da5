//! The redirect as a chain of iptables and of ip6tables. Each of the two takes its rules at once
//! (`iptables-restore`); if the second one refuses them, the first one gets back what it had.

use std::fmt::Write as _;

use super::error::RedirectError;
use super::options::Families;
use super::plan::{Found, Plan};
use super::program;

/// The chain in the table `nat`.
const CHAIN: &str = "SECDOCKER";
/// That of this host's own connections.
const LOCAL_CHAIN: &str = "SECDOCKER_LOCAL";
/// Which of the kernel's chains leads to which.
const CHAINS: [(&str, &str); 2] = [("PREROUTING", CHAIN), ("OUTPUT", LOCAL_CHAIN)];

/// The programs of a family.
#[derive(Clone, Copy)]
struct Tables {
    family: Families,
    list: &'static str,
    restore: &'static str,
}

const ALL: [Tables; 2] = [
    Tables { family: Families::V4, list: "iptables", restore: "iptables-restore" },
    Tables { family: Families::V6, list: "ip6tables", restore: "ip6tables-restore" },
];

/// What one family has of ours, as `iptables -S` prints it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Listing {
    chains: Vec<&'static str>,
    rules: Vec<String>,
    jumps: Vec<String>,
}

impl Listing {
    fn read(text: &str) -> Self {
        let mut found = Self::default();
        for line in text.lines() {
            for (from, chain) in CHAINS {
                if line == format!("-N {chain}") {
                    found.chains.push(chain);
                } else if line.starts_with(&format!("-A {chain} ")) {
                    found.rules.push(line.to_owned());
                } else if line == format!("-A {from} -j {chain}") {
                    found.jumps.push(line.to_owned());
                }
            }
        }
        found
    }

    /// The input of `iptables-restore --noflush` that puts these in place of what is there.
    fn replace(&self, there: &Self) -> String {
        let mut out = String::from("*nat\n");
        let both: Vec<_> = CHAINS.map(|(_, chain)| chain).into_iter().collect();
        let (kept, gone): (Vec<&str>, Vec<&str>) =
            both.into_iter().partition(|chain| self.chains.contains(chain));
        let gone: Vec<_> = gone.into_iter().filter(|chain| there.chains.contains(chain)).collect();
        // A chain that is declared is made, or emptied. Writing to a string can't fail.
        for chain in kept.iter().chain(&gone) {
            let _ = writeln!(out, ":{chain} - [0:0]");
        }
        for jump in &there.jumps {
            let _ = writeln!(out, "{}", jump.replacen("-A ", "-D ", 1));
        }
        for rule in &self.rules {
            let _ = writeln!(out, "{rule}");
        }
        for (from, chain) in CHAINS {
            // First, before those of docker.
            if self.jumps.contains(&format!("-A {from} -j {chain}")) {
                let _ = writeln!(out, "-I {from} 1 -j {chain}");
            }
        }
        for chain in gone {
            let _ = writeln!(out, "-X {chain}");
        }
        out.push_str("COMMIT\n");
        out
    }
}

/// What a plan comes to. It is the same for both families.
fn wanted(plan: &Plan) -> Listing {
    let mut wanted = Listing::default();
    let mark = plan.local.map(|mark| format!("-m mark ! --mark {mark:#x} "));
    let chains = [
        (plan.outside, CHAINS[0], String::new()),
        (mark.is_some(), CHAINS[1], mark.unwrap_or_default()),
    ];
    for (_, (from, chain), mark) in chains.into_iter().filter(|(is_wanted, ..)| *is_wanted) {
        wanted.chains.push(chain);
        wanted.jumps.push(format!("-A {from} -j {chain}"));
        for port in &plan.ports {
            wanted.rules.push(format!(
                "-A {chain} -p tcp -m tcp --dport {port} {mark}-m comment --comment \"{}\" -j REDIRECT \
                 --to-ports {}",
                plan.comment(),
                plan.to
            ));
        }
    }
    wanted
}

/// The rules for a reader, and for `iptables-restore --noflush`.
pub(super) fn shown(plan: &Plan) -> String {
    let programs: Vec<_> = ALL
        .iter()
        .filter(|tables| plan.families.cover(tables.family))
        .map(|tables| format!("{} --noflush", tables.restore))
        .collect();
    let rules = wanted(plan).replace(&Listing::default());
    format!("# for {}\n{rules}", programs.join(" and for "))
}

fn list(tables: Tables) -> Result<Listing, RedirectError> {
    program::run(tables.list, &["--wait", "-t", "nat", "-S"], "").map(|text| Listing::read(&text))
}

fn restore(tables: Tables, input: &str) -> Result<(), RedirectError> {
    program::run(tables.restore, &["--noflush", "--wait"], input).map(drop)
}

/// What is there.
pub(super) fn find() -> Result<Found, RedirectError> {
    let mut all = Vec::new();
    for tables in ALL {
        match list(tables) {
            Ok(listing) => all.push((tables.family, listing)),
            // A kernel without IPv6 has no rules for it.
            Err(RedirectError::Program(..) | RedirectError::NoProgram(_))
                if tables.family == Families::V6 => {}
            Err(error) => return Err(error),
        }
    }
    if all.iter().all(|(_, listing)| *listing == Listing::default()) {
        return Ok(Found::Nothing);
    }
    let rules: String =
        all.iter().flat_map(|(_, found)| &found.rules).map(String::as_str).collect();
    let plan = Plan::read(&rules).0;
    let is_whole = plan.as_ref().is_some_and(|plan| {
        let count = wanted(plan);
        all.iter().all(|(family, found)| match plan.families.cover(*family) {
            true => found.jumps == count.jumps && found.rules.len() == count.rules.len(),
            false => *found == Listing::default(),
        })
    });
    Ok(Found::Rules { plan, is_whole })
}

/// Sets the redirect in place of any other.
pub(super) fn set(plan: &Plan) -> Result<(), RedirectError> {
    let wanted = wanted(plan);
    replace(|family| match plan.families.cover(family) {
        true => wanted.clone(),
        false => Listing::default(),
    })
}

/// Takes it away.
pub(super) fn remove() -> Result<(), RedirectError> {
    replace(|_| Listing::default())
}

/// Puts what is wanted of each family in the place of what it has: all of it or nothing.
fn replace(wanted: impl Fn(Families) -> Listing) -> Result<(), RedirectError> {
    let mut steps = Vec::new();
    for tables in ALL {
        let wanted = wanted(tables.family);
        match list(tables) {
            Ok(there) => steps.push((tables, wanted, there)),
            // Nothing is wanted of it, and nothing can be there.
            Err(RedirectError::Program(..) | RedirectError::NoProgram(_))
                if wanted == Listing::default() => {}
            Err(error) => return Err(error),
        }
    }
    steps.retain(|(_, wanted, there)| wanted != there);
    for (index, (tables, wanted, there)) in steps.iter().enumerate() {
        if let Err(error) = restore(*tables, &wanted.replace(there)) {
            for (done, wanted, there) in steps.iter().take(index) {
                // It has taken as much a moment ago; what it says if it does not is no better than the cause.
                let _ = restore(*done, &there.replace(wanted));
            }
            return Err(error);
        }
    }
    Ok(())
}

/// Whether docker has chains of its own; none if it can't be known.
pub(super) fn has_docker_chains() -> Option<bool> {
    let listing = program::run("iptables", &["--wait", "-t", "nat", "-S"], "").ok()?;
    Some(listing.lines().any(|line| line == "-N DOCKER"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_replaced_comes_back() {
        let plan = Plan {
            ports: vec![2375],
            to: 8999,
            families: Families::Both,
            outside: true,
            local: Some(0x5d),
        };
        let wanted = wanted(&plan);
        let listed = Listing::read(&format!(
            "-P PREROUTING ACCEPT\n-N DOCKER\n{}\n-A PREROUTING -j DOCKER\n{}\n{}\n",
            wanted.chains.iter().map(|chain| format!("-N {chain}\n")).collect::<String>(),
            wanted.jumps.join("\n"),
            wanted.rules.join("\n"),
        ));
        assert_eq!(listed, wanted);
        let nothing = Listing::default();
        assert_eq!(
            nothing.replace(&wanted),
            "*nat\n:SECDOCKER - [0:0]\n:SECDOCKER_LOCAL - [0:0]\n-D PREROUTING -j SECDOCKER\n-D OUTPUT -j \
             SECDOCKER_LOCAL\n-X SECDOCKER\n-X SECDOCKER_LOCAL\nCOMMIT\n"
        );
        let outside = Plan { local: None, ..plan };
        let text = super::wanted(&outside).replace(&wanted);
        assert!(text.contains("-D OUTPUT -j SECDOCKER_LOCAL\n"), "{text}");
        assert!(
            text.contains("-X SECDOCKER_LOCAL\n") && !text.contains("-X SECDOCKER\n"),
            "{text}"
        );
    }
}
