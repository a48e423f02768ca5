//! Which of a few colours a name has: the same one each time, in the line terminal and on the full screen.

/// Colours that names can have; red is for warnings.
pub(super) const COLOURS: usize = 5;

/// Which of them this name has.
pub(super) fn place_of(name: &str) -> usize {
    name.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte))) % COLOURS
}
