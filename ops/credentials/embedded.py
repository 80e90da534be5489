"""Certificates of the embedded stack's servers, which only this machine reaches."""

from pathlib import Path

from ops.credentials.authority import ensure_authority, ensure_server_certificate

HOSTS = ("localhost", "127.0.0.1")


def make_embedded_certificates(folder: Path) -> None:
    """Makes what is missing or about to end. Safe to repeat. Raises as `ensure_authority`."""
    ensure_authority(folder)
    for server in ("kafka", "db"):
        ensure_server_certificate(folder, server, HOSTS)
