//! The redirect as a table of nftables, which `nft` replaces in one transaction.

use std::fmt::Write as _;

use super::error::RedirectError;
use super::options::Families;
use super::plan::{Found, Plan};
use super::program;

/// The table. Both families are in it.
const TABLE: &str = "secdocker_redirect";

/// Before docker's own rules, which have -100.
const PRIORITY: i32 = -101;

/// The input of `nft -f -` that sets the redirect, whether or not there is one.
pub(super) fn rules(plan: &Plan) -> String {
    let mut out = format!("table inet {TABLE}\ndelete table inet {TABLE}\ntable inet {TABLE} {{\n");
    let ports: Vec<_> = plan.ports.iter().map(ToString::to_string).collect();
    let family = match plan.families {
        Families::V4 => "meta nfproto ipv4 ",
        Families::V6 => "meta nfproto ipv6 ",
        Families::Both => "",
    };
    let mut chain = |hook: &str, mark: &str| {
        // Writing to a string can't fail.
        let _ = writeln!(
            out,
            "\tchain {hook} {{\n\t\ttype nat hook {hook} priority {PRIORITY}; policy accept;\n\
             \t\t{mark}{family}tcp dport {{ {} }} redirect to :{} comment \"{}\"\n\t}}",
            ports.join(", "),
            plan.to,
            plan.comment(),
        );
    };
    if plan.outside {
        chain("prerouting", "");
    }
    if let Some(mark) = plan.local {
        chain("output", &format!("meta mark != {mark:#x} "));
    }
    out.push_str("}\n");
    out
}

/// What is there.
pub(super) fn find() -> Result<Found, RedirectError> {
    match program::run("nft", &["list", "table", "inet", TABLE], "") {
        Ok(listing) => Ok(read(&listing)),
        Err(RedirectError::Program(_, complaint)) if complaint.contains("No such file") => {
            Ok(Found::Nothing)
        }
        Err(error) => Err(error),
    }
}

fn read(listing: &str) -> Found {
    let (plan, count) = Plan::read(listing);
    let expected = plan
        .as_ref()
        .map_or(0, |plan| usize::from(plan.outside) + usize::from(plan.local.is_some()));
    Found::Rules { is_whole: plan.is_some() && count == expected, plan }
}

/// Sets the redirect in place of any other.
pub(super) fn set(plan: &Plan) -> Result<(), RedirectError> {
    program::run("nft", &["-f", "-"], &rules(plan)).map(drop)
}

/// Takes it away.
pub(super) fn remove() -> Result<(), RedirectError> {
    program::run("nft", &["delete", "table", "inet", TABLE], "").map(drop)
}
