//! Whose certificates are believed.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// The system's root certificates and Mozilla's. Reads files.
pub(super) fn usual() -> RootCertStore {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let native = rustls_native_certs::load_native_certs();
    let (added, ignored) = roots.add_parsable_certificates(native.certs);
    tracing::debug!(added, ignored, "system root certificates");
    roots
}

/// How many certificates are in `pem`.
///
/// # Errors
/// What is wrong with them.
pub fn count(pem: &str) -> Result<usize, String> {
    add(&mut RootCertStore::empty(), pem)
}

/// Adds the certificates in `pem`, all of them or none; how many.
///
/// # Errors
/// What is wrong with them: a file that is believed in part is a mistake.
pub(super) fn add(roots: &mut RootCertStore, pem: &str) -> Result<usize, String> {
    let mut added = 0;
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let number = added + 1;
        let certificate = certificate.map_err(|error| {
            format!("certificate {number} of upstream.ca_file is no PEM: {error}")
        })?;
        roots.add(certificate).map_err(|error| {
            format!("certificate {number} of upstream.ca_file can't be trusted: {error}")
        })?;
        added = number;
    }
    if added == 0 {
        return Err("there is no certificate in upstream.ca_file; it must be in PEM".into());
    }
    Ok(added)
}
