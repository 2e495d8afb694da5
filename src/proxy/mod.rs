//! The poll loops: accepting, reading, writing, splicing.
