//! `WWW-Authenticate` (RFC 9110 §11.6.1): one or more challenges in a line.

/// One challenge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Challenge {
    /// `bearer`, `basic`; in lower case.
    scheme: String,
    /// Names in lower case.
    parameters: Vec<(String, String)>,
}

impl Challenge {
    pub(super) fn is(&self, scheme: &str) -> bool {
        self.scheme == scheme
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// The challenges of a line, up to the first thing that is not understood.
pub(super) fn parse(line: &str) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (word, behind) = token(rest);
        if word.is_empty() {
            return found;
        }
        match (behind.strip_prefix('='), found.last_mut()) {
            (Some(value), Some(challenge)) => {
                let Some((value, behind)) = quoted_or_token(value) else { return found };
                challenge.parameters.push((word.to_ascii_lowercase(), value));
                rest = behind;
            }
            (Some(_), None) => return found,
            (None, _) => {
                found.push(Challenge { scheme: word.to_ascii_lowercase(), parameters: Vec::new() });
                rest = behind;
            }
        }
    }
}

fn token(text: &str) -> (&str, &str) {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    text.split_at(text.find(|c| !is_part(c)).unwrap_or(text.len()))
}

fn quoted_or_token(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, behind) = token(text);
        return Some((value.to_owned(), behind));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test should say where")]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_registries_send() {
        let line =
            r#"Bearer realm="https://a.b/token?x=1,2",service="r",scope="repository:a/b:pull""#;
        let [bearer] = parse(line).try_into().unwrap();
        assert!(bearer.is("bearer"));
        assert_eq!(bearer.parameter("realm"), Some("https://a.b/token?x=1,2"));
        assert_eq!(bearer.parameter("service"), Some("r"));
        assert_eq!(bearer.parameter("error"), None);
        let [basic, bearer] =
            parse(r#"BASIC Realm="a \"b\"" ,, bearer REALM=x"#).try_into().unwrap();
        assert_eq!((basic.is("basic"), basic.parameter("realm")), (true, Some("a \"b\"")));
        assert_eq!(bearer.parameter("realm"), Some("x"));
    }

    #[test]
    fn what_is_not_understood_ends_it() {
        for line in ["", "=", "realm=x", ",,", "\u{e9}", "\"Basic\""] {
            assert_eq!(parse(line), [], "{line}");
        }
        assert_eq!(parse("Basic realm=\"open").len(), 1);
        assert_eq!(parse("Basic realm=\"x\\").first().unwrap().parameter("realm"), None);
    }

    proptest! {
        #[test]
        fn no_line_panics(line in "\\PC{0,60}", tokens in "([a-z]|=|\"|,| |\\\\|é){0,40}") {
            parse(&line);
            parse(&tokens);
        }
    }
}
