//! A QR code as rows of text, two modules to a cell: safety numbers, compared by camera, and invitations.
//!
//! Light modules are drawn and dark ones left out, which is right side up on a dark screen; scanners read both. Whoever can
//! set colours sets them: white on black makes it black on white on every screen.

use qrcode::{Color, EcLevel, QrCode};

/// Empty modules on each side (ISO/IEC 18004 section 9.1 asks for four; readers of screens manage with two).
const QUIET: i32 = 2;
/// Modules on each side that fit 40 columns and 20 rows.
const SMALL: usize = 36;

/// Draws `content`, with more redundancy where it still fits a small screen; nothing if it is too long for a QR code.
#[must_use]
pub fn rows(content: &str) -> Vec<String> {
    let coded = |level| QrCode::with_error_correction_level(content, level).ok();
    let Some(code) = coded(EcLevel::M).filter(|code| code.width() <= SMALL).or_else(|| coded(EcLevel::L)) else {
        return Vec::new();
    };
    let width = i32::try_from(code.width()).unwrap_or(0);
    let light = |x: i32, y: i32| {
        let inside = (0..width).contains(&x) && (0..width).contains(&y);
        let drawn = (-QUIET..width.saturating_add(QUIET)).contains(&y);
        match (usize::try_from(x), usize::try_from(y)) {
            (Ok(x), Ok(y)) if inside => code[(x, y)] == Color::Light,
            _ => drawn,
        }
    };
    (-QUIET..width.saturating_add(QUIET))
        .step_by(2)
        .map(|y| {
            (-QUIET..width.saturating_add(QUIET))
                .map(|x| match (light(x, y), light(x, y.saturating_add(1))) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                })
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_safety_number_and_an_invitation_fit_forty_columns_and_twenty_rows() {
        let invitation = "a-rather-long-id@directory.example.org:7420/P4WX-88HN-M1ZC-5R2D";
        for content in ["48213".repeat(12), invitation.to_owned()] {
            let rows = rows(&content);
            assert!(rows.len() <= 19, "{} rows", rows.len());
            let columns = |row: &String| row.chars().count();
            assert!(rows.iter().all(|row| columns(row) <= 37 && columns(row) == columns(&rows[0])));
        }
    }

    #[test]
    fn draws_the_finder_pattern_in_the_quiet_zone() {
        let rows = rows("1");
        assert!(rows[0].chars().all(|c| c == '█'));
        assert!(rows[1].starts_with("██ ▄▄▄▄▄ █"), "{}", rows[1]);
    }

    #[test]
    fn draws_nothing_for_what_no_code_can_hold() {
        assert!(rows(&"x".repeat(10_000)).is_empty());
    }
}
