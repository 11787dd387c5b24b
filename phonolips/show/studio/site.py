"""The files of the studio: served on a loopback port, or written for any web host.

The page is `site/`: HTML, CSS and ES modules as they are. With it go the models of the package, the shaping of drawn
lips that the page of a run has (`show/page/lips.js`), and what was fetched from npm once (`site/vendor/README.md`).
Nothing is loaded from a third party, and the content policy forbids it.
"""

import gzip
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from phonolips.errors import InputError
from phonolips.model.bundle import DESCRIPTION_FILE, PACKAGED, WEIGHTS_FILE
from phonolips.reading import read_json
from phonolips.storage import atomic_file

LOOPBACK = "127.0.0.1"
LOOPBACK_NAMES = (LOOPBACK, "localhost", "[::1]")  # that a browser may call this computer; other names are refused
DEFAULT_PORT = 8177
GRAPHS = ("encoder.onnx", "durations.onnx", "decoder.onnx", "lip_parameters.onnx", "voice_activity.onnx")
NEEDED_GRAPHS = GRAPHS[:3]
INDEX, LISTING = "index.html", "models/index.json"
PACKED = ".gz"  # a file of the package that is kept compressed, and served under its name without this
# As browsers have to be told; the system's own table differs from one computer to the next.
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".wasm": "application/wasm",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".md": "text/plain; charset=utf-8",
}
OTHER_TYPE = "application/octet-stream"
# Scripts, styles and data from here alone; WebAssembly may be compiled, and pictures and films made in the page.
CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "worker-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self' data: blob:",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": f"{CONTENT_POLICY}; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=()",
    "Cache-Control": "no-cache",
}


class SiteFile(NamedTuple):
    """One file of the site.

    Args:
        read: returns its bytes, compressed with gzip if `packed`.
        packed: whether they are.
        place: on the disk, where it lies there.
    """

    read: Callable[[], bytes]
    packed: bool = False
    place: Path | None = None

    def version(self) -> str:
        """Return what tells this state of the file from another one; bytes are read only where nothing else does."""
        if self.place is None:
            return hashlib.sha256(self.read()).hexdigest()
        state = self.place.stat()
        return f"{state.st_mtime_ns:x}-{state.st_size:x}"

    def content(self) -> bytes:
        """Return the bytes of the file itself."""
        return gzip.decompress(self.read()) if self.packed else self.read()


def is_studio_model(folder: Path) -> bool:
    """Return whether a folder holds a model that the studio can compute: with graphs, and no sync expert or reader."""
    if not all((folder / name).is_file() for name in (DESCRIPTION_FILE, WEIGHTS_FILE, *NEEDED_GRAPHS)):
        return False
    return "kind" not in read_json(folder / DESCRIPTION_FILE)


def packaged_models() -> list[Path]:
    """List the models of the package: the default one, then those with another look-ahead."""
    found = sorted(folder for folder in PACKAGED.iterdir() if folder.is_dir() and is_studio_model(folder))
    return sorted(found, key=lambda folder: folder.name != "default")


def site_files(model: Path | None = None) -> dict[str, SiteFile]:
    """List all files of the site by their paths.

    Args:
        model: a model folder that comes first, before those of the package.

    Raises:
        InputError: `model` is no folder of a model that the studio computes.
    """
    if model is not None and not (model.is_dir() and is_studio_model(model)):
        raise InputError(
            f"{model}: no model that the studio computes; expected a folder with {', '.join(NEEDED_GRAPHS)}"
        )
    root = files("phonolips.show.studio") / "site"
    found = dict(_walk(root, ""))
    for path in [path for path in found if path.endswith(PACKED)]:
        found[path.removesuffix(PACKED)] = found.pop(path)._replace(packed=True)
    found["engine/shape_lips.js"] = SiteFile(_shape_lips)
    listing: list[dict[str, Any]] = []
    folders = {folder.name: folder for folder in packaged_models()}
    if model is not None:
        folders = {model.resolve().name: model} | {
            name: kept for name, kept in folders.items() if name != model.resolve().name
        }
    for name, folder in folders.items():
        held = [file for file in (DESCRIPTION_FILE, WEIGHTS_FILE, *GRAPHS) if (folder / file).is_file()]
        for file in held:
            found[f"models/{name}/{file}"] = SiteFile((folder / file).read_bytes, place=folder / file)
        listing.append({"name": name, "files": {file: (folder / file).stat().st_size for file in held}})
    wasm = "vendor/ort-wasm-simd-threaded.wasm"
    unpacked = int.from_bytes(found[wasm].read()[-4:], "little")  # with which a gzip file ends
    text = json.dumps({"models": listing, "files": {wasm: unpacked}}, indent=1)
    found[LISTING] = SiteFile(text.encode)
    return found


