"""Verified, explained rewards for models that call tools."""

from verifier_service._version import __version__

__all__ = ["__version__"]
