//! What the daemon says of one container.

use std::collections::HashMap;

use serde::Deserialize;

use crate::client::Container;

/// The part of Engine API `ContainerInspect` that is read.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Inspected {
    pub(super) id: String,
    name: String,
    image: String,
    pub(super) state: InspectedState,
    config: InspectedConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InspectedState {
    pub(super) pid: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedConfig {
    #[serde(default)]
    image: String,
    #[serde(default)]
    labels: Option<HashMap<String, String>>,
}

impl From<Inspected> for Container {
    fn from(inspected: Inspected) -> Self {
        let Inspected { id, name, image, config, .. } = inspected;
        Self {
            id,
            name: name.strip_prefix('/').unwrap_or(&name).to_owned(),
            labels: config.labels.unwrap_or_default().into_iter().collect(),
            image: config.image,
            image_id: image,
        }
    }
}
