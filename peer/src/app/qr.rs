//! A QR code for comparing safety numbers by camera.

use common::qr;

use super::sanitise::SafeText;

/// Draws `content`; nothing if it is too long for a QR code.
pub(crate) fn picture(content: &str) -> Vec<SafeText> {
    qr::rows(content).iter().map(|row| SafeText::ours(row)).collect()
}
