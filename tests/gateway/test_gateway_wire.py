"""HTTP as it is read: strictly, with a limit and a deadline on everything (D11)."""

import re
import socket
import threading
import time
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from actiontrac.errors import ServiceError
from actiontrac.http import wire
from actiontrac.http.listening import refuse_newcomers
from actiontrac.http.messages import Request
from actiontrac.http.problems import (
    AddressTooLong,
    ExpectationNotMet,
    HeadersTooLarge,
    MalformedRequest,
    VersionNotSupported,
)
from tests.gateway.conftest import OWNER, Gateway, Start, read_all

GET = b"GET /v1/plans HTTP/1.1\r\nHost: x\r\n"


def head(*headers: str, line: str = "GET / HTTP/1.1") -> bytes:
    return "\r\n".join((line, "Host: x", *headers)).encode("latin-1")


def parse_head(sent: bytes) -> Request:
    return wire.parse_head(wire.protocol(), sent)


class TestParsing:
    def test_reads_method_path_query_and_headers(self) -> None:
        request = parse_head(head("X-One:  1 ", "Accept: a", "accept: b", line="PATCH /a%20b?c=d&e HTTP/1.1"))

        assert (request.method, request.path, request.query_string) == ("PATCH", "/a%20b", "c=d&e")
        assert request.headers == {"host": "x", "x-one": "1", "accept": "a, b"}

    def test_takes_the_path_of_an_absolute_address(self) -> None:
        assert parse_head(head(line="GET http://elsewhere.example/v1?x=1 HTTP/1.1")).path == "/v1"
        assert parse_head(head(line="GET http://elsewhere.example?x=1 HTTP/1.1")).path == "/"

    def test_joins_cookies_as_cookies(self) -> None:
        assert parse_head(head("Cookie: a=1", "Cookie: b=2")).headers["cookie"] == "a=1; b=2"

    @pytest.mark.parametrize(
        "line",
        [
            "GET /",
            "GET  / HTTP/1.1",
            "G ET / HTTP/1.1",
            "GET / HTTP/1.1 ",
            "GET / http/1.1",
            "",
            "GET x HTTP/1.1",
            "GET /\x00 HTTP/1.1",
            "GET /\x7f HTTP/1.1",
            "GET /ä HTTP/1.1",
            "GET ftp://x/ HTTP/1.1",
            "GET * HTTP/1.1",
        ],
    )
    def test_refuses_a_malformed_first_line(self, line: str) -> None:
        with pytest.raises(MalformedRequest):
            parse_head(head(line=line))

    @pytest.mark.parametrize(
        "headers",
        [
            ("Content-Length: 1", "Content-Length: 2"),
            ("Content-Length: 1, 2",),
            ("Content-Length: 1", "Transfer-Encoding: chunked"),
            ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
            ("Transfer-Encoding: gzip, chunked",),
            ("Transfer-Encoding: identity",),
            ("Content-Length: -1",),
            ("Content-Length: +1",),
            ("Content-Length: 1_0",),
            ("Content-Length: ٣".encode().decode("latin-1"),),
            ("Content-Length: ",),
            ("Content-Length: 999999999999999999999",),
            ("Host: y",),
            (" folded: x",),
            ("X: a", " folded: x"),
            ("X: a\x01b",),
            ("X: a\rb",),
            ("Name : x",),
            ("no colon",),
            (": x",),
            ("Näme: x",),
            ("X: a\nY: b",),
            ("X: a\x00b",),
            ("Authorization: Bearer a", "Authorization: Bearer b"),
            ("Content-Type: text/csv", "Content-Type: application/json"),
        ],
    )
    def test_refuses_what_two_readers_could_understand_differently(self, headers: tuple[str, ...]) -> None:
        with pytest.raises(MalformedRequest):
            parse_head(head(*headers))

    def test_refuses_a_request_without_host(self) -> None:
        with pytest.raises(MalformedRequest):
            parse_head(b"GET / HTTP/1.1\r\nAccept: x")

    def test_takes_the_same_length_said_twice_as_one_length(self) -> None:
        assert parse_head(head("Content-Length: 1", "Content-Length: 1")).length == 1
        assert parse_head(head("Content-Length: 1, 1")).length == 1

    def test_refuses_chunks_from_a_client_too_old_for_them(self) -> None:
        with pytest.raises(MalformedRequest):
            parse_head(head("Transfer-Encoding: chunked", line="POST / HTTP/1.0"))

    def test_knows_the_versions_that_it_speaks(self) -> None:
        assert parse_head(b"GET / HTTP/1.0").path == "/"
        for version in ("2.0", "1.2", "0.9"):
            with pytest.raises(VersionNotSupported):
                parse_head(head(line=f"GET / HTTP/{version}"))

    def test_meets_no_expectation_but_to_continue(self) -> None:
        assert parse_head(head("Expect: 100-Continue")).length == 0
        with pytest.raises(ExpectationNotMet):
            parse_head(head("Expect: a miracle"))

    def test_limits_the_first_line_and_the_number_of_headers(self) -> None:
        with pytest.raises(AddressTooLong):
            parse_head(head(line=f"GET /{'a' * 9000} HTTP/1.1"))
        for headers in ([f"X-{number}: 1" for number in range(101)], [f"X: {'a' * 33_000}"]):
            with pytest.raises(HeadersTooLarge):
                parse_head(head(*headers))

    @given(st.binary(max_size=400))
    def test_any_bytes_are_a_request_or_a_refusal(self, some: bytes) -> None:
        try:
            parse_head(some)
        except (MalformedRequest, AddressTooLong, HeadersTooLarge, VersionNotSupported, ExpectationNotMet):
            pass

    @given(st.lists(st.tuples(st.text("aZ-_:\t \r\n0é", max_size=8), st.text(max_size=8)), max_size=5))
    def test_no_header_smuggles_a_line_break(self, pairs: list[tuple[str, str]]) -> None:
        lines = "\r\n".join(f"{name}:{value}" for name, value in pairs)
        try:
            request = parse_head(head(lines.encode("utf-8").decode("latin-1")))
        except ServiceError:
            return
        assert all("\n" not in value and "\r" not in value for value in request.headers.values())


