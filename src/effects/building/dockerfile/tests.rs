use super::*;
use crate::policy::effects::{BuildEffect, EnvironmentEffect, IdentityEffect, ImageEffect};
use proptest::prelude::*;

/// What a Dockerfile brings about, in short: `image a; user b; C=d`.
fn effects_with(text: &str, arguments: &[(&str, Option<&str>)], target: &str) -> String {
    effects_to(Dialect::Classic, text, arguments, target)
}

fn effects_to(
    dialect: Dialect,
    text: &str,
    arguments: &[(&str, Option<&str>)],
    target: &str,
) -> String {
    let arguments = arguments
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned)))
        .collect();
    let mut effects = Effects::default();
    match read_build(text, &Request { arguments, target, dialect }, &mut effects) {
        Ok(()) => shown(effects),
        Err(error) => format!("refused: {error}"),
    }
}

fn shown(effects: Effects) -> String {
    let show = |asked: RequestedEffect| match asked.effect {
        Effect::Image(ImageEffect::Used(image)) => Some(format!("image {image}")),
        Effect::Image(ImageEffect::Names(_)) => None,
        Effect::Identity(IdentityEffect::User(user)) => Some(format!("user {user}")),
        Effect::Environment(EnvironmentEffect::Set(entry)) => Some(entry.to_entry()),
        Effect::Environment(EnvironmentEffect::Template(name)) => Some(format!("{name}=?")),
        Effect::Build(BuildEffect::Opaque(unseen)) => Some(format!("{unseen:?}")),
        other => panic!("{other:?}"),
    };
    effects.into_asked().into_iter().filter_map(show).collect::<Vec<_>>().join("; ")
}

/// What one builder reads in one way, and the other in another.
#[test]
fn buildkit_reads_the_same_in_other_ways() {
    let given = [("HTTP_PROXY", Some("x")), ("A", Some("given")), ("TARGETARCH", Some("x"))];
    for (text, target, expected) in [
        ("FROM a AS b\nFROM b\nUSER x", "", "image a:latest; user x"),
        // A stage may take from later ones, which are built then whatever the target is.
        ("FROM a AS x\nCOPY --from=y p q\nFROM f AS y", "x", {
            "image a:latest; image y:latest; image f:latest"
        }),
        ("FROM a\nRUN --mount=from=0,target=/x y", "", "image a:latest; image 0:latest"),
        ("FROM a AS s\nFROM b\nRUN --mount=from=S,target=/x y", "", {
            "image a:latest; image b:latest"
        }),
        ("FROM a\nRUN --mount=type=bind,\"from=i:1\",target=/x --network=host y", "", {
            "image a:latest; image i:1"
        }),
        ("FROM a\nRUN --mount=from=${A},target=/x y", "", {
            "refused: Dockerfile[2]: daemons differ in what a mount is taken from"
        }),
        ("FROM a$HTTP_PROXY", "", {
            "refused: Dockerfile[1]: daemons differ in what it builds upon"
        }),
        ("FROM a${TARGETARCH}", "", {
            "refused: Dockerfile[1]: daemons differ in what it builds upon"
        }),
        ("ARG A=b\nFROM $A", "", "A=given; image given:latest"),
        // Arguments of an earlier stage are seen in the later one, and beside ENV the last counts.
        ("FROM scratch AS b\nARG A=b\nFROM b\nUSER $A", "", "A=given; User(\"$A\")"),
        ("FROM scratch\nENV U=x\nARG U=root\nUSER $U", "", "U=x; U=root; User(\"$U\")"),
        ("FROM scratch\nARG U=root\nARG U\nUSER $U", "", "U=root; U=?; User(\"$U\")"),
        ("FROM scratch\nRUN <<X\nX", "", {
            "refused: Dockerfile[2]: a here-document is not read by every daemon"
        }),
    ] {
        assert_eq!(effects_to(Dialect::BuildKit, text, &given, target), expected, "{text}");
    }
    for text in [
        "# syntax=a\nFROM b",
        "#SYNTAX = a\nFROM b",
        "#\tsyntax\t=a b\nFROM b",
        "# x=y\n# syntax=a\nFROM b",
        "# escape=`\r\n# syntax=a\r\nFROM b",
        "\u{FEFF}# syntax=a\nFROM b",
        "\n# said\n#syntax=a\nFROM b",
        "//syntax=a\nFROM b",
        "{\"syntax\": \"a\"}\nFROM b",
    ] {
        let read = effects_to(Dialect::BuildKit, text, &[], "");
        assert!(read.contains("`# syntax=` has an image read it"), "{text}: {read}");
    }
    assert_eq!(
        effects_to(Dialect::BuildKit, "# of syntax\nFROM b\n# syntax=a", &[], ""),
        "image b:latest"
    );
}

