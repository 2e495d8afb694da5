//! What SecDocker and its own plugins must read in the same way: names of images, and who may change a file.

pub mod image;
pub mod trust;
