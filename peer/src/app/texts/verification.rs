//! Words about comparing safety numbers.

use common::ident::UserId;

/// `n.number`: the safety number in three lines of four groups, for both to read out.
pub(crate) fn safety_number(with: &UserId, digits: &str) -> Vec<String> {
    let groups: Vec<&str> = digits.split_whitespace().collect();
    let mut lines = vec![format!("-- Your number with {with}; {with} sees the same with /verify:")];
    lines.extend(groups.chunks(4).map(|row| format!("   {}", row.join(" "))));
    lines
}

/// `n.verified` / `n.not_verified`
pub(crate) fn number_confirmed(with: &UserId, verified: bool) -> String {
    if verified {
        format!("-- {with} is verified.")
    } else {
        format!(
            "-- {with} is not verified. If the numbers differ, somebody may be in between: do not trust this connection."
        )
    }
}
