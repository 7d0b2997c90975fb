//! A device of our own makes answers of every kind of key; each way to bend one is refused by its name.

use super::*;
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use serde_json::json;

const CHALLENGE: &[u8] = b"a challenge of 16+ bytes";

fn site() -> RelyingParty {
    RelyingParty { id: "salus.example".into(), origin: "https://salus.example".into() }
}

enum Key {
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>),
}

impl Key {
    fn all() -> [Self; 3] {
        [
            Self::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap()),
            Self::Ed(Ed25519KeyPair::generate().unwrap()),
            Self::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())),
        ]
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Ec(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed(key) => key.sign(message).as_ref().to_vec(),
            Self::Rsa(key) => {
                let mut out = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut out).unwrap();
                out
            }
        }
    }

    fn cose(&self) -> Vec<u8> {
        let n = |n: i64| Cbor::Integer(n.into());
        let b = |b: &[u8]| Cbor::Bytes(b.to_vec());
        let pairs = match self {
            Self::Ec(key) => {
                let point = key.public_key().as_ref();
                vec![(n(1), n(2)), (n(3), n(-7)), (n(-1), n(1)), (n(-2), b(&point[1..33])), (n(-3), b(&point[33..]))]
            }
            Self::Ed(key) => vec![(n(1), n(1)), (n(3), n(-8)), (n(-1), n(6)), (n(-2), b(key.public_key().as_ref()))],
            Self::Rsa(key) => {
                // The modulus stands in the DER form behind its head and a zero.
                let modulus = &key.public_key().as_ref()[9..265];
                vec![(n(1), n(3)), (n(3), n(-257)), (n(-1), b(modulus)), (n(-2), b(&[1, 0, 1]))]
            }
        };
        bytes(&Cbor::Map(pairs))
    }
}

fn bytes(value: &Cbor) -> Vec<u8> {
    let mut out = Vec::new();
    ciborium::into_writer(value, &mut out).unwrap();
    out
}

fn said(kind: &str, challenge: &[u8], origin: &str) -> Vec<u8> {
    let challenge = URL_SAFE_NO_PAD.encode(challenge);
    json!({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false}).to_string().into_bytes()
}

fn told(flags: u8, count: u32, credential: Option<&[u8]>) -> Vec<u8> {
    let mut out = digest::digest(&digest::SHA256, b"salus.example").as_ref().to_vec();
    out.push(flags | if credential.is_some() { 0x40 } else { 0 });
    out.extend(count.to_be_bytes());
    if let Some(key) = credential {
        out.extend([7; 16]);
        out.extend(4_u16.to_be_bytes());
        out.extend(b"cred");
        out.extend(key);
    }
    out
}

fn object(format: &str, statement: Vec<(Cbor, Cbor)>, auth_data: &[u8]) -> Vec<u8> {
    bytes(&Cbor::Map(vec![
        (Cbor::Text("fmt".into()), Cbor::Text(format.into())),
        (Cbor::Text("attStmt".into()), Cbor::Map(statement)),
        (Cbor::Text("authData".into()), Cbor::Bytes(auth_data.to_vec())),
    ]))
}

fn prove(key: &Key, client: &[u8], data: &[u8], counter: u32) -> Result<Asserted, Refusal> {
    let signature = key.sign(&signed(data, client));
    let kept = PublicKey::parse(&key.cose()).unwrap();
    let answer = Answer { client_data_json: client, authenticator_data: data, signature: &signature };
    assert(answer, CHALLENGE, &site(), (&kept, counter), true)
}

#[test]
fn every_kind_of_key_registers_and_proves() {
    let client = said("webauthn.create", CHALLENGE, "https://salus.example");
    for key in Key::all() {
        let data = told(0x05, 0, Some(&key.cose()));
        let made = register(&client, &object("none", Vec::new(), &data), CHALLENGE, &site(), true).unwrap();
        assert_eq!((made.credential_id.as_slice(), made.public_key), (&b"cred"[..], key.cose()));
        let signature = key.sign(&signed(&data, &client));
        let algorithm = PublicKey::parse(&key.cose()).unwrap().algorithm();
        let statement = |alg: i64| {
            vec![
                (Cbor::Text("alg".into()), Cbor::Integer(alg.into())),
                (Cbor::Text("sig".into()), Cbor::Bytes(signature.clone())),
            ]
        };
        let try_packed = |statement| register(&client, &object("packed", statement, &data), CHALLENGE, &site(), true);
        try_packed(statement(algorithm)).unwrap();
        assert_eq!(try_packed(statement(-37)), Err(Refusal::Attestation));
        let mut certified = statement(algorithm);
        certified.push((Cbor::Text("x5c".into()), Cbor::Array(Vec::new())));
        assert_eq!(try_packed(certified), Err(Refusal::Attestation));
        let get = said("webauthn.get", CHALLENGE, "https://salus.example");
        assert_eq!(prove(&key, &get, &told(0x05, 9, None), 8).unwrap().sign_count, 9);
    }
}

