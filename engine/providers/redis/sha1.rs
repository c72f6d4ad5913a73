//! SHA-1, only because the scripts of Redis have no other digest: it tells whether a value is still
//! the one that was read, nothing else.
//!
//! Source: RFC 3174.

use super::value::hex;

/// The digest in hexadecimal digits.
pub(super) fn sha1(bytes: &[u8]) -> String {
    let mut state: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let mut blocks = bytes.chunks_exact(64);
    blocks.by_ref().for_each(|block| mix(&mut state, block));
    let mut rest = blocks.remainder().to_vec();
    rest.push(0x80);
    while rest.len() % 64 != 56 {
        rest.push(0);
    }
    rest.extend_from_slice(&(bytes.len() as u64 * 8).to_be_bytes());
    rest.chunks_exact(64).for_each(|block| mix(&mut state, block));
    let digest: Vec<u8> = state.iter().flat_map(|word| word.to_be_bytes()).collect();
    hex(&digest)
}

fn mix(state: &mut [u32; 5], block: &[u8]) {
    let mut words = [0_u32; 80];
    for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
        *word = bytes.iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
    }
    for at in 16..80 {
        words[at] = (words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16]).rotate_left(1);
    }
    let mut now = *state;
    for (at, word) in words.iter().enumerate() {
        let [first, second, third, fourth, fifth] = now;
        let (mixed, constant) = match at {
            0..20 => ((second & third) | (!second & fourth), 0x5a82_7999),
            20..40 => (second ^ third ^ fourth, 0x6ed9_eba1),
            40..60 => ((second & third) | (second & fourth) | (third & fourth), 0x8f1b_bcdc),
            _ => (second ^ third ^ fourth, 0xca62_c1d6_u32),
        };
        let turned = first.rotate_left(5).wrapping_add(mixed).wrapping_add(fifth);
        now = [turned.wrapping_add(constant).wrapping_add(*word), first, second.rotate_left(30), third, fourth];
    }
    for (old, new) in state.iter_mut().zip(now) {
        *old = old.wrapping_add(new);
    }
}

#[cfg(test)]
mod tests {
    use super::sha1;

    #[test]
    fn the_examples_of_the_rfc_hold() {
        assert_eq!(sha1(b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(sha1(b""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        let long = b"0123456701234567012345670123456701234567012345670123456701234567".repeat(10);
        assert_eq!(sha1(&long), "dea356a2cddd90c7a7ecedc5ebb563934f460452");
    }
}
