"""What is checked of every request, and how every answer looks."""

import base64
import json
import re
from typing import Any

import pytest

from tests.gateway import fake_services
from tests.gateway.conftest import OWNER, Gateway, Start
from tests.gateway.tables import table_of

TABLE = table_of()

SECURITY_HEADERS = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def problem_of(answer: Any) -> dict[str, Any]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert set(found) <= {"type", "title", "status", "detail", "code", "request_id", "fields"}
    assert found["status"] == answer.status_code
    assert found["request_id"] == answer.headers["X-Request-Id"]
    assert found["type"] == f"/docs#problem-{found['code']}"
    return found


class TestEveryAnswer:
    @pytest.mark.parametrize("route", TABLE.routes, ids=lambda route: f"{route.method} {route.path}")
    def test_carries_the_security_headers_and_a_request_id(self, gateway: Gateway, route: Any) -> None:
        path = re.sub(r"\{\w+\}", "some-id", route.path)
        # Its own session, because the crawl signs it out.
        for headers in ({}, {"Authorization": f"Bearer owner.{route.name}"}):
            answer = gateway.request(route.method, path, headers=headers)
            for name, value in SECURITY_HEADERS.items():
                assert answer.headers[name] == value
            policy = answer.headers["Content-Security-Policy"]
            for directive in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"):
                assert directive in policy
            assert "unsafe" not in policy
            assert answer.headers["X-Request-Id"].startswith("req_")
            assert "Server" not in answer.headers
            if headers:
                assert answer.headers["Cache-Control"] == "no-store" or not route.requires.startswith("signed")

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/nothing", 404),
            ("PUT", "/v1/workers", 405),
            ("TRACE", "/v1/workers", 405),
            ("GET", "/v1/me", 401),
            ("GET", "/v1/workers/wrk_missing", 404),
            ("GET", "/v1/workers/wrk_broken", 500),
            ("POST", "/v1/workers", 415),
            ("GET", "/v1/workers?limit=0", 422),
        ],
    )
    def test_refusals_are_problems_with_security_headers(
        self, gateway: Gateway, method: str, path: str, status: int
    ) -> None:
        answer = gateway.request(method, path, headers={} if status == 401 else OWNER)
        assert answer.status_code == status
        problem_of(answer)
        for name, value in SECURITY_HEADERS.items():
            assert answer.headers[name] == value
        assert answer.headers["Cache-Control"] == "no-store"

    @pytest.mark.parametrize(
        ("last_name", "code"), [("no-seat", "seat_limit_reached"), ("read-only", "account_read_only")]
    )
    def test_a_plans_refusal_is_a_conflict_that_says_what_to_do(
        self, gateway: Gateway, last_name: str, code: str
    ) -> None:
        worker = {"first_name": "Wanda", "last_name": last_name}
        answer = gateway.post("/v1/workers", headers=OWNER, json=worker)
        problem = problem_of(answer)
        assert (problem["status"], problem["code"]) == (409, code)
        assert problem["detail"] == "Starter allows 10 workers. Team allows 50."

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("post", "/v1/workers"), ("patch", "/v1/workers/{id}"), ("post", "/v1/worker-imports"),
            ("post", "/v1/workers/{id}/restorations"),
        ],
    )  # fmt: skip
    def test_the_document_names_a_plans_refusals(self, gateway: Gateway, method: str, path: str) -> None:
        told = json.dumps(gateway.get("/openapi.json").json()["paths"][path][method]["responses"]["409"])
        assert "seat_limit_reached" in told
        assert "account_read_only" in told

    def test_shows_and_logs_nothing_of_an_exception(self, gateway: Gateway) -> None:
        answer = gateway.get("/v1/workers/wrk_broken", headers=OWNER)
        problem = problem_of(answer)
        assert (problem["status"], problem["code"]) == (500, "internal_error")
        assert "4111111111111111" not in answer.text + gateway.log()
        assert "RuntimeError" not in answer.text
        assert "RuntimeError" in gateway.log()

    def test_says_what_is_allowed(self, gateway: Gateway) -> None:
        answer = gateway.request("PUT", "/v1/workers")
        assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"

    def test_says_how_to_sign_in(self, gateway: Gateway) -> None:
        assert gateway.get("/v1/me").headers["WWW-Authenticate"].startswith("Bearer")