fn effects(text: &str) -> String {
    effects_with(text, &[], "")
}

#[test]
fn instructions_have_these_effects() {
    for (text, expected) in [
        ("FROM a", "image a:latest"),
        ("\u{FEFF}from\ta:1 \n\n# x\n USER  b \r\n", "image a:1; user b"),
        ("FROM a\nFROM a", "image a:latest"),
        ("FROM scratch\nUSER 5", "user 5"),
        ("FROM --platform=linux/amd64 a AS b\nFROM B\nUSER x", "image a:latest; user x"),
        ("FROM a AS b\nCOPY --from=b x y\nFROM c\nCOPY --from=0 x y", {
            "image a:latest; image b:latest; image c:latest"
        }),
        ("FROM scratch AS 0a", "refused: Dockerfile[1]: a stage has no such name"),
        ("FROM scratch\nCOPY --from=0 x y", {
            "refused: Dockerfile[2]: COPY takes from a stage that is not there"
        }),
        ("FROM scratch\nCOPY --from=99999999999999999999 x y", {
            "image 99999999999999999999:latest"
        }),
        ("FROM scratch\nCOPY '--from'=x --chown=1 x y", ""),
        ("FROM scratch\nCOPY --fr\\om='x' x y", "image x:latest"),
        ("FROM scratch\nCOPY -- --from=x y", ""),
        ("FROM scratch\nCOPY --from= x y\nADD --from=x x y", ""),
        ("ARG A=b\nFROM $A\nFROM ${A:-c}\nFROM ${B:-c}\nFROM ${A:+d}", {
            "A=b; image b:latest; image c:latest; image d:latest"
        }),
        ("FROM scratch\nUSER \"\"", "user 0"),
        ("FROM scratch\nUSER 'ro'\"ot\"", "user root"),
        ("FROM scratch\nUSER r\\oot", "user root"),
        ("# escape=`\nFROM `\nscratch\nUSER r`oot", "user root"),
        ("#syntax=x\n# Escape = ` \nFROM scratch\nUSER a\\b", "user \"a\\\\b\""),
        ("\n# escape=`\nFROM scratch\nUSER r\\oot", "user root"),
        ("FROM \\\n# between\n\n  scratch\nUSER \\  \n root", "user root"),
        ("FROM scratch\nUSER a \\\\\nUSER b", "user b"),
        ("FROM scratch\nENV a b c\nUSER $a", "a=b c; user \"b c\""),
        ("FROM scratch\nENV a=b c='d e' f=\"$a\"g\nUSER ${f}", "a=b; c=d e; f=g; user g"),
        ("FROM scratch\nENV a=b\nENV a=$a$a\nUSER $a", "a=b; a=bb; user bb"),
        ("FROM scratch\nARG a=b\nUSER $a", "a=b; user b"),
        ("FROM scratch\nARG a\nUSER x$a", "user x"),
        ("ARG a=b c=x$a\nFROM $c", "a=b; c=x; image x:latest"),
        ("FROM scratch\nARG a=b\nENV a=c\nUSER $a", "a=b; a=c; user c"),
        ("ARG a=b\nFROM scratch\nUSER x$a\nARG a\nUSER $a", "a=b; a=b; user b"),
        ("FROM scratch AS x\nARG a=b\nENV c=d\nFROM x\nUSER z$a$c", "a=b; c=d; user zd"),
        ("FROM i\nUSER $a", "image i:latest; User(\"$a\")"),
        ("FROM i\nENV a=b\nUSER $a", "image i:latest; a=b; user b"),
        ("FROM i\nENV a=$b $c=d\nUSER $a", "image i:latest; a=?; Variable; User(\"$a\")"),
        ("FROM i\nUSER ${a:-b}", "image i:latest; User(\"${a:-b}\")"),
        ("FROM scratch\nUSER ${a:-${b:-root}}", "user root"),
        ("FROM scratch\nUSER '$a'\\$a$", "user \"$a$a$\""),
        ("FROM scratch\nUSER \"\\a\\$\\\"\"", "user \"\\\\a$\\\"\""),
        ("FROM scratch\nONBUILD USER $a\nONBUILD COPY --from=x y z\nONBUILD ENV a=b", {
            "User(\"$a\"); image x:latest; a=b"
        }),
        ("FROM scratch AS x\nENV a=b\nONBUILD ENV a=c\nUSER $a\nFROM x\nUSER $a", {
            "a=b; a=c; user b; User(\"$a\")"
        }),
        ("FROM scratch\nRUN x \\\nUSER root\nRUN --mount=type=x y\nSHELL [\"x\"]", ""),
        ("FROM scratch\nRUN echo $((1<<2))\nLABEL USER=root\nHEALTHCHECK NONE", ""),
    ] {
        assert_eq!(effects(text), expected, "{text:?}");
    }
}

