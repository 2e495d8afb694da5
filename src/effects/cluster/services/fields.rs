//! Where in a specification the container stands, and what is no plain value there.

pub(super) const TASK: &str = "TaskTemplate";
pub(super) const CONTAINER: &str = "ContainerSpec";

/// Whether the node would expand something in `text` (Go `text/template`).
pub(super) fn is_template(text: &str) -> bool {
    text.contains("{{")
}
