"""The policies of deploy/aws.yaml, and an S3 server that keeps to them: each request must be allowed to who signed it.

Of IAM's rules those that the template uses: Allow, Deny, Resource, NotResource, wildcards, and the condition that a header
is missing. An action or condition beyond that fails the test.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, unquote

import yaml

from ml_assets_tests.deploy.conftest import DEPLOY

BUCKET = "example-ml-assets"
ARN = f"arn:aws:s3:::{BUCKET}"
ACTIONS = {
    "GET": "s3:GetObject",
    "HEAD": "s3:GetObject",
    "PUT": "s3:PutObject",
    "POST": "s3:PutObject",
    "DELETE": "s3:DeleteObject",
}

Statement = Mapping[str, Any]


class Template(yaml.SafeLoader):
    """CloudFormation's YAML, its functions worked out for a bucket without a queue."""


def _value(loader: Template, tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return (
            node.value.replace("${Bucket.Arn}", ARN)
            if tag == "Sub"
            else {"Bucket.Arn": ARN}.get(node.value, node.value)
        )
    given = loader.construct_sequence(node, deep=True)
    return given[2] if tag == "If" else given


Template.add_multi_constructor("!", _value)


def template() -> dict[str, Any]:
    return yaml.load((DEPLOY / "aws.yaml").read_text(), Template)


def policy(name: str) -> list[Statement]:
    """The statements of one of its policies."""
    return [
        each
        for each in template()["Resources"][name]["Properties"]["PolicyDocument"]["Statement"]
        if each != "AWS::NoValue"
    ]


def allows(statements: Iterable[Statement], action: str, resource: str, headers: Mapping[str, str]) -> bool:
    """What IAM says: something allows it, and nothing denies it."""
    effects = {each["Effect"] for each in statements if _is_about(each, action, resource, headers)}
    return effects == {"Allow"}


def _is_about(statement: Statement, action: str, resource: str, headers: Mapping[str, str]) -> bool:
    assert statement.keys() <= {"Effect", "Action", "Resource", "NotResource", "Condition"}
    named = _any(statement.get("Resource", statement.get("NotResource")), resource) == ("Resource" in statement)
    return _any(statement["Action"], action) and named and _holds(statement.get("Condition", {}), headers)


def _any(patterns: str | list[str], text: str) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in ([patterns] if isinstance(patterns, str) else patterns))


def _holds(condition: Mapping[str, Any], headers: Mapping[str, str]) -> bool:
    if not condition:
        return True
    assert condition == {"Null": {"s3:if-none-match": "true"}}, condition
    return "if-none-match" not in headers


@dataclass
class Guarded:
    """moto, asked only what the policies of the caller allow.

    Attributes:
        sent: bytes of replies by what was asked for.
    """

    app: Any
    callers: dict[str, list[Statement]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        caller = re.search(r"Credential=([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
        if caller is None or caller[1] not in self.callers:
            return self.app(environ, start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        headers = {"if-none-match": environ["HTTP_IF_NONE_MATCH"]} if "HTTP_IF_NONE_MATCH" in environ else {}
        requests = asked_for(environ, body)
        self.asked += requests
        refused = [each for each in requests if not allows(self.callers[caller[1]], *each, headers)]
        self.refused += refused
        if refused:
            return _refusal(refused[0], start_response)
        answer = [*self.app(environ, start_response)]
        self.sent[requests[0][1]] += sum(map(len, answer)) * (environ["REQUEST_METHOD"] == "GET")
        return answer


def asked_for(environ: Mapping[str, Any], body: bytes) -> list[tuple[str, str]]:
    """Actions and resources of a request, as IAM names them."""
    bucket, _, key = unquote(environ["PATH_INFO"]).lstrip("/").partition("/")
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    assert bucket == BUCKET, environ["PATH_INFO"]
    if not key and "delete" in query:  # one or many, in the body: what obstore always does
        return [("s3:DeleteObject", f"{ARN}/{name}") for name in re.findall("<Key>(.*?)</Key>", body.decode())]
    if not key:
        assert environ["REQUEST_METHOD"] == "GET" and "list-type" in query, query
        return [("s3:ListBucket", ARN)]
    if "uploadId" in query and environ["REQUEST_METHOD"] == "DELETE":
        return [("s3:AbortMultipartUpload", f"{ARN}/{key}")]
    return [(ACTIONS[environ["REQUEST_METHOD"]], f"{ARN}/{key}")]


def _refusal(refused: tuple[str, str], start_response: Any) -> list[bytes]:
    """As S3 says it: a refused deletion is a successful request with an error inside."""
    action, resource = refused
    error = "<Code>AccessDenied</Code><Message>Access Denied</Message>"
    key = resource.removeprefix(f"{ARN}/")
    deletion = f"<DeleteResult><Error><Key>{key}</Key>{error}</Error></DeleteResult>"
    body = (deletion if action == "s3:DeleteObject" else f"<Error>{error}</Error>").encode()
    status = "200 OK" if action == "s3:DeleteObject" else "403 Forbidden"
    start_response(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body]


@contextmanager
def guarded_s3() -> Iterator[tuple[str, Guarded]]:
    """An address and the server behind it, its bucket made."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    guard = Guarded(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, guard, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", guard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