#[test]
fn a_stage_is_judged_by_the_user_that_it_ends_with() {
    for (text, target, expected) in [
        ("FROM scratch\nUSER root\nRUN x\nUSER app", "", "user app"),
        ("FROM scratch\nUSER app\nRUN x\nUSER root", "", "user root"),
        ("FROM scratch\nUSER app\nUSER \"\"", "", "user 0"),
        ("FROM scratch\nUSER app\nARG u=root\nUSER $u\nRUN x", "", "u=root; user root"),
        ("FROM i\nUSER $a\nRUN x\nUSER app", "", "image i:latest; user app"),
        ("FROM i\nUSER app\nUSER $a", "", "image i:latest; User(\"$a\")"),
        // Variables of any name make other variables unknown, not the user.
        ("FROM i\nUSER root\nENV $c=d", "", "image i:latest; Variable; user root"),
        ("FROM scratch AS a\nUSER root\nFROM scratch\nUSER app", "", "user root; user app"),
        ("FROM scratch AS a\nUSER root\nUSER app\nFROM a", "", "user app"),
        ("FROM scratch AS a\nUSER root\nFROM a\nUSER app", "", "user root; user app"),
        ("FROM scratch AS a\nUSER root\nFROM scratch\nUSER app", "A", "user root"),
        ("FROM scratch AS a\nUSER app\nFROM scratch\nUSER root", "a", "user app"),
        ("FROM scratch\nONBUILD USER root\nUSER app", "", "user root; user app"),
        ("FROM scratch\nONBUILD USER root\nONBUILD USER app", "", "user root; user app"),
        ("FROM scratch\nUSER root\nONBUILD USER app", "", "user app; user root"),
        // Words of a trigger are read by the escape of the Dockerfile that builds upon it.
        (
            "# escape=`\nFROM scratch AS x\nONBUILD USER r`oot\nFROM x\nUSER app",
            "",
            "user \"r`oot\"; user root; user app",
        ),
        ("FROM scratch\nONBUILD USER r`oot\nUSER app", "", "user \"r`oot\"; user root; user app"),
        (
            "FROM scratch\nONBUILD USER r\\oot\nUSER app",
            "",
            "user root; user \"r\\\\oot\"; user app",
        ),
        ("FROM scratch AS a\nONBUILD USER root\nFROM a\nUSER app", "", "user root; user app"),
    ] {
        assert_eq!(effects_with(text, &[], target), expected, "{text:?}");
    }
}

#[test]
fn arguments_and_the_target_of_the_request_count() {
    let given = [("a", Some("given")), ("b", None)];
    for (text, target, expected) in [
        ("ARG a=x\nFROM $a", "", "a=given; image given:latest"),
        ("ARG b=x\nFROM $b", "", "b=x; image x:latest"),
        ("FROM scratch\nUSER x$a\nARG a\nUSER $a", "", "a=given; user given"),
        ("FROM scratch AS one\nFROM x AS two\nFROM y", "ONE", ""),
        ("FROM scratch AS one\nFROM x AS two\nFROM y", "two", "image x:latest"),
        ("FROM scratch AS one\nFROM x", "other", "image x:latest"),
    ] {
        assert_eq!(effects_with(text, &given, target), expected, "{text:?}");
    }
    let proxy = [("HTTP_PROXY", Some("root"))];
    assert_eq!(effects_with("FROM scratch\nUSER $HTTP_PROXY", &proxy, ""), "user root");
}

