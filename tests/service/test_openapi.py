"""The OpenAPI document against the service that it describes."""

from __future__ import annotations

import pytest
import schemathesis
from fake_runner import CATALOG, FakeRunner
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from verifier_service.app import create_app
from verifier_service.auth import Keys
from verifier_service.engine import Engine, EngineConfig
from verifier_service.handler import RequestHandler
from verifier_service.jobs import Job, Reply
from verifier_service.serve import catalog
from verifier_service.settings import Settings
from verifier_service.wires import WIRES

ENGINE = Engine(EngineConfig(wire_unscored=dict.fromkeys(WIRES, 0.0)))
"""No schema says what a carrier is: with a number for wrong tasks, valid requests are answered."""


class Silent:
    """Progress that nobody waits for."""

    def working_on(self, index: int) -> None: ...

    def finished(self, piece: bytes) -> None: ...


class InProcess(FakeRunner):
    """Does what a worker does, in this process."""

    handler = RequestHandler(ENGINE)

    async def answer(self, job: Job) -> Reply:
        return self.handler(job, Silent())


UNSAID = {
    "/get_reward": [positive_data_acceptance],
    "/nemo-gym/{tail}": [positive_data_acceptance],
}
"""Lists that must be of one length, and the cookie of a session: no schema says it."""

app = create_app(Settings(), InProcess(), catalog(ENGINE))
schema = schemathesis.openapi.from_asgi("/openapi.json", app)


@schema.parametrize()
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_every_operation_does_what_the_document_says(case: schemathesis.Case) -> None:
    case.call_and_validate(excluded_checks=UNSAID.get(case.path, []))


TRAINERS = [path for wire in WIRES.values() for path in wire.paths]


@pytest.mark.parametrize("path", ["/score", "/parse", *TRAINERS])
def test_submissions_document_every_problem(path: str) -> None:
    responses = set(app.openapi()["paths"][path]["post"]["responses"])
    assert responses == {"200", "400", "408", "413", "415", "422", "429", "500", "503"}


def test_keys_are_documented_where_they_are_required() -> None:
    secured = create_app(Settings(), FakeRunner(), CATALOG, Keys(["one"])).openapi()
    for path, operations in secured["paths"].items():
        for operation in operations.values():
            assert ("401" in operation["responses"]) is (path not in {"/healthz", "/readyz"})
            assert ("security" in operation) is ("401" in operation["responses"])


def test_fields_say_what_they_mean() -> None:
    schemas = app.openapi()["components"]["schemas"]
    for model in ("ScoreRequest", "ScoreItem", "ParseRequest", "RequestOptions"):
        fields = schemas[model]["properties"]
        undescribed = [name for name, field in fields.items() if "description" not in field]
        assert undescribed == [], model