class TestRequestIds:
    def test_takes_over_a_safe_one_down_to_the_service(self, gateway: Gateway) -> None:
        answer = gateway.get("/v1/plans", headers={"X-Request-Id": "from-the-client.0001"})
        assert answer.headers["X-Request-Id"] == "from-the-client.0001"
        assert gateway.calls("list_plans")[-1]["request_id"] == "from-the-client.0001"
        assert '"request_id": "from-the-client.0001"' in gateway.log()

    @pytest.mark.parametrize(
        "sent", ["short", "a" * 65, "with space inside", "<script>alert(1)", "4111111111111111", "-starts-oddly-"]
    )
    def test_makes_its_own_instead_of_another(self, gateway: Gateway, sent: str) -> None:
        answer = gateway.get("/v1/plans", headers={"X-Request-Id": sent})
        assert answer.headers["X-Request-Id"].startswith("req_")
        assert sent not in gateway.log()

    def test_passes_a_trace_on(self, gateway: Gateway) -> None:
        trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        gateway.get("/v1/plans", headers={"traceparent": trace})
        assert gateway.calls("list_plans")[-1]["traceparent"] == trace
        gateway.get("/v1/plans", headers={"traceparent": "nonsense"})
        assert gateway.calls("list_plans")[-1]["traceparent"] is None


class TestBodies:
    def test_passes_a_valid_body_on(self, gateway: Gateway) -> None:
        worker = {"first_name": "Wanda", "last_name": "Rivers"}
        answer = gateway.post("/v1/workers", json=worker, headers=OWNER)
        assert answer.status_code == 201
        call = gateway.calls("create_worker")[-1]
        assert call["arguments"] == {"worker": worker}
        assert call["user_id"] == "usr_owner"
        assert call["deadline"]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"first_name": "Wanda"}, "last_name"),
            ({"first_name": "Wanda", "last_name": 5}, "last_name"),
            ({"first_name": "Wanda", "last_name": "R", "shoe_size": 9}, "shoe_size"),
            ({"first_name": "Wanda", "last_name": "R", "tags": ["ok", ""]}, "tags[1]"),
            ({"first_name": "Wan\x00da", "last_name": "R"}, "first_name"),
            ({"first_name": "Wanda", "last_name": "R", "tags": ["a\x1fb"]}, "tags[0]"),
            ([], "body"),
            ("text", "body"),
            (None, "body"),
        ],
    )
    def test_names_every_wrong_field_and_no_value(self, gateway: Gateway, body: Any, field: str) -> None:
        answer = gateway.post(
            "/v1/workers", data=json.dumps(body), headers={**OWNER, "Content-Type": "application/json"}
        )
        assert answer.status_code == 422
        fields = problem_of(answer)["fields"]
        assert field in [one["field"] for one in fields]
        assert "Wanda" not in answer.text

    @pytest.mark.parametrize(
        "sent", [b"", b"{", b"{'a': 1}", b'{"a": NaN}', b'\xff\xfe{"a":1}', b'{"a": "\\ud800"}', b"[" * 5000, b"{}{}"]
    )
    def test_refuses_what_is_not_json(self, gateway: Gateway, sent: bytes) -> None:
        answer = gateway.post("/v1/workers", data=sent, headers={**OWNER, "Content-Type": "application/json"})
        assert answer.status_code == 400
        assert problem_of(answer)["code"] == "malformed_json"

    @pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "text/csv", ""])
    def test_refuses_other_media_types(self, gateway: Gateway, media_type: str) -> None:
        answer = gateway.post("/v1/workers", data=b"{}", headers={**OWNER, "Content-Type": media_type})
        assert answer.status_code == 415
        assert problem_of(answer)["code"] == "media_type_not_supported"

    def test_accepts_a_character_set_parameter(self, gateway: Gateway) -> None:
        answer = gateway.post(
            "/v1/workers",
            data=b'{"first_name": "Wanda", "last_name": "R"}',
            headers={**OWNER, "Content-Type": "Application/JSON; charset=utf-8"},
        )
        assert answer.status_code == 201

    def test_a_change_passes_on_only_what_was_sent(self, gateway: Gateway) -> None:
        gateway.request("PATCH", "/v1/workers/wrk_1", json={"notes": None}, headers=OWNER)
        assert gateway.calls("update_worker")[-1]["arguments"]["change"] == {"notes": None}


