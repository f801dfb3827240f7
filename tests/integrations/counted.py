"""How many requests a service has answered."""

from __future__ import annotations

import re

import httpx


def score_requests(url: str) -> int:
    exposition = httpx.get(f"{url}/metrics").raise_for_status().text
    counts = re.findall(r'verifier_requests_total\{route="/score",status="\d+"\} (\d+)', exposition)
    return sum(int(count) for count in counts)
