//! What a test elsewhere runs, because it takes a Docker engine, a network or a compiler: the block, and the
//! test that reads it from the document and does what it says.

use crate::document::{self, Block};

/// A block by words that stand in it, and the test that runs it.
pub(crate) struct Claim {
    document: &'static str,
    block: &'static str,
    file: &'static str,
    test: &'static str,
}

const fn claim(
    document: &'static str,
    block: &'static str,
    file: &'static str,
    test: &'static str,
) -> Claim {
    Claim { document, block, file, test }
}

const DEPLOYMENT: &str = "docs/DEPLOYMENT.md";
const TRANSPARENT: &str = "tests/transparent.rs";
const WALKS: &str = "tests/walk_throughs.rs";
const TLS: &str = "tests/tls/redirected.rs";

pub(crate) const CLAIMS: &[Claim] = &[
    claim(
        DEPLOYMENT,
        "--as-cgroup",
        "tests/command_line.rs",
        "each_client_is_seen_as_the_document_says",
    ),
    claim(
        "docs/LOG.md",
        "forbidden option",
        "tests/documented.rs",
        "the_readme_shows_what_is_seen",
    ),
    claim(
        "README.md",
        "docker run --rm -p 22:80",
        "tests/documented.rs",
        "the_readme_shows_what_is_seen",
    ),
    claim("README.md", "-A PREROUTING", TRANSPARENT, "redirected_clients_are_held_to_the_rules"),
    claim(
        DEPLOYMENT,
        "# secdocker --config",
        "tests/documented.rs",
        "it_runs_as_the_document_says",
    ),
    claim(
        DEPLOYMENT,
        "# secdocker redirect",
        "tests/redirect.rs",
        "it_is_done_as_the_document_says",
    ),
    claim(
        DEPLOYMENT,
        "-A PREROUTING",
        TRANSPARENT,
        "redirected_clients_reach_the_engine_they_asked_for",
    ),
    claim(DEPLOYMENT, "-A OUTPUT", TRANSPARENT, "local_clients_are_redirected_without_a_loop"),
    claim(DEPLOYMENT, "chain prerouting", TRANSPARENT, "a_table_redirects_clients_from_outside"),
    claim(
        DEPLOYMENT,
        "chain output",
        TRANSPARENT,
        "a_table_redirects_local_clients_without_a_loop",
    ),
    claim(DEPLOYMENT, "nft delete table", TRANSPARENT, "a_table_redirects_clients_from_outside"),
    claim(
        DEPLOYMENT,
        "promtool check metrics",
        "tests/metrics.rs",
        "it_is_asked_as_the_document_says",
    ),
    claim(DEPLOYMENT, "openssl req", TLS, "the_recipe_puts_it_in_front_of_a_tls_daemon"),
    claim(DEPLOYMENT, "secdocker check /etc", TLS, "the_recipe_puts_it_in_front_of_a_tls_daemon"),
    claim(
        DEPLOYMENT,
        "install -D",
        "tests/documents/installation.rs",
        "it_is_installed_as_the_document_says",
    ),
    claim(DEPLOYMENT, "docker network create --internal", WALKS, "in_a_container"),
    claim(DEPLOYMENT, "/run/secdocker/ci.sock", WALKS, "a_ci_runner"),
    claim(DEPLOYMENT, "/run/secdocker/traefik.sock", WALKS, "traefik"),
    claim(DEPLOYMENT, "/run/secdocker/dashboard.sock", WALKS, "a_dashboard"),
    claim(DEPLOYMENT, "/run/secdocker/team.sock", WALKS, "compose"),
    claim(DEPLOYMENT, "/run/secdocker/embedded.sock", WALKS, "an_embedded_host"),
    claim(DEPLOYMENT, "/run/secdocker/podman.sock", WALKS, "podman"),
    claim(
        "docs/CONFIGURATION.md",
        "install -m 755",
        "tests/plugin_libraries.rs",
        "a_plugin_is_installed_as_the_document_says",
    ),
    claim(
        "docs/PLUGINS.md",
        "strncmp(image",
        "tests/plugin_libraries.rs",
        "the_shortest_plugin_in_c_is_one",
    ),
    claim(
        "docs/RULES.md",
        "POST /v1.41/containers/create",
        "tests/documented.rs",
        "the_answer_is_as_written",
    ),
];

impl Claim {
    fn is_of(&self, block: &Block) -> bool {
        block.file == self.document && block.text.contains(self.block)
    }

    /// What is wrong with it: the test must be there, and read the document.
    fn wrong(&self) -> Option<String> {
        let text = document::read(self.file);
        let test = format!("#[test]\nfn {}(", self.test);
        if !text.contains(&test) {
            return Some(format!("{} has no test {}", self.file, self.test));
        }
        let reads = text.contains(&format!("\"{}\"", self.document));
        (!reads).then(|| format!("{} does not read {}", self.file, self.document))
    }
}

/// What is wrong with the claim about a block; that there is none is wrong, too.
pub(crate) fn wrong(block: &Block) -> Vec<String> {
    let of_block: Vec<_> = CLAIMS.iter().filter(|claim| claim.is_of(block)).collect();
    match of_block.as_slice() {
        [] => vec!["no test runs it: see tests/documents/claims.rs".to_owned()],
        claims => claims.iter().filter_map(|claim| claim.wrong()).collect(),
    }
}

#[test]
fn every_claim_is_of_a_block() {
    let stale: Vec<_> = CLAIMS
        .iter()
        .filter(|claim| !document::blocks(claim.document).iter().any(|block| claim.is_of(block)))
        .map(|claim| format!("{}: no block has {:?}", claim.document, claim.block))
        .collect();
    assert!(stale.is_empty(), "{}", stale.join("\n"));
}
