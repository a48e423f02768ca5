//! The admins of an entry or a charter, in order, as one number.

use std::fmt;

/// At most four users, the first in the lowest four bits, each by its number and one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Admins(u16);

impl Admins {
    pub(crate) fn of(users: impl IntoIterator<Item = u8>) -> Self {
        let mut users = users.into_iter();
        let packed = (0..4).zip(users.by_ref()).fold(0, |all, (place, user)| all | u16::from(user + 1) << (4 * place));
        assert!(users.next().is_none(), "there are four users, each once");
        Self(packed)
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = u8> {
        (0..4).map(move |place| (self.0 >> (4 * place) & 15) as u8).take_while(|user| *user > 0).map(|user| user - 1)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn first(self) -> Option<u8> {
        self.iter().next()
    }

    pub(crate) fn contains(self, user: u8) -> bool {
        self.place(user).is_some()
    }

    pub(crate) fn place(self, user: u8) -> Option<usize> {
        self.iter().position(|admin| admin == user)
    }

    /// Whether those who stand before this place there stand before it here, too.
    pub(crate) fn keeps(self, there: Self, place: usize) -> bool {
        self.iter().take(place).eq(there.iter().take(place))
    }
}

impl fmt::Debug for Admins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
