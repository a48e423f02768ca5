//! Texts in which words are as frequent and as rare as in a natural language; the same in every run.

/// A word of the oldest message alone.
pub(crate) const RARE: &str = "needle";
/// Two words that one message in ten has.
pub(crate) const FREQUENT: &str = "w0 w1";
/// Two words, each in half of the messages, never in the same one.
pub(crate) const APART: &str = "even odd";

/// Words there are.
const VOCABULARY: f64 = 20_000.0;

/// This many messages, the oldest first.
pub(crate) fn messages(count: u64) -> impl Iterator<Item = String> {
    let mut random = Random(1);
    (0..count).map(move |number| {
        let length = 1 + random.next() % 17;
        let mut text = String::from(if number % 2 == 0 { "even" } else { "odd" });
        for _ in 0..length {
            // Zipf's law: the n-th word is n times rarer than the first, so ranks are uniform on a logarithmic scale.
            let rank = VOCABULARY.powf(random.fraction()) - 1.0;
            text.push_str(&format!(" w{rank:.0}"));
        }
        if number == 0 {
            text.push_str(" needle");
        }
        text
    })
}

/// splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}
