"""The schema that the chart's `settings` must have: that of the service's own settings.

`python -m tests.chart.settings_schema` writes it into values.schema.json.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from verifier_service.settings import Settings
from verifier_service.wires import WIRES

FILE: Final = Path(__file__).parents[2] / "helm" / "verifier-service" / "values.schema.json"
SET_BY_THE_CHART: Final = {
    "host": "VERIFIER_HOST",
    "port": "VERIFIER_PORT",
    "port_file": None,
    "metrics_port": "VERIFIER_METRICS_PORT",
    "workers": "VERIFIER_WORKERS",
    "api_keys": None,
    "api_keys_file": "VERIFIER_API_KEYS_FILE",
    "insecure": "VERIFIER_INSECURE",
    "toolsets": "VERIFIER_TOOLSETS",
    "profiles": "VERIFIER_PROFILES",
    "score_log": "VERIFIER_SCORE_LOG",
}
"""Settings that have values of their own in the chart, and their variables; None: never set."""

_LEFT_OUT: Final = {"default", "title"}


def settings_schema() -> dict[str, Any]:
    """What `settings` of the chart's values may hold."""
    properties = Settings.model_json_schema()["properties"]
    properties["wire_unscored"]["propertyNames"] = {"enum": sorted(WIRES)}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            name: {key: value for key, value in rule.items() if key not in _LEFT_OUT}
            for name, rule in properties.items()
            if name not in SET_BY_THE_CHART
        },
    }


def with_settings(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of the chart's values, with the settings of today."""
    return schema | {"properties": schema["properties"] | {"settings": settings_schema()}}


if __name__ == "__main__":
    written = with_settings(json.loads(FILE.read_text("utf-8")))
    FILE.write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n", "utf-8")