class TestQueries:
    def test_passes_typed_values_on(self, gateway: Gateway) -> None:
        answer = gateway.get("/v1/workers?search=w+r&limit=7&sort=-name", headers=OWNER)
        assert answer.status_code == 200
        query = gateway.calls("list_workers")[-1]["arguments"]["query"]
        assert query == {"search": "w r", "limit": 7, "sort": "-name"}

    def test_lists_take_limit_and_cursor(self, gateway: Gateway) -> None:
        gateway.get("/v1/members?limit=3&cursor=abc", headers=OWNER)
        arguments = gateway.calls("list_members")[-1]["arguments"]
        assert arguments == {"company_id": "com_acme", "limit": 3, "cursor": "abc"}
        gateway.get("/v1/members", headers=OWNER)
        assert gateway.calls("list_members")[-1]["arguments"]["limit"] == 50

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("limit=0", "limit"),
            ("limit=x", "limit"),
            ("sort=age", "sort"),
            ("nonsense=1", "nonsense"),
            ("limit=1&limit=2", "limit"),
            ("search=a%00", "search"),
        ],
    )
    def test_names_the_wrong_parameter(self, gateway: Gateway, query: str, field: str) -> None:
        answer = gateway.get(f"/v1/workers?{query}", headers=OWNER)
        assert answer.status_code == 422
        assert [one["field"] for one in problem_of(answer)["fields"]] == [field]

    def test_refuses_parameters_where_there_are_none(self, gateway: Gateway) -> None:
        assert gateway.get("/v1/plans?page=2").status_code == 422

    def test_refuses_a_query_that_is_not_utf_8(self, gateway: Gateway) -> None:
        assert gateway.get("/v1/workers?search=%ff", headers=OWNER).status_code == 400


class TestIdempotencyKeys:
    def test_reaches_the_service(self, gateway: Gateway) -> None:
        gateway.post(
            "/v1/workers",
            json={"first_name": "W", "last_name": "R"},
            headers={**OWNER, "Idempotency-Key": "the key of today"},
        )
        assert gateway.calls("create_worker")[-1]["key"] == "the key of today"

    def test_says_when_an_answer_was_given_before(self, gateway: Gateway) -> None:
        worker = {"first_name": "W", "last_name": "R"}
        first = gateway.post("/v1/workers", json=worker, headers={**OWNER, "Idempotency-Key": "new"})
        again = gateway.post("/v1/workers", json=worker, headers={**OWNER, "Idempotency-Key": "seen-before"})
        assert "Idempotent-Replayed" not in first.headers
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.status_code == 201

    @pytest.mark.parametrize("path", ["/v1/checkouts", "/v1/refunds"])
    def test_is_required_where_money_moves(self, gateway: Gateway, path: str) -> None:
        answer = gateway.post(path, json={"plan": "starter", "method": "card"}, headers=OWNER)
        assert answer.status_code == 400
        assert problem_of(answer)["code"] == "idempotency_key_missing"

    @pytest.mark.parametrize("key", ["", "a" * 256, "tab\there", "ümlaut"])
    def test_is_refused_when_malformed(self, gateway: Gateway, key: str) -> None:
        headers = {**OWNER, "Idempotency-Key": key.encode("latin-1")}
        answer = gateway.post("/v1/workers", json={"first_name": "W", "last_name": "R"}, headers=headers)
        assert answer.status_code == 400
        assert problem_of(answer)["code"] == "idempotency_key_malformed"

    def test_takes_255_characters(self, gateway: Gateway) -> None:
        headers = {**OWNER, "Idempotency-Key": "k" * 255}
        answer = gateway.post("/v1/checkouts", json={"plan": "starter", "method": "card"}, headers=headers)
        assert answer.status_code == 201


class TestWebhooks:
    def test_passes_the_bytes_on_as_they_came(self, gateway: Gateway) -> None:
        raw = b'{ "id":"evt_1",  "card": "4111111111111111"}'
        answer = gateway.post(
            "/webhooks/stripe",
            data=raw,
            headers={"Stripe-Signature": "t=1,v1=ab", "Cookie": "a=b", "Origin": "https://stripe.example"},
        )
        assert (answer.status_code, answer.json()) == (200, {"status": "accepted"})
        arguments = gateway.calls("receive_webhook")[-1]["arguments"]
        assert base64.b64decode(arguments["raw"]) == raw
        assert arguments["headers"] == {"stripe-signature": "t=1,v1=ab"}

    def test_passes_paypals_headers_on(self, gateway: Gateway) -> None:
        gateway.post("/webhooks/paypal", data=b"{}", headers={"PAYPAL-TRANSMISSION-ID": "x", "X-Other": "y"})
        arguments = gateway.calls("receive_webhook")[-1]["arguments"]
        assert (arguments["provider"], arguments["headers"]) == ("paypal", {"paypal-transmission-id": "x"})

    def test_refuses_a_forged_one_with_400(self, gateway: Gateway) -> None:
        answer = gateway.post("/webhooks/stripe", data=b"{}", headers={"Stripe-Signature": "forged"})
        assert answer.status_code == 400
        assert problem_of(answer)["code"] == "signature_refused"