#[test]
fn whatever_is_not_ours_is_refused_by_its_name() {
    let [key, other, _] = Key::all();
    let get = |challenge: &[u8], origin: &str| said("webauthn.get", challenge, origin);
    let (right, data) = (get(CHALLENGE, "https://salus.example"), told(0x05, 9, None));
    prove(&key, &right, &data, 8).unwrap();
    for (client, why) in [
        (said("webauthn.create", CHALLENGE, "https://salus.example"), Refusal::WrongType),
        (get(b"another", "https://salus.example"), Refusal::WrongChallenge),
        (get(CHALLENGE, "https://salus.example.evil.example"), Refusal::WrongOrigin),
        (get(CHALLENGE, "http://salus.example"), Refusal::WrongOrigin),
        (b"{}".to_vec(), Refusal::Malformed),
    ] {
        assert_eq!(prove(&key, &client, &data, 8), Err(why));
    }
    let inside = String::from_utf8(right.clone()).unwrap().replace("false", "true").into_bytes();
    assert_eq!(prove(&key, &inside, &data, 8), Err(Refusal::CrossOrigin));
    let mut elsewhere = data.clone();
    elsewhere[0] ^= 1;
    for (data, why) in [
        (elsewhere, Refusal::WrongRelyingParty),
        (told(0x04, 9, None), Refusal::NotPresent),
        (told(0x01, 9, None), Refusal::NotVerified),
        (told(0x15, 9, None), Refusal::Malformed),
        (data[..36].to_vec(), Refusal::Malformed),
        ([&data[..], &[0]].concat(), Refusal::Malformed),
        (told(0x05, 8, None), Refusal::Copied),
        (told(0x05, 0, None), Refusal::Copied),
    ] {
        assert_eq!(prove(&key, &right, &data, 8), Err(why));
    }
    prove(&key, &right, &told(0x05, 0, None), 0).expect("a device that does not count");
    let kept = PublicKey::parse(&other.cose()).unwrap();
    let signature = key.sign(&signed(&data, &right));
    let answer = Answer { client_data_json: &right, authenticator_data: &data, signature: &signature };
    assert_eq!(assert(answer, CHALLENGE, &site(), (&kept, 8), true), Err(Refusal::Signature));
    let own = PublicKey::parse(&key.cose()).unwrap();
    assert_eq!(assert(answer, b"", &site(), (&own, 8), true), Err(Refusal::WrongChallenge), "no question, no answer");
}

#[test]
fn a_key_of_another_kind_than_it_says_is_none() {
    let [ec, ed, _] = Key::all();
    let n = |n: i64| Cbor::Integer(n.into());
    for (key, label, value) in [(&ec, 3, -8), (&ec, -1, 2), (&ed, 3, -7), (&ed, 1, 2)] {
        let Cbor::Map(mut pairs) = data::whole(&key.cose()).unwrap() else { panic!("no map") };
        pairs.iter_mut().find(|(k, _)| *k == n(label)).unwrap().1 = n(value);
        assert_eq!(PublicKey::parse(&bytes(&Cbor::Map(pairs))), None);
    }
    let client = said("webauthn.create", CHALLENGE, "https://salus.example");
    let nothing = object("none", Vec::new(), &told(0x05, 0, None));
    assert_eq!(register(&client, &nothing, CHALLENGE, &site(), true), Err(Refusal::NoCredential));
    let makers = object("fido-u2f", Vec::new(), &told(0x05, 0, Some(&ec.cose())));
    assert_eq!(register(&client, &makers, CHALLENGE, &site(), true), Err(Refusal::Attestation));
}
