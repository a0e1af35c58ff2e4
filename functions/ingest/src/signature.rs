//! GitHub's webhook signature: `sha256=` and the hexadecimal HMAC-SHA256 of the raw body.

use fleetfoot_model::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Whether the signature is the body's under this secret. Compared in constant time; the expected value never leaves.
pub fn verify(secret: &Secret, body: &[u8], signature: &str) -> bool {
    let Some(Ok(signature)) = signature.trim().strip_prefix("sha256=").map(hex::decode) else { return false };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else { return false };
    mac.update(body);
    mac.verify_slice(&signature).is_ok()
}

/// Signs a body as GitHub does; for `replay` and the stand-in.
///
/// # Panics
/// Never: HMAC takes keys of any length.
pub fn sign(secret: &Secret, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From GitHub's documentation, "Validating webhook deliveries".
    #[test]
    fn githubs_own_test_vector() {
        let secret = Secret::new("It's a Secret to Everybody");
        let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert_eq!(sign(&secret, b"Hello, World!"), signature);
        assert!(verify(&secret, b"Hello, World!", signature));
        assert!(!verify(&secret, b"Hello, World?", signature));
        for bad in ["", "sha256=", "sha256=zz", "sha1=757107", &signature[7..], "sha256=7571"] {
            assert!(!verify(&secret, b"Hello, World!", bad), "{bad}");
        }
    }
}