class TestImports:
    def test_takes_the_file_itself_with_its_options_in_the_query(self, gateway: Gateway) -> None:
        text = "First name,Surname\r\nZoë,Rivers\r\n"
        answer = gateway.post(
            "/v1/worker-imports?dry_run=true&on_error=stop&file_name=a.csv",
            data=text.encode("utf-8-sig"),
            headers={**OWNER, "Content-Type": "text/csv; charset=utf-8"},
        )
        assert answer.status_code == 201
        arguments = gateway.calls("import_workers")[-1]["arguments"]
        assert arguments["text"] == text
        assert arguments["options"] == {"dry_run": True, "on_error": "stop", "file_name": "a.csv"}

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
    def test_reads_what_spreadsheets_write(self, gateway: Gateway, encoding: str) -> None:
        text = "Vorname;Name\nZoë;Müller\n"
        headers = {**OWNER, "Content-Type": "text/csv"}
        assert gateway.post("/v1/worker-imports", data=text.encode(encoding), headers=headers).status_code == 201
        assert gateway.calls("import_workers")[-1]["arguments"]["text"] == text

    def test_refuses_a_file_that_is_no_text(self, gateway: Gateway) -> None:
        headers = {**OWNER, "Content-Type": "text/csv"}
        answer = gateway.post("/v1/worker-imports", data=b"PK\x03\x04\x00\x00", headers=headers)
        assert answer.status_code == 422

    def test_takes_json_too_and_leaves_rows_to_the_service(self, gateway: Gateway) -> None:
        # Forbidden rows are refused one by one where the rows are read, not the whole file here.
        body = {"text": "Name,Card\nWanda,4111111111111111\n", "options": {"mapping": {"Name": "first_name"}}}
        assert gateway.post("/v1/worker-imports", json=body, headers=OWNER).status_code == 201
        arguments = gateway.calls("import_workers")[-1]["arguments"]
        assert arguments["text"] == body["text"]
        assert arguments["options"] == body["options"]


class TestReadiness:
    def test_asks_every_service(self, gateway: Gateway) -> None:
        answer = gateway.get("/readyz")
        assert answer.status_code == 200
        assert set(answer.json()["services"].values()) == {"ok"}

    def test_names_the_one_that_is_away_and_the_process_still_lives(self, start: Start) -> None:
        gateway = start(ACTIONTRAC_TEST_ABSENT="billing", ACTIONTRAC_RPC_TIMEOUT_SECONDS="1")
        answer = gateway.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["services"] == {
            "accounts": "ok", "workers": "ok", "billing": "down", "notifications": "ok",
        }  # fmt: skip
        assert gateway.get("/healthz").json() == {"status": "ok"}
        away = gateway.get("/v1/plans")
        assert away.status_code in (503, 504)
        assert int(away.headers["Retry-After"]) >= 1

    def test_counts_without_naming_anybody(self, gateway: Gateway) -> None:
        gateway.get("/v1/workers/wrk_1", headers=OWNER)
        figures = gateway.get("/metrics").text
        assert re.search(r'actiontrac_http_requests_total\{.*route="/v1/workers/\{id\}".*\} ', figures)
        assert "actiontrac_http_request_seconds_bucket" in figures
        for personal in ("wrk_1", "usr_owner", "com_acme", "127.0.0.1"):
            assert personal not in figures


def test_logs_one_line_per_request_without_the_path_that_was_asked(gateway: Gateway) -> None:
    gateway.get("/v1/workers/wrk_1?search=4111111111111111", headers={**OWNER, "User-Agent": "Spy/1.0"})
    last = json.loads(gateway.log().splitlines()[-1])
    assert set(last) == {"route", "method", "status", "ms", "event", "level", "at", "request_id", "process"}
    assert (last["route"], last["status"]) == ("/v1/workers/{id}", 422)
    for personal in ("127.0.0.1", "Spy", "wrk_1", "4111", "owner.x"):
        assert personal not in gateway.log().splitlines()[-1]


def test_the_fake_services_are_complete() -> None:
    assert {service.name for service in fake_services.SERVICES} == {"accounts", "workers", "billing", "notifications"}


@pytest.mark.parametrize(("on", "status"), [("2016-11-12", 200), ("0", 422), ("2026-02-30", 422), ("today", 422)])
def test_a_day_is_written_as_one(gateway: Gateway, on: str, status: int) -> None:
    assert gateway.get(f"/v1/policies?on={on}").status_code == status
