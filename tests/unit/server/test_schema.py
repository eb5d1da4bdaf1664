"""Whatever the API's document allows to be asked is answered as the document says.

Schemathesis makes the questions, some as the document wants them and some not, for every route of
the app in this process. Where a route is about a model or a run, it is one that is there.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from starlette.testclient import TestClient

from cutaway.generation import LanguageModel
from cutaway.server import create_app

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
openapi = pytest.importorskip("schemathesis.specs.openapi.checks")
LOCAL = {"host": "127.0.0.1"}
CHECKS = [
    schemathesis.checks.not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_schema_conformance,
]
NOTHING_ASKED = ("/api/models", "/api/trainings", "/api/trainings/experiments")
DOCUMENT = json.loads((Path(__file__).parents[3] / "web" / "openapi.json").read_text())
ROUTES = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]


@pytest.fixture(scope="module")
def app(lm: LanguageModel) -> Any:
    return create_app([lm])


@pytest.fixture(scope="module")
def api(app: Any) -> Any:
    return schemathesis.openapi.from_asgi("/api/openapi.json", app, headers=LOCAL)


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("path", "method"), ROUTES)
def test_every_route(app: Any, api: Any, path: str, method: str, mode: Any) -> None:
    if mode is schemathesis.GenerationMode.NEGATIVE and path in NOTHING_ASKED:
        return  # so nothing can be asked wrongly
    with TestClient(app, base_url="http://127.0.0.1") as client:
        run = client.post("/api/runs", json={"text": "the anthem the an"}).json()["run"]

    @settings(max_examples=6, suppress_health_check=list(HealthCheck))
    @given(case=api[path][method].as_strategy(generation_mode=mode))
    def asked(case: Any) -> None:
        for name, value in (("model", "unnamed"), ("run", run)):
            if f"{{{name}}}" in path:
                case.path_parameters[name] = value
        case.call_and_validate(headers=LOCAL, checks=CHECKS)

    asked()
