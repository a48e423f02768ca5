//! Front ends: they turn notices into output and keys into commands, through `app`, and know nothing below it.

pub(crate) mod json;
pub(crate) mod line;
