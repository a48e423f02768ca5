//! How a log line names a user (threat L5).

use common::crypto::opaque::ServerSecret;
use common::ident::UserId;
use serde::{Deserialize, Serialize};

/// How a log line names a user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserStyle {
    /// By the id.
    Name,
    /// By a name that only who has the directory's secret can find for an id, so that lines about one user stand together.
    #[default]
    Hash,
    /// Not at all.
    None,
}

impl UserStyle {
    /// A user as a log line names it.
    #[must_use]
    pub fn show(self, secret: &ServerSecret, user: &UserId) -> String {
        match self {
            Self::Name => user.as_str().to_owned(),
            // No user id begins like this.
            Self::Hash => format!("~{}", secret.pseudonym(user)),
            Self::None => "-".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::closed_store::user;

    #[test]
    fn a_user_has_one_pseudonym_at_one_directory_and_another_elsewhere() {
        let [here, there] = [ServerSecret::generate(), ServerSecret::generate()];
        let shown = |secret, id| UserStyle::Hash.show(secret, &user(id));
        assert_eq!(shown(&here, "ali"), shown(&here, "ali"));
        assert_ne!(shown(&here, "ali"), shown(&here, "bianca"));
        assert_ne!(shown(&here, "ali"), shown(&there, "ali"));
        assert_eq!(shown(&here, "ali").len(), 9);
        assert_eq!(UserStyle::Name.show(&here, &user("ali")), "ali");
        assert_eq!(UserStyle::None.show(&here, &user("ali")), "-");
    }
}
