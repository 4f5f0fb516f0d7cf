"""The version that is running."""

from importlib.metadata import version as installed_version


def version() -> str:
    """li2's version number."""
    return installed_version("li2")