def _walk(folder: Any, before: str) -> Iterator[tuple[str, SiteFile]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{before}{entry.name}/")
        else:
            yield f"{before}{entry.name}", SiteFile(entry.read_bytes, place=entry if isinstance(entry, Path) else None)


def _shape_lips() -> bytes:
    """Return the page's shaping of drawn lips as a module."""
    script = (files("phonolips.show.page") / "lips.js").read_text(encoding="utf-8")
    return (script + "\nexport { shapeLips };\n").encode()


def with_policy(page: bytes) -> bytes:
    """Put the content policy into the page, for hosts that send no headers."""
    meta = f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_POLICY}">'
    text = page.decode()
    return (
        text.encode()
        if "Content-Security-Policy" in text
        else re.sub(r"<head[^>]*>", rf"\g<0>\n{meta}", text, count=1).encode()
    )


def write_site(out: Path, model: Path | None = None) -> list[Path]:
    """Write the site into a folder for any web host; nothing is compressed, since hosts do that themselves.

    Args:
        out: the folder; made if it is not there. Other files in it stay.
        model: see `site_files`.

    Returns:
        the files.

    Raises:
        InputError: `out` is a file, or `model` no model.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file; expected a folder to write to, as `out`")
    written = []
    for path, file in site_files(model).items():
        content = file.content()
        with atomic_file(out / path) as temporary:
            temporary.write_bytes(with_policy(content) if path == INDEX else content)
        written.append(out / path)
    return written


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD with the files of the site, and nothing else."""

    server: "StudioServer"
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Send a file."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Send what a file is."""
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        path = self.path.partition("?")[0].removeprefix("/") or INDEX
        file = self.server.files.get(path)
        if host not in LOOPBACK_NAMES:  # another site's name that leads here
            self._send(HTTPStatus.FORBIDDEN, b"the studio is for this computer alone\n", {}, with_body=with_body)
        elif file is None:
            self._send(HTTPStatus.NOT_FOUND, b"no such file in the studio\n", {}, with_body=with_body)
        else:
            packed = file.packed and "gzip" in self.headers.get("Accept-Encoding", "")
            # Browsers that have a file ask whether it is still the same, and keep what they have compiled of it.
            tag = f'"{file.version()}{PACKED if packed else ""}"'
            headers = {"Content-Type": TYPES.get(Path(path).suffix, OTHER_TYPE), "ETag": tag}
            headers |= {"Content-Encoding": "gzip"} if packed else {}
            headers |= {"Vary": "Accept-Encoding"} if file.packed else {}
            if self.headers.get("If-None-Match") == tag:
                self._send(HTTPStatus.NOT_MODIFIED, b"", headers, with_body=False)
            else:
                body = file.read() if packed else file.content()
                self._send(HTTPStatus.OK, body, headers, with_body=with_body)

    def _send(self, status: HTTPStatus, body: bytes, headers: dict[str, str], *, with_body: bool) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "text/plain; charset=utf-8"} | HEADERS | headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: what the page fetches is no news."""


class StudioServer(ThreadingHTTPServer):
    """The studio on a loopback port.

    Args:
        port: 0 is any that is free.
        model: see `site_files`.

    Raises:
        InputError: the port is taken or none, or `model` no model.
    """

    daemon_threads = True

    def __init__(self, port: int = DEFAULT_PORT, model: Path | None = None) -> None:
        self.files = site_files(model)
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(
                f"port {port} cannot be used ({reason}); choose another `port`, 0 = any that is free"
            ) from error

    @property
    def address(self) -> str:
        """Where the studio is."""
        return f"http://{LOOPBACK}:{self.server_port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over a browser that went away."""


def serve(
    port: int = DEFAULT_PORT, *, model: Path | None = None, opened: Sequence[Callable[[str], object]] = ()
) -> None:
    """Serve the studio until it is interrupted.

    Args:
        port: 0 is any that is free.
        model: see `site_files`.
        opened: called with the address once it is there.

    Raises:
        InputError: as `StudioServer`.
    """
    with StudioServer(port, model) as server:
        for call in opened:
            call(server.address)
        server.serve_forever()