class TestConnections:
    def test_answers_several_requests_on_one_connection(self, gateway: Gateway) -> None:
        with gateway.connection() as sock:
            sock.sendall((GET + b"\r\n") * 3 + GET + b"Connection: close\r\n\r\n")
            assert read_all(sock).count(b"HTTP/1.1 200 OK") == 4

    def test_reads_a_body_in_chunks(self, gateway: Gateway) -> None:
        sent = (
            b"POST /v1/workers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer owner.x\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Type: application/json\r\nConnection: close\r\n\r\n"
            b'12\r\n{"first_name": "Wa\r\n17;note=1\r\nnda", "last_name": "R"}\r\n0\r\nTrailer: x\r\n\r\n'
        )
        assert gateway.raw(sent).startswith(b"HTTP/1.1 201 Created")

    def test_takes_nothing_that_follows_chunks(self, gateway: Gateway) -> None:
        # Where trailers end is read differently by different readers: a request must not hide there.
        sent = b"POST /v1/workers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer owner.x\r\n"
        sent += b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        answer = gateway.raw(sent + b"2\r\n{}\r\n0\r\n\n" + GET + b"\r\n")
        assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"422"]
        assert b"Connection: close" in answer

    def test_forgives_empty_lines_before_a_request(self, gateway: Gateway) -> None:
        sent = b"\r\n\r\nPOST /v1/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello\r\n" + GET
        answer = gateway.raw(sent + b"Connection: close\r\n\r\n")
        assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"404", b"200"]

    def test_ends_the_connection_when_the_client_leaves_within_a_body(self, gateway: Gateway) -> None:
        with gateway.connection() as sock:
            sock.sendall(
                b"POST /v1/workers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer owner.x\r\nContent-Length: 41\r\n"
                b'Content-Type: application/json\r\n\r\n{"first'
            )
            sock.shutdown(socket.SHUT_WR)
            assert read_all(sock).startswith(b"HTTP/1.1 400 ")

    def test_refuses_a_head_request_with_an_answer_that_can_be_written(self, gateway: Gateway) -> None:
        answer = gateway.raw(b"HEAD /v1/plans HTTP/1.1\r\nHost: x\r\nOrigin: a\r\nOrigin: b\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400 ")

    @pytest.mark.parametrize("line", [b"CONNECT x:80 HTTP/1.1", b"GET /v1/plans HTTP/1.1\r\nUpgrade: websocket"])
    def test_becomes_no_tunnel_and_no_other_protocol(self, gateway: Gateway, line: bytes) -> None:
        answer = gateway.raw(line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert re.match(rb"HTTP/1.1 (200|400) ", answer)

    @pytest.mark.parametrize("chunks", [b"zz\r\n", b"-1\r\n", b"0x5\r\nhello\r\n", b"3\r\nabcd\r\n0\r\n\r\n", b"\r\n"])
    def test_refuses_malformed_chunks(self, gateway: Gateway, chunks: bytes) -> None:
        sent = (
            b"POST /v1/workers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer owner.x\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Type: application/json\r\n\r\n" + chunks
        )
        answer = gateway.raw(sent)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"Connection: close" in answer

    def test_says_continue_when_it_wants_the_body(self, gateway: Gateway) -> None:
        with gateway.connection() as sock:
            sock.sendall(
                b"POST /v1/workers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer owner.x\r\nContent-Length: 41\r\n"
                b"Content-Type: application/json\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
            )
            assert sock.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
            sock.sendall(b'{"first_name": "Wanda", "last_name": "R"}')
            assert read_all(sock).startswith(b"HTTP/1.1 201 Created")

    def test_refuses_without_continue_and_ends_the_connection(self, gateway: Gateway) -> None:
        answer = gateway.raw(
            b"POST /v1/workers HTTP/1.1\r\nHost: x\r\nContent-Length: 41\r\nExpect: 100-continue\r\n\r\n"
        )
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert b"100 Continue" not in answer

    def test_keeps_the_connection_when_a_small_body_was_not_wanted(self, gateway: Gateway) -> None:
        sent = b"POST /v1/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" + GET
        answer = gateway.raw(sent + b"Connection: close\r\n\r\n")
        assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"404", b"200"]

    def test_speaks_to_old_clients(self, gateway: Gateway) -> None:
        answer = gateway.raw(b"GET /v1/plans HTTP/1.0\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b"Connection: close" in answer

    def test_head_answers_without_a_body(self, gateway: Gateway) -> None:
        answer = gateway.request("HEAD", "/v1/plans")
        assert answer.status_code == 200
        assert int(answer.headers["Content-Length"]) > 0
        assert answer.content == b""

    def test_options_name_the_methods(self, gateway: Gateway) -> None:
        answer = gateway.request("OPTIONS", "/v1/workers/wrk_1")
        assert answer.status_code == 204
        assert answer.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH"


class TestLimits:
    def test_refuses_a_body_over_one_megabyte_before_it_is_read(self, gateway: Gateway) -> None:
        answer = gateway.post("/v1/workers", json={"first_name": "a" * 1_100_000}, headers=OWNER)
        assert answer.status_code == 413
        assert answer.json()["code"] == "body_too_large"

    def test_refuses_sixty_megabytes_in_chunks(self, gateway: Gateway) -> None:
        def parts() -> Any:
            for _ in range(60):
                yield b"a" * 1_000_000

        headers = {**OWNER, "Content-Type": "application/json"}
        try:
            assert gateway.post("/v1/workers", data=parts(), headers=headers).status_code == 413
        except requests.ConnectionError:
            # The answer was sent while the client was still writing; it may have missed it.
            pass

    def test_an_import_may_be_larger(self, gateway: Gateway) -> None:
        text = "First name,Surname\n" + "Wanda,Rivers\n" * 150_000
        answer = gateway.post("/v1/worker-imports", data=text, headers={**OWNER, "Content-Type": "text/csv"})
        assert answer.status_code == 201
        answer = gateway.post("/v1/worker-imports", data=text * 5, headers={**OWNER, "Content-Type": "text/csv"})
        assert answer.status_code == 413

    def test_refuses_a_header_bomb(self, gateway: Gateway) -> None:
        answer = gateway.raw(GET + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 100) for n in range(2000)) + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"headers_too_large" in answer

    def test_refuses_an_endless_address(self, gateway: Gateway) -> None:
        assert gateway.raw(b"GET /" + b"a" * 40_000).startswith(b"HTTP/1.1 414 ")

    def test_refusals_of_the_connection_are_problems_with_all_headers(self, gateway: Gateway) -> None:
        answer = gateway.raw(b"nonsense\r\n\r\n")
        for expected in (b"application/problem+json", b"X-Request-Id: req_", b"nosniff", b"Strict-Transport-Security"):
            assert expected in answer

    @pytest.mark.slow
    def test_half_open_requests_end_and_others_do_not_notice(self, gateway: Gateway) -> None:
        sockets = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(300)]
        try:
            for sock in sockets:
                sock.sendall(b"GET /v1/plans HTTP/1.1\r\nX-Slow: ")
            began = time.monotonic()
            for _ in range(20):
                assert gateway.get("/v1/plans").status_code == 200
            assert time.monotonic() - began < 5

            dripping = sockets[0]
            stop = threading.Event()

            def drip() -> None:
                # A byte now and then does not buy more time.
                while not stop.wait(0.5):
                    try:
                        dripping.sendall(b"a")
                    except OSError:
                        return

            thread = threading.Thread(target=drip)
            thread.start()
            dripping.settimeout(20)
            answer = read_all(dripping)
            stop.set()
            thread.join()
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert time.monotonic() - began < 16
        finally:
            for sock in sockets:
                sock.close()


