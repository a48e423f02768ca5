//! A QR code as rows of text, two modules to a cell, for comparing safety numbers by camera.
//!
//! Light modules are drawn and dark ones left out, which is right side up on a dark screen; scanners read both.

use qrcode::{Color, EcLevel, QrCode};

use super::sanitise::SafeText;

/// Empty modules on each side (ISO/IEC 18004 section 9.1 asks for four; readers of screens manage with two).
const QUIET: i32 = 2;

/// Draws `content`; nothing if it is too long for a QR code.
pub(crate) fn picture(content: &str) -> Vec<SafeText> {
    let Ok(code) = QrCode::with_error_correction_level(content, EcLevel::M) else { return Vec::new() };
    let width = i32::try_from(code.width()).unwrap_or(0);
    let light = |x: i32, y: i32| {
        let inside = (0..width).contains(&x) && (0..width).contains(&y);
        let drawn = (-QUIET..width + QUIET).contains(&y);
        match (usize::try_from(x), usize::try_from(y)) {
            (Ok(x), Ok(y)) if inside => code[(x, y)] == Color::Light,
            _ => drawn,
        }
    };
    (-QUIET..width + QUIET)
        .step_by(2)
        .map(|y| {
            let row: String = (-QUIET..width + QUIET)
                .map(|x| match (light(x, y), light(x, y + 1)) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                })
                .collect();
            SafeText::ours(&row)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_safety_number_fits_forty_columns_and_twenty_rows() {
        let digits = "48213".repeat(12);
        let rows = picture(&digits);
        assert!(rows.len() <= 19, "{} rows", rows.len());
        assert!(rows.iter().all(|row| row.columns() <= 37 && row.columns() == rows[0].columns()));
    }

    #[test]
    fn draws_the_finder_pattern_in_the_quiet_zone() {
        let rows = picture("1");
        assert!(rows[0].as_str().chars().all(|c| c == '█'));
        assert!(rows[1].as_str().starts_with("██ ▄▄▄▄▄ █"), "{}", rows[1].as_str());
    }

    #[test]
    fn draws_nothing_for_what_no_code_can_hold() {
        assert!(picture(&"x".repeat(10_000)).is_empty());
    }
}
