"""A really running service, and the examples that it scored."""

from __future__ import annotations

from tests.integrations.reference import chats, environment, scored, texts, url

__all__ = ["chats", "environment", "scored", "texts", "url"]
