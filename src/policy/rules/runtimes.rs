//! Which OCI runtime a container runs under, by whichever name it is asked for.
//!
//! The daemon has names for runtimes that say nothing of the program, and a default for those that name
//! none. So it is asked for both where a rule is about them.

use crate::policy::effects::{Effect, RequestedEffect, RuntimeEffect};
use crate::policy::facts::{Facts, Question, Questions, Runtimes};
use crate::policy::rules::names::{NameRule, Runtime};
use crate::policy::shown::Shown;
use crate::policy::violations::Findings;

/// The rule that nobody may choose one. It leaves those alone who do not.
const ANY: &str = "*";

/// What must be known to judge the runtime.
pub(in crate::policy) fn ask(
    rules: &[NameRule<Runtime>],
    effects: &[RequestedEffect],
    questions: &mut Questions,
) {
    let runs = |asked: &RequestedEffect| {
        matches!(asked.effect, Effect::Runtime(RuntimeEffect::Runtime(_)))
    };
    if rules.iter().any(|rule| rule.as_str() != ANY) && effects.iter().any(runs) {
        questions.ask(Question::Runtimes);
    }
}

/// Judges the runtime of this name; the empty one is the daemon's default.
pub(in crate::policy) fn check(
    rules: &[NameRule<Runtime>],
    name: &str,
    facts: &Facts,
    found: &mut Findings<'_>,
) {
    for rule in rules {
        match (name, rule.as_str()) {
            ("", ANY) => {}
            ("", _) => check_default(rule, facts, found),
            _ => check_named(rule, name, facts, found),
        }
    }
}

fn check_default(rule: &NameRule<Runtime>, facts: &Facts, found: &mut Findings<'_>) {
    match facts.runtimes() {
        None => {
            found.add_because("the daemon's default runtime", "which is not known", rule.as_str());
        }
        Some(known) if is_meant(rule, &known.default, known) => {
            let what = format_args!("runtime {}", Shown(&known.default));
            let reason = "which is the daemon's default: name another one, or give the daemon another \
                          default";
            found.add_because(what, reason, rule.as_str());
        }
        Some(_) => {}
    }
}

fn check_named(rule: &NameRule<Runtime>, name: &str, facts: &Facts, found: &mut Findings<'_>) {
    if is_named(rule, name) {
        return rule.found(name, found);
    }
    let what = format_args!("runtime {}", Shown(name));
    match facts.runtimes() {
        None => found.add_because(what, "whose program is not known", rule.as_str()),
        Some(known) => {
            let is_it = |program: &&str| is_named(rule, program);
            if let Some(program) = programs(name, known).find(is_it) {
                let reason = format_args!("which is {}", Shown(program));
                found.add_because(what, reason, rule.as_str());
            }
        }
    }
}

/// Whether an exception is for the runtime of this name.
pub(in crate::policy) fn are_lifted(
    lifted: &[NameRule<Runtime>],
    name: &str,
    facts: &Facts,
) -> bool {
    let name = match (name, facts.runtimes()) {
        ("", None) => return false,
        ("", Some(known)) => &known.default,
        (name, _) => name,
    };
    // A path is another program unless it is the one that the exception names.
    let is_it = |rule: &NameRule<Runtime>| match name.contains('/') {
        true => rule.as_str() == name,
        false => is_named(rule, name),
    };
    lifted.iter().any(is_it)
}

fn is_meant(rule: &NameRule<Runtime>, name: &str, known: &Runtimes) -> bool {
    is_named(rule, name) || programs(name, known).any(|program| is_named(rule, program))
}

/// By what it runs, or as it is spelled: a prefix may be of the latter.
fn is_named(rule: &NameRule<Runtime>, name: &str) -> bool {
    rule.is_like(name) || rule.is_spelled(name)
}

fn programs<'a>(name: &str, known: &'a Runtimes) -> impl Iterator<Item = &'a str> {
    let of_it = known.programs.iter().filter(move |(of, _)| of == name);
    of_it.map(|(_, program)| program.as_str())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]

    use super::*;
    use crate::policy::effects::FieldPath;
    use crate::policy::violations::Violations;

    fn facts(default: &str) -> Facts {
        let text = |(name, program): (&str, &str)| (name.to_owned(), program.to_owned());
        let programs =
            [("runc", "runc"), ("fast", "/opt/bin/runc"), ("sandbox", "runsc")].map(text);
        let mut facts = Facts::none();
        let default = default.to_owned();
        facts.add_runtimes(Runtimes { default, programs: programs.to_vec() });
        facts
    }

    fn said(rule: &str, name: &str, facts: &Facts) -> String {
        let mut violations = Violations::default();
        let rules = [NameRule::parse(rule).unwrap()];
        check(&rules, name, facts, &mut Findings::new(&mut violations, &FieldPath::Field("X")));
        violations.iter().next().map(ToString::to_string).unwrap_or_default()
    }

    #[test]
    fn a_runtime_is_what_it_runs() {
        for name in [
            "runc",
            "io.containerd.runc.v1",
            "io.containerd.runc.v2",
            "x.runc.v2",
            "runc.v2",
            "io.containerd.runtime.v1.linux",
            "/usr/bin/runc",
            "/usr/bin/containerd-shim-runc-v2",
            "fast",
        ] {
            for rule in ["runc", "io.containerd.runc.v2", "/usr/sbin/runc", "run*", "*"] {
                assert_ne!(said(rule, name, &facts("sandbox")), "", "{rule} {name}");
            }
            for rule in ["runsc", "kata", "io.containerd.kata.v2", "unc", "crun"] {
                assert_eq!(said(rule, name, &facts("sandbox")), "", "{rule} {name}");
            }
        }
        assert_ne!(said("io.containerd.*", "io.containerd.kata.v2", &facts("runc")), "");
        assert_eq!(said("runc", "sandbox", &facts("runc")), "");
    }

    #[test]
    fn whoever_names_none_runs_under_the_default() {
        for (rule, default, is_forbidden) in [
            ("runc", "runc", true),
            ("runc", "fast", true),
            ("runc", "io.containerd.runc.v2", true),
            ("runc", "sandbox", false),
            ("*", "runc", false),
            ("kata", "runc", false),
        ] {
            let said = said(rule, "", &facts(default));
            assert_eq!(!said.is_empty(), is_forbidden, "{rule} {default}: {said}");
        }
        assert!(said("runc", "", &Facts::none()).contains("which is not known"));
        assert!(said("runc", "kata", &Facts::none()).contains("whose program is not known"));
    }

    #[test]
    fn no_exception_is_for_another_program_of_that_name() {
        let lifted = [NameRule::parse("runsc").unwrap()];
        for (name, is_lifted) in
            [("runsc", true), ("io.containerd.runsc.v1", true), ("/tmp/runsc", false), ("", false)]
        {
            assert_eq!(are_lifted(&lifted, name, &facts("runc")), is_lifted, "{name}");
        }
        assert!(are_lifted(&[NameRule::parse("runc").unwrap()], "", &facts("runc")));
        assert!(!are_lifted(&lifted, "", &Facts::none()));
    }
}
