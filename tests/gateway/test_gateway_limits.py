"""Nobody is everybody's load: rates, places, and room for payments (B10)."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from actiontrac.http.addresses import AddressTokens, behind_proxies, networks
from actiontrac.http.limits import MAX_BUCKETS, Buckets, Rate
from services.gateway import policies
from tests.gateway.conftest import OWNER, Start

WORKER = {"first_name": "W", "last_name": "R"}


class TestBuckets:
    def test_lets_a_burst_through_and_then_the_rate(self) -> None:
        buckets, rate = Buckets(), Rate(per_minute=60, burst=3)
        assert [buckets.take("x", "a", rate, 0.0) for _ in range(3)] == [0, 0, 0]
        assert buckets.take("x", "a", rate, 0.0) == 1
        assert buckets.take("x", "a", rate, 0.5) == 0.5
        assert buckets.take("x", "a", rate, 1.0) == 0
        assert buckets.take("x", "a", rate, 1000.0) == 0

    def test_counts_each_asker_and_kind_alone(self) -> None:
        buckets, rate = Buckets(), Rate(per_minute=1, burst=1)
        assert buckets.take("x", "a", rate, 0.0) == 0
        assert buckets.take("x", "b", rate, 0.0) == 0
        assert buckets.take("y", "a", rate, 0.0) == 0
        assert buckets.take("x", "a", rate, 0.0) > 0

    def test_forgets_full_buckets_first_and_stays_bounded(self) -> None:
        buckets = Buckets()
        slow, quick = Rate(per_minute=0.001, burst=2), Rate(per_minute=60, burst=2)
        buckets.take("x", "busy", slow, 0.0)
        buckets.take("x", "busy", slow, 0.0)
        for number in range(MAX_BUCKETS - 1):
            buckets.take("x", str(number), quick, 1.0)
        buckets.take("x", "one more", quick, 100.0)
        assert len(buckets) == 2
        assert buckets.take("x", "busy", slow, 100.0) > 0


class TestAddresses:
    def test_a_token_says_nothing_and_lives_a_day(self) -> None:
        from datetime import date

        tokens = AddressTokens()
        first = tokens.token("192.0.2.1", date(2026, 11, 23))
        assert first == tokens.token("192.0.2.1", date(2026, 11, 23))
        assert first != tokens.token("192.0.2.2", date(2026, 11, 23))
        assert first != tokens.token("192.0.2.1", date(2026, 11, 24))
        assert first != AddressTokens().token("192.0.2.1", date(2026, 11, 23))
        assert "192.0.2" not in repr(vars(tokens))

    def test_an_ipv6_household_is_one(self) -> None:
        from datetime import date

        tokens, day = AddressTokens(), date(2026, 11, 23)
        assert tokens.token("2001:db8::1", day) == tokens.token("2001:db8::ffff:2", day)
        assert tokens.token("2001:db8::1", day) != tokens.token("2001:db8:0:1::1", day)

    @pytest.mark.parametrize(
        ("peer", "forwarded", "expected"),
        [
            ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
            ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
            ("10.0.0.1", "", "10.0.0.1"),
        ],
    )
    def test_believes_only_trusted_proxies(self, peer: str, forwarded: str, expected: str) -> None:
        headers = {"x-forwarded-for": forwarded, "x-forwarded-proto": "https"}
        address, scheme = behind_proxies(peer, "http", headers, networks(("10.0.0.0/8",)))
        assert address == expected
        assert scheme == ("https" if peer.startswith("10.") else "http")


class TestRates:
    def test_reads_the_setting(self) -> None:
        assert policies.rates("off") is None
        assert policies.rates("on") == policies.RATES
        widened = policies.rates("x10")
        assert widened is not None
        assert widened["sign_in"].burst == policies.RATES["sign_in"].burst * 10
        for wrong in ("fast", "x0", "x-1"):
            with pytest.raises(ValueError, match=r"could not convert|above zero"):
                policies.rates(wrong)

    def test_slows_strangers_by_address_with_retry_after(self, start: Start) -> None:
        gateway = start(ACTIONTRAC_RATE_LIMITS="on")
        wrong = {"user_id": "olive", "password": "wrong"}
        statuses = [gateway.post("/v1/sessions", json=wrong).status_code for _ in range(64)]
        assert statuses[:60] == [401] * 60
        assert 429 in statuses[60:]
        refused = gateway.post("/v1/sessions", json=wrong)
        while refused.status_code != 429:
            refused = gateway.post("/v1/sessions", json=wrong)
        assert refused.json()["code"] == "rate_limited"
        assert 1 <= int(refused.headers["Retry-After"]) <= 3
        # Others things of the same visitor, and signed-in people behind the same address, go on.
        assert gateway.get("/v1/plans").status_code == 200
        assert gateway.post("/v1/workers", json=WORKER, headers=OWNER).status_code == 201

    def test_slows_a_member_alone(self, start: Start) -> None:
        gateway = start(ACTIONTRAC_RATE_LIMITS="x0.01")
        statuses = [gateway.post("/v1/workers", json=WORKER, headers=OWNER).status_code for _ in range(12)]
        assert statuses[:6] == [201] * 6
        assert 429 in statuses
        rival = {"Authorization": "Bearer rival.x"}
        assert gateway.post("/v1/workers", json=WORKER, headers=rival).status_code == 201

    def test_slows_guessing_tokens(self, start: Start) -> None:
        gateway = start(ACTIONTRAC_RATE_LIMITS="x0.1")
        statuses = [
            gateway.get("/v1/me", headers={"Authorization": f"Bearer nobody.{number}"}).status_code
            for number in range(12)
        ]
        assert statuses[:6] == [401] * 6
        assert statuses[-1] == 429


class TestOverload:
    def test_turns_away_quickly_and_keeps_room_for_payments(self, start: Start) -> None:
        gateway = start(ACTIONTRAC_HTTP_PLACES="5", ACTIONTRAC_MAX_WORKERS="30")
        slow = threading.Barrier(5)

        def occupy() -> int:
            slow.wait()
            return gateway.get("/v1/workers/wrk_slow4", headers=OWNER).status_code

        gateway.get("/v1/me", headers=OWNER)
        with ThreadPoolExecutor(8) as pool:
            occupied = [pool.submit(occupy) for _ in range(4)]
            slow.wait()
            time.sleep(0.7)
            began = time.monotonic()
            refused = gateway.get("/v1/plans")
            took = time.monotonic() - began
            assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
            assert refused.headers["Retry-After"] == "1"
            assert 0.4 < took < 1.5
            assert gateway.post("/webhooks/stripe", data=b"{}").status_code == 200
            checkout = gateway.post(
                "/v1/checkouts", json={"plan": "starter", "method": "card"}, headers={**OWNER, "Idempotency-Key": "k"}
            )
            assert checkout.status_code == 201
            assert gateway.get("/healthz").status_code == 200
            assert [one.result() for one in occupied] == [200] * 4
        assert gateway.get("/v1/plans").status_code == 200

    def test_gives_an_answer_up_at_the_deadline(self, start: Start) -> None:
        gateway = start(ACTIONTRAC_RPC_TIMEOUT_SECONDS="1")
        began = time.monotonic()
        answer = gateway.get("/v1/workers/wrk_slow4", headers=OWNER)
        assert (answer.status_code, answer.json()["code"]) == (504, "deadline_exceeded")
        assert time.monotonic() - began < 3
        assert "Retry-After" in answer.headers