class TestStopping:
    def test_finishes_what_has_begun_and_takes_nothing_new(self, start: Start) -> None:
        gateway = start()
        answers: list[int] = []

        def ask() -> None:
            answers.append(gateway.get("/v1/workers/wrk_slow2", headers=OWNER).status_code)

        kept = requests.Session()
        assert kept.get(f"{gateway.url}/v1/plans", timeout=5).status_code == 200
        threads = [threading.Thread(target=ask) for _ in range(5)]
        for thread in threads:
            thread.start()
        time.sleep(0.7)
        assert gateway.process is not None
        gateway.process.terminate()
        for thread in threads:
            thread.join()
        assert answers == [200] * 5
        assert gateway.stop() == 0
        with pytest.raises(requests.ConnectionError):
            gateway.get("/v1/plans")

    def test_is_not_ready_before_it_takes_nothing_more(self, start: Start) -> None:
        gateway = start(ACTIONTRAC_HTTP_DRAIN_DELAY_SECONDS="1.5")
        assert gateway.process is not None
        assert gateway.get("/readyz").status_code == 200
        gateway.process.terminate()
        time.sleep(0.3)
        ready = gateway.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "stopping")
        assert gateway.get("/v1/plans").status_code == 200
        assert gateway.stop() == 0

    def test_tells_kept_connections_with_an_answer_that_it_was_the_last(self, start: Start) -> None:
        gateway = start()
        assert gateway.process is not None
        kept = requests.Session()
        assert kept.get(f"{gateway.url}/v1/plans", timeout=5).headers.get("Connection") != "close"
        gateway.process.terminate()
        time.sleep(0.5)
        assert kept.get(f"{gateway.url}/v1/plans", timeout=5).headers["Connection"] == "close"
        assert gateway.stop() == 0

    def test_a_closing_door_resets_nobody(self) -> None:
        with socket.create_server(("127.0.0.1", 0), reuse_port=True) as closing:
            address = closing.getsockname()
            waiting = socket.create_connection(address)
            waiting.sendall(b"here since before")
            assert refuse_newcomers(closing)
            newcomer = socket.socket()
            newcomer.setblocking(False)
            newcomer.connect_ex(address)
            taken, _ = closing.accept()
            assert taken.recv(100) == b"here since before"
            closing.settimeout(0.3)
            with pytest.raises(TimeoutError):
                closing.accept()
        with socket.create_server(address, reuse_port=True) as other:
            other.settimeout(10)
            found, _ = other.accept()
        for sock in (waiting, newcomer, taken, found):
            sock.close()

    def test_ends_what_takes_too_long(self, start: Start) -> None:
        gateway = start(ACTIONTRAC_DRAIN_SECONDS="1")
        with gateway.connection() as sock:
            sock.settimeout(10)
            sock.sendall(b"GET /v1/workers/wrk_slow6 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer owner.x\r\n\r\n")
            time.sleep(0.5)
            assert gateway.process is not None
            gateway.process.terminate()
            began = time.monotonic()
            assert read_all(sock) == b""
            assert time.monotonic() - began < 4
