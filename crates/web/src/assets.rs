//! The files a page loads: one stylesheet, a few ES modules, the vendored htmx, the icon. They are embedded in the
//! binary and addressed by a hash of their content, so a browser may keep them for ever and an upgrade is seen at
//! once. Nothing is fetched from anywhere else.
//!
//! The route `/assets/{file}` is the server's; it answers with what [`get`] returns.

use rust_embed::RustEmbed;
use std::{borrow::Cow, collections::BTreeMap, sync::LazyLock};

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Files;

/// One file, ready to be sent.
#[derive(Debug, Clone)]
pub struct Asset {
    /// The content.
    pub bytes: Cow<'static, [u8]>,
    /// Value of `Content-Type`.
    pub content_type: &'static str,
    /// Value of `ETag`, quotes included.
    pub etag: String,
    /// Value of `Cache-Control`: the address changes whenever the content does.
    pub cache_control: &'static str,
}

struct Index {
    /// Name in the folder, such as `vendor/htmx.min.js`, to hashed address.
    urls: BTreeMap<String, String>,
    /// Hashed file name, such as `htmx.min.0f3a….js`, to the asset.
    files: BTreeMap<String, Asset>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut index = Index { urls: BTreeMap::new(), files: BTreeMap::new() };
    for name in Files::iter() {
        let Some(file) = Files::get(&name) else { continue };
        let hash = hex::encode(&file.metadata.sha256_hash()[..8]);
        let short = name.rsplit('/').next().unwrap_or(&name);
        let (stem, extension) = short.rsplit_once('.').unwrap_or((short, "txt"));
        let hashed = format!("{stem}.{hash}.{extension}");
        let asset = Asset {
            content_type: content_type(extension),
            etag: format!("\"{hash}\""),
            cache_control: "public, max-age=31536000, immutable",
            bytes: file.data,
        };
        index.urls.insert(name.into_owned(), format!("/assets/{hashed}"));
        index.files.insert(hashed, asset);
    }
    index
});

/// The address of a file of the folder, with its hash.
///
/// # Panics
/// For a name that is not embedded: names are literals of this crate, and a test renders every page.
#[must_use]
pub fn url(name: &str) -> &'static str {
    INDEX.urls.get(name).map(String::as_str).expect("the asset is in crates/web/assets")
}

/// The file behind the last segment of an address that [`url`] made.
#[must_use]
pub fn get(file: &str) -> Option<&'static Asset> {
    INDEX.files.get(file)
}

/// Every file by its hashed name, for writing pages to disk.
pub fn all() -> impl Iterator<Item = (&'static str, &'static Asset)> {
    INDEX.files.iter().map(|(name, asset)| (name.as_str(), asset))
}

fn content_type(extension: &str) -> &'static str {
    match extension {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_to_files_with_types_and_tags() {
        for (name, kind) in [("salus.css", "text/css"), ("salus.js", "text/javascript"), ("salus.svg", "image/svg")] {
            let address = url(name);
            let file = address.strip_prefix("/assets/").unwrap();
            let asset = get(file).unwrap();
            assert!(asset.content_type.starts_with(kind), "{name}");
            assert!(address.contains(asset.etag.trim_matches('"')), "{address}");
            assert!(!asset.bytes.is_empty());
        }
        assert!(get("salus.css").is_none(), "only the hashed name is served");
        assert!(get("../Cargo.toml").is_none());
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        for (name, asset) in all().filter(|(name, _)| name.starts_with("salus")) {
            let text = String::from_utf8_lossy(&asset.bytes).replace("http://www.w3.org/", "");
            assert!(!text.contains("http:") && !text.contains("https:") && !text.contains("@import"), "{name}");
        }
    }
}