#[test]
fn what_daemons_refuse_or_differ_in_is_refused() {
    let deep = format!("FROM scratch\nUSER {}x{}", "${a:-".repeat(99), "}".repeat(99));
    let double: String = (0..40).map(|n| format!("ENV a{}=$a{n}$a{n}\n", n + 1)).collect();
    let long = format!("FROM scratch\nRUN {}", "x".repeat(70_000));
    let many = "FROM scratch\n".to_owned() + &"ENV a=b\n".repeat(5000);
    let stages = "FROM scratch\n".repeat(70);
    for text in [
        "",
        "# nothing",
        "USER root",
        "FROM",
        "FROM a b",
        "FROM a as b c",
        "FROM $x",
        "FROM a:b:c",
        "FROM A",
        "FROM a\nNOTHING",
        "FROM a\nU\u{17F}ER root",
        "FROM a\nENV",
        "FROM a\nENV a",
        "FROM a\nENV a=b c",
        "FROM a\nENV =b",
        "FROM scratch\nENV $a=b",
        "FROM scratch\nENV b==\nENV \"a=b\"=$x\nENV $b=c",
        "FROM a\nARG =b",
        "FROM a\nARG",
        "FROM a\nUSER",
        "FROM a\nUSER \"x",
        "FROM a\nUSER ${x",
        "FROM a\nUSER ${x%y}",
        "FROM a\nUSER ${x-y}",
        "FROM a\nUSER ${x:=y}",
        "FROM a\nUSER $\u{E9}",
        "FROM scratch\nUSER ${x:?y}",
        "FROM a\nUSER \0",
        "# escape=x\nFROM a",
        "# escape=`\n# escape=`\nFROM a",
        "FROM a\nRUN <<EOF\nFROM b\nEOF",
        "FROM a\nCOPY <<EOF /x\nEOF",
        "FROM a\nCOPY --from=x --from=y a b",
        "FROM a\nCOPY --from=\u{E0} a b",
        "FROM a AS x\nFROM b AS X\nFROM c",
        "FROM a\nONBUILD FROM b",
        "FROM a\nONBUILD ONBUILD RUN x",
        "FROM a\nONBUILD",
        "FROM a\nONBUILD # x",
        &deep,
        &format!("FROM scratch\nENV a0={}\n{double}", "x".repeat(9)),
        &long,
        &many,
        &stages,
    ] {
        let found = effects(text);
        let start: String = text.chars().take(60).collect();
        assert!(found.starts_with("refused: "), "{start:?}: {found}");
    }
}

#[test]
fn arguments_that_only_newer_daemons_know_are_not_relied_on() {
    for name in ["ALL_PROXY", "all_proxy"] {
        let text = format!("FROM ${{{name}:-a}}\n");
        assert_eq!(effects(&text), "image a:latest");
        assert!(effects_with(&text, &[(name, Some("b"))], "").starts_with("refused: "));
        let text = format!("ARG {name}\n{text}");
        let known = effects_with(&text, &[(name, Some("b"))], "");
        assert_eq!(known, format!("{name}=b; image b:latest"));
    }
}

#[test]
fn what_is_copied_is_bounded_however_short_it_is_asked_for() {
    let long = format!("ARG A={}\nARG B={}\n", "x".repeat(60_000), "$A".repeat(16));
    for again in [
        format!("FROM scratch\n{}", "ARG B\n".repeat(100)),
        format!("ARG C={}\nFROM scratch\n", "${B:+}".repeat(100)),
        format!("ARG C={}\nFROM scratch\n", "${B:-}".repeat(100)),
    ] {
        let refused = effects(&format!("{long}{again}"));
        assert!(refused.ends_with("its substitutions grow too large"), "{refused:.200}");
    }
    let given = "x".repeat(60_000);
    let again = format!("FROM scratch\n{}", "ARG A\n".repeat(100));
    let refused = effects_with(&again, &[("A", Some(&given))], "");
    assert!(refused.ends_with("its substitutions grow too large"), "{refused:.200}");
}

#[test]
fn changes_are_instructions_without_a_from() {
    for (text, base, expected) in [
        ("USER root", Base::Nothing, "user root"),
        ("LABEL a=b\nuSeR 0", Base::Unknown, "user 0"),
        ("USER root\nUSER app", Base::Unknown, "user app"),
        ("USER app\nUSER root\nNOTHING", Base::Nothing, {
            "user root; Instructions(\"it is not an instruction that every daemon knows\")"
        }),
        ("ENV a=root\nUSER $a", Base::Unknown, "a=root; user root"),
        ("USER x$a", Base::Nothing, "user x"),
        ("USER x$a", Base::Unknown, "User(\"x$a\")"),
        ("ONBUILD USER 0", Base::Unknown, "user 0"),
        ("", Base::Unknown, ""),
        ("NOTHING", Base::Unknown, {
            "Instructions(\"it is not an instruction that every daemon knows\")"
        }),
    ] {
        let mut found = Effects::default();
        read_changes(text, base, "?changes", &mut found);
        assert_eq!(shown(found), expected, "{text:?}");
    }
    let mut found = Effects::default();
    read_trigger("env a=b", 0, "OnBuild", &mut found);
    read_trigger("FROM x", 1, "OnBuild", &mut found);
    assert_eq!(shown(found), "a=b; Instructions(\"this is not an instruction for ONBUILD\")");
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(lines in prop::collection::vec("(FROM|ENV|ARG|USER|COPY|ONBUILD|#)?[ -~\\t\u{E9}\u{A0}]{0,24}", 0..8)) {
        effects(&lines.join("\n"));
        effects(&format!("FROM scratch\n{}", lines.join("\n")));
    }
}
