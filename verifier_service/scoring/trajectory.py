"""Completions of several turns: whether their tool messages are what the sandbox returns.

Source: scoring.md section 5, "Trajectories".
"""

from __future__ import annotations
