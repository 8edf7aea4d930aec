"""Addresses of our own pages, as people reach them."""

from ocpptrio.config import ApiSettings


def base_url(settings: ApiSettings, bound: str | None = None) -> str:
    """Where the dashboard is, without a slash at the end.

    Args:
        bound: where the server listens or was reached, if that is known: its port may have been
            chosen just now.
    """
    if settings.public_url:
        return settings.public_url.rstrip("/")
    if bound is not None:
        return bound.rstrip("/")
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"


def login_url(settings: ApiSettings, login_key: str, bound: str | None = None) -> str:
    """A one-time login address. The key stands where browsers send it to nobody."""
    return f"{base_url(settings, bound)}/login#key={login_key}"
