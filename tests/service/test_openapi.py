"""The OpenAPI document against the service that it describes."""

from __future__ import annotations

import pytest
import schemathesis
from fake_runner import CATALOG, FakeRunner
from hypothesis import HealthCheck, settings
from pydantic import ValidationError

from verifier_service import problems
from verifier_service.app import create_app
from verifier_service.auth import Keys
from verifier_service.decode import NotJson, decode_body
from verifier_service.jobs import Job, Reply, Task
from verifier_service.problems import Kind
from verifier_service.settings import Settings
from verifier_service.wire import ParseRequest, ScoreRequest


class CheckingRunner(FakeRunner):
    """Checks requests as a worker does, and answers with nothing scored."""

    async def run(self, job: Job) -> Reply:
        try:
            model = ScoreRequest if job.task is Task.SCORE else ParseRequest
            request = model.model_validate(decode_body(job.body))
        except NotJson as error:
            return problems.reply(Kind.NOT_JSON.problem(str(error)))
        except ValidationError as error:
            return problems.reply(problems.problem_from_validation_error(error))
        if unknown(request):
            return problems.reply(Kind.VALIDATION.problem("not loaded"))
        if job.task is Task.PARSE:
            return Reply(200, b'{"parsed":[],"version":"0"}')
        return Reply(
            200,
            b'{"rewards":[],"verdicts":[],"groups":[],"profile":null,"toolset":null,"version":"0"}',
        )


def unknown(request: ScoreRequest | ParseRequest) -> bool:
    """Whether a request names something that is not loaded."""
    languages = (request.options.languages if request.options else None) or []
    return (
        request.toolset not in {None, *CATALOG.toolset_references}
        or request.format not in CATALOG.formats
        or getattr(request, "profile", "tiered") not in CATALOG.profiles
        or not set(languages).issubset(CATALOG.languages)
    )


app = create_app(Settings(), CheckingRunner(), CATALOG)
schema = schemathesis.openapi.from_asgi("/openapi.json", app)


@schema.parametrize()
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_every_operation_does_what_the_document_says(case: schemathesis.Case) -> None:
    case.call_and_validate()


@pytest.mark.parametrize("path", ["/score", "/parse"])
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
