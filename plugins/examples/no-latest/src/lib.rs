//! Level 1: an image must be asked for by a tag other than `latest`, or by its digest.

fn has_version(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    name.contains('@') || name.split_once(':').is_some_and(|(_, tag)| tag != "latest")
}

secdocker_plugin::export!(fn has_version);
