"""Fetch what the studio takes from npm into phonolips/show/studio/site/vendor/, pinned by version and SHA-512.

    python tools/release/fetch_studio.py

The files are committed, so that neither `pip install` nor the studio needs a network; run this to raise a version. The
14 MB of WebAssembly are kept gzip-compressed, always to the same bytes; `phonolips studio --out` writes them expanded.
"""

import argparse
import base64
import gzip
import hashlib
import io
import tarfile
import urllib.request
from pathlib import Path
from typing import NamedTuple

VENDOR = Path(__file__).parents[2] / "phonolips" / "show" / "studio" / "site" / "vendor"


class Package(NamedTuple):
    """A package of npm.

    Args:
        name: on npm.
        version: pinned.
        integrity: SHA-512 of its tarball, as package-lock.json has it.
        licence: its name.
        files: in the tarball -> in the vendor folder; of a name ending in `.gz` the file is compressed.
    """

    name: str
    version: str
    integrity: str
    licence: str
    files: dict[str, str]


PACKAGES = (
    Package(
        "onnxruntime-web",
        "1.30.0",
        "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
        "MIT",
        {
            "package/dist/ort.wasm.min.mjs": "ort.wasm.min.mjs",
            "package/dist/ort-wasm-simd-threaded.mjs": "ort-wasm-simd-threaded.mjs",
            "package/dist/ort-wasm-simd-threaded.wasm": "ort-wasm-simd-threaded.wasm.gz",
        },
    ),
    Package(
        "fflate",
        "0.8.3",
        "sha512-tbZNuJrLwGUp3zshBtdy4W+ORxZuIh8a5ilyIEQDC5rY1f3U20JMry0Ll3WBzU58EZKsEuJFXhb5gwv8CsPvgA==",
        "MIT",
        {"package/esm/browser.js": "fflate.js", "package/LICENSE": "fflate.LICENSE"},
    ),
)
NOTE = """# From npm, unchanged

Written by `tools/release/fetch_studio.py`; do not edit. Versions and checksums are pinned there.

| file | package | licence | bytes | SHA-256 |
|---|---|---|---|---|
"""
ORT_LICENCE = (
    "\nThe licence of onnxruntime-web, which its npm package names and does not hold, is in `onnxruntime.LICENSE`"
    " (https://github.com/microsoft/onnxruntime, MIT).\n"
)


def fetch(package: Package) -> dict[str, bytes]:
    """Download a package and check it; return the files by their names in the vendor folder."""
    address = f"https://registry.npmjs.org/{package.name}/-/{package.name}-{package.version}.tgz"
    with urllib.request.urlopen(address, timeout=120) as answer:
        tarball = answer.read()
    found = "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode()
    if found != package.integrity:
        raise SystemExit(f"{address}: integrity {found}; expected {package.integrity}")
    with tarfile.open(fileobj=io.BytesIO(tarball)) as archive:
        kept = {}
        for source, name in package.files.items():
            member = archive.extractfile(source)
            assert member is not None
            kept[name] = member.read()
    return kept


def main() -> None:
    """Run from the command line."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    VENDOR.mkdir(parents=True, exist_ok=True)
    lines = []
    for package in PACKAGES:
        for name, content in fetch(package).items():
            kept = gzip.compress(content, 9, mtime=0) if name.endswith(".gz") else content
            (VENDOR / name).write_bytes(kept)
            checksum = hashlib.sha256(kept).hexdigest()
            lines.append(
                f"| `{name}` | {package.name} {package.version} | {package.licence} | {len(kept):,} | `{checksum}` |"
            )
    (VENDOR / "README.md").write_text(NOTE + "\n".join(lines) + "\n" + ORT_LICENCE, encoding="utf-8")
    print(VENDOR)


if __name__ == "__main__":
    main()
