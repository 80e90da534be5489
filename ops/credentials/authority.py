"""The files of the certificate authority and of the servers' certificates.

``ca.pem`` is what clients verify with; its first certificate is the authority that issues.
``ca.key`` is read here only; without it the certificates are somebody else's business, and only looked
for. ``NAME_server.pem`` is a server's certificate; its key is in
``NAME_server.key``, or before the certificate where the server wants both in one file.
"""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from common.errors import ConfigurationError
from common.private_files import make_private
from ops.credentials.files import MOUNTED, PRIVATE, replace_secret, write_secret
from ops.credentials.x509 import Identity

AUTHORITY, AUTHORITY_KEY = "ca.pem", "ca.key"
EMBEDDED_HOSTS = ("localhost", "127.0.0.1")
"""Names of the embedded stack's servers, which only this machine reaches."""
RENEWED_BEFORE = timedelta(days=30)
"""From here on a certificate is renewed whenever somebody asks for it."""
_IN_ONE_FILE = frozenset({"kafka"})
# broker and database are prepared at the same time
_one_at_a_time = threading.Lock()


def ensure_authority(folder: Path) -> None:
    """Makes the authority if the folder has none. Safe to repeat.

    Raises OSError, and ConfigurationError if its files do not belong together.
    """
    with _one_at_a_time:
        _authority(folder)


def ensure_server_certificate(
    folder: Path, name: str, hosts: Sequence[str], *, mode: int = PRIVATE
) -> None:
    """Makes ``NAME_server.pem`` unless it is there, by this authority, for these hosts, and not about to end.

    ``hosts``: names and IP addresses. ``mode``: of the file with the key. Safe to repeat.
    Raises as `ensure_authority`.
    """
    with _one_at_a_time:
        authority = _authority(folder)
        if authority is None:
            _require(_certificate_path(folder, name), _key_path(folder, name))
            return
        found = _found(folder, name)
        is_good = (
            found is not None
            and found.hosts == set(hosts)
            and found.is_by(authority)
            and found.ends - datetime.now(UTC) > RENEWED_BEFORE
        )
        if not is_good:
            for path, content in _contents(folder, name, authority.issue(hosts)).items():
                is_key = path == _key_path(folder, name)
                write_secret(path, content, mode if is_key else MOUNTED)


def make_embedded_certificates(folder: Path) -> None:
    """Makes those of the embedded stack that are missing or about to end. Safe to repeat.

    Raises as `ensure_authority`.
    """
    ensure_authority(folder)
    for server in ("kafka", "db"):
        ensure_server_certificate(folder, server, EMBEDDED_HOSTS)


def replace_server_certificate(folder: Path, name: str, hosts: Sequence[str]) -> None:
    """Overwrites an existing certificate by a new one, in its place; not one of another authority.

    The server must read it again then. Safe to repeat. Raises as `ensure_authority`.
    """
    with _one_at_a_time:
        authority = _authority(folder)
        if authority is not None:
            for path, content in _contents(folder, name, authority.issue(hosts)).items():
                replace_secret(path, content)


def _authority(folder: Path) -> Identity | None:
    certificate, key = folder / AUTHORITY, folder / AUTHORITY_KEY
    if not certificate.exists():
        make_private(folder)
        made = Identity.authority()
        # the certificate last: it says that both are there
        write_secret(key, made.key, PRIVATE)
        write_secret(certificate, made.certificate, MOUNTED)
        return made
    if not key.exists():
        return None
    try:
        return Identity.read(key.read_bytes(), certificate.read_bytes())
    except ValueError as error:
        raise ConfigurationError(
            f"cannot use the certificate authority {certificate} with {key}: {error}",
            hint="put the two files back from a backup; or delete both, make new secrets, and give"
            f" the new {AUTHORITY} to every client",
        ) from error


def _require(*paths: Path) -> None:
    for path in paths:
        if not path.exists():
            raise ConfigurationError(
                f"there is no {path}, and no {path.parent / AUTHORITY_KEY} to make it with",
                hint="put your own certificate there, or the authority's key back:"
                " docs/how-to/secrets.md",
            )


def _found(folder: Path, name: str) -> Identity | None:
    try:
        return Identity.read(
            _key_path(folder, name).read_bytes(), _certificate_path(folder, name).read_bytes()
        )
    except (FileNotFoundError, ValueError):
        # half of a pair that a kill left: made again
        return None


def _contents(folder: Path, name: str, made: Identity) -> dict[Path, bytes]:
    """What a server's files hold, the one with the key first."""
    key, certificate = _key_path(folder, name), _certificate_path(folder, name)
    if key == certificate:
        return {key: made.key + made.certificate}
    return {key: made.key, certificate: made.certificate}


def _certificate_path(folder: Path, name: str) -> Path:
    return folder / f"{name}_server.pem"


def _key_path(folder: Path, name: str) -> Path:
    return folder / f"{name}_server.{'pem' if name in _IN_ONE_FILE else 'key'}"
