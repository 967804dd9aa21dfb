"""Sessions: the cookie, the cache, and that a revocation beats both (A10, D5, D6, S45)."""

import time
from typing import Any

import pytest

from actiontrac import clock
from actiontrac.contracts.accounts import PrincipalView, SessionEnded
from actiontrac.testing import settings_for
from services.gateway import sessions as sessions_module
from services.gateway.sessions import Sessions
from tests.gateway.conftest import OWNER, Gateway, Start

COOKIE = "__Host-actiontrac"
CSRF = {"X-CSRF-Token": "csrf-of-owner"}


def principal(session_id: str = "ses_1", user_id: str = "usr_1", seconds: float = 1800) -> PrincipalView:
    from datetime import timedelta

    ends = clock.iso(clock.now() + timedelta(seconds=seconds))
    return {
        "session_id": session_id,
        "user_id": user_id,
        "company_id": "com_acme",
        "role": "owner",
        "permissions": ["company.read"],
        "email_verified": True,
        "mode": "bearer",
        "csrf_token": "",
        "idle_expires_at": ends,
        "expires_at": ends,
    }


class Accounts:
    """Counts how often it was asked."""

    def __init__(self, view: PrincipalView) -> None:
        self.view = view
        self.asked = 0
        self.during: Any = None

    def __call__(self, token: str) -> PrincipalView:
        self.asked += 1
        if self.during is not None:
            self.during()
        return self.view


class TestCache:
    def test_asks_once_and_remembers(self) -> None:
        accounts, sessions = Accounts(principal()), Sessions(lambda: 1)
        for _ in range(5):
            assert sessions.find("token", accounts).principal.user_id == "usr_1"
        assert accounts.asked == 1

    def test_forgets_after_thirty_seconds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        accounts, sessions = Accounts(principal()), Sessions(lambda: 1)
        sessions.find("token", accounts)
        later = time.monotonic() + sessions_module.KEEP_SECONDS
        monkeypatch.setattr(sessions_module.time, "monotonic", lambda: later)
        sessions.find("token", accounts)
        assert accounts.asked == 2

    def test_never_outlives_the_session_by_the_products_clock(self, tmp_path: Any) -> None:
        settings_for(tmp_path)
        accounts, sessions = Accounts(principal(seconds=600)), Sessions(lambda: 1)
        sessions.find("token", accounts)
        clock.advance(601)
        sessions.find("token", accounts)
        assert accounts.asked == 2

    def test_forgets_revoked_sessions_and_changed_people_at_once(self) -> None:
        accounts, sessions = Accounts(principal()), Sessions(lambda: 1)
        sessions.find("token", accounts)
        sessions.forget_sessions(["ses_other", "ses_1"])
        sessions.find("token", accounts)
        sessions.forget_user("usr_1")
        sessions.find("token", accounts)
        assert accounts.asked == 3

    def test_does_not_keep_an_answer_that_a_revocation_overtook(self) -> None:
        accounts, sessions = Accounts(principal()), Sessions(lambda: 1)
        accounts.during = lambda: sessions.forget_sessions(["ses_1"])
        sessions.find("token", accounts)
        accounts.during = lambda: sessions.forget_user("usr_1")
        sessions.find("token", accounts)
        assert len(sessions) == 0

    def test_trusts_nothing_while_revocations_cannot_arrive(self) -> None:
        accounts, sessions = Accounts(principal()), Sessions(lambda: None)
        sessions.find("token", accounts)
        sessions.find("token", accounts)
        assert accounts.asked == 2

    def test_trusts_nothing_from_before_a_lost_connection(self) -> None:
        connection = [1]
        accounts, sessions = Accounts(principal()), Sessions(lambda: connection[0])
        sessions.find("token", accounts)
        connection[0] = 2
        sessions.find("token", accounts)
        assert accounts.asked == 2

    def test_does_not_remember_refusals(self) -> None:
        asked = []

        def refuse(token: str) -> PrincipalView:
            asked.append(token)
            raise SessionEnded()

        sessions = Sessions(lambda: 1)
        for _ in range(2):
            with pytest.raises(SessionEnded):
                sessions.find("token", refuse)
        assert len(asked) == 2

    def test_stays_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sessions_module, "MOST_SESSIONS", 3)
        sessions = Sessions(lambda: 1)
        for number in range(10):
            sessions.find(f"token{number}", Accounts(principal(f"ses_{number}", f"usr_{number}")))
        assert len(sessions) == 3

    def test_keeps_no_token(self) -> None:
        sessions = Sessions(lambda: 1)
        sessions.find("the-secret-token", Accounts(principal()))
        assert "the-secret-token" not in repr(vars(sessions))


class TestSigningIn:
    def test_sets_a_host_only_session_cookie(self, gateway: Gateway) -> None:
        answer = gateway.post("/v1/sessions", json={"user_id": "olive", "password": "correct horse"})
        assert answer.status_code == 201
        cookie = answer.headers["Set-Cookie"]
        assert cookie == f"{COOKIE}=owner.cookie; Path=/; Secure; HttpOnly; SameSite=Strict"
        for attribute in ("Max-Age", "Expires", "Domain"):
            assert attribute not in cookie
        assert answer.json()["token"] is None
        assert answer.json()["csrf_token"] == "csrf-of-owner"

    def test_answers_with_a_token_for_programs(self, gateway: Gateway) -> None:
        credentials = {"user_id": "olive", "password": "correct horse", "mode": "bearer"}
        answer = gateway.post("/v1/sessions", json=credentials)
        assert "Set-Cookie" not in answer.headers
        token = answer.json()["token"]
        assert gateway.get("/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code == 200

    def test_tells_accounts_the_browser_coarsely_and_no_address(self, gateway: Gateway) -> None:
        agent = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0.2"
        gateway.post("/v1/sessions", json={"user_id": "olive", "password": "x"}, headers={"User-Agent": agent})
        arguments = gateway.calls("create_session")[-1]["arguments"]
        assert arguments["browser"] == "Firefox 132"
        assert len(arguments["address_token"]) == 32
        assert "127.0.0.1" not in (gateway.home / "calls.jsonl").read_text()

    def test_a_stale_cookie_does_not_keep_anybody_out(self, gateway: Gateway) -> None:
        answer = gateway.post(
            "/v1/sessions",
            json={"user_id": "olive", "password": "correct horse"},
            headers={"Cookie": f"{COOKIE}=nobody.stale"},
        )
        assert answer.status_code == 201

    def test_wrong_passwords_are_refused_with_401(self, gateway: Gateway) -> None:
        answer = gateway.post("/v1/sessions", json={"user_id": "olive", "password": "wrong"})
        assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_failed")


class TestSignedIn:
    @pytest.mark.parametrize("header", ["Bearer owner.x", "bearer owner.x", "BEARER  owner.x"])
    def test_by_bearer_token(self, gateway: Gateway, header: str) -> None:
        assert gateway.get("/v1/me", headers={"Authorization": header}).status_code == 200

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Authorization": "Basic b3duZXI6eA=="},
            {"Authorization": "Bearer"},
            {"Authorization": "Bearer "},
            {"Authorization": "Bearer nobody.x"},
            {"Authorization": "Bearer ünknown".encode("latin-1")},
            {"Cookie": f"{COOKIE}="},
            {"Cookie": f"{COOKIE}=nobody.x"},
            {"Cookie": "actiontrac=owner.x"},
        ],
    )
    def test_nobody_else(self, gateway: Gateway, headers: dict[str, Any]) -> None:
        assert gateway.get("/v1/me", headers=headers).status_code == 401

    def test_by_cookie_among_others(self, gateway: Gateway) -> None:
        answer = gateway.get("/v1/me", headers={"Cookie": f"a=b; {COOKIE}=owner.x; c=d"})
        assert answer.status_code == 200

    def test_needs_the_permission_of_the_route(self, gateway: Gateway) -> None:
        viewer = {"Authorization": "Bearer viewer.x"}
        worker = {"first_name": "W", "last_name": "R"}
        assert gateway.get("/v1/workers", headers=viewer).status_code == 200
        refused = gateway.post("/v1/workers", json=worker, headers=viewer)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert gateway.get("/v1/subscription", headers=viewer).status_code == 403
        assert gateway.get("/v1/campaigns", headers=OWNER).status_code == 403

    def test_operators_reach_campaigns_and_nobodys_company(self, gateway: Gateway) -> None:
        staff = {"Authorization": "Bearer operator.x"}
        assert gateway.get("/v1/campaigns", headers=staff).status_code == 200
        for path in ("/v1/me", "/v1/company", "/v1/workers", "/v1/sessions/current"):
            assert gateway.get(path, headers=staff).status_code == 403

    def test_asks_for_the_callers_own_company(self, gateway: Gateway) -> None:
        gateway.get("/v1/workers/wrk_1", headers={"Authorization": "Bearer rival.x"})
        assert gateway.calls("get_worker")[-1]["arguments"]["company_id"] == "com_rival"

    def test_shows_the_session_behind_the_request(self, gateway: Gateway) -> None:
        by_cookie = gateway.get("/v1/sessions/current", headers={"Cookie": f"{COOKIE}=owner.x"}).json()
        assert by_cookie["csrf_token"] == "csrf-of-owner"
        assert "token" not in by_cookie
        assert gateway.get("/v1/sessions/current", headers=OWNER).json()["csrf_token"] is None

    def test_looks_a_session_up_once(self, gateway: Gateway) -> None:
        headers = {"Authorization": "Bearer owner.once"}
        for _ in range(5):
            gateway.get("/v1/me", headers=headers)
        asked = [one for one in gateway.calls("resolve_session") if one["arguments"]["token"] == "owner.once"]
        assert len(asked) == 1


class TestEnding:
    def test_signing_out_ends_it_here_at_once_and_drops_the_cookie(self, gateway: Gateway) -> None:
        headers = {"Cookie": f"{COOKIE}=owner.leaving"}
        assert gateway.get("/v1/me", headers=headers).status_code == 200
        answer = gateway.request("DELETE", "/v1/sessions/current", headers={**headers, **CSRF})
        assert answer.status_code == 204
        assert answer.headers["Set-Cookie"].startswith(f"{COOKIE}=; Max-Age=0; Path=/; Secure")
        assert gateway.get("/v1/me", headers=headers).status_code == 401

    def test_a_revocation_elsewhere_counts_within_a_second(self, gateway: Gateway) -> None:
        other = {"Authorization": "Bearer owner.other"}
        assert gateway.get("/v1/me", headers=other).status_code == 200
        change = {"current_password": "a", "new_password": "another horse"}
        assert gateway.post("/v1/me/password", json=change, headers=OWNER).status_code == 204
        deadline = time.monotonic() + 1
        while gateway.get("/v1/me", headers=other).status_code == 200:
            assert time.monotonic() < deadline, "the revoked session still works"

    def test_a_change_of_rights_is_looked_up_anew(self, gateway: Gateway) -> None:
        billing = {"Authorization": "Bearer billing.changed"}
        gateway.get("/v1/me", headers=billing)

        def lookups() -> int:
            calls = gateway.calls("resolve_session")
            return sum(one["arguments"]["token"] == "billing.changed" for one in calls)

        assert lookups() == 1
        assert gateway.request("DELETE", "/v1/members/usr_billing", headers=OWNER).status_code == 204
        deadline = time.monotonic() + 1
        while lookups() == 1:
            assert time.monotonic() < deadline, "the old rights are still remembered"
            gateway.get("/v1/me", headers=billing)

    def test_ends_by_the_products_clock(self, start: Start) -> None:
        gateway = start()
        headers = {"Authorization": "Bearer owner.brief"}
        gateway.get("/v1/me", headers=headers)
        gateway.get("/v1/me", headers=headers)
        (gateway.home / "clock").write_text("600")
        gateway.get("/v1/me", headers=headers)
        assert len(gateway.calls("resolve_session")) == 2


WRITES = [
    ("POST", "/v1/workers", {"first_name": "W", "last_name": "R"}),
    ("PATCH", "/v1/me", {"first_name": "Olive"}),
    ("DELETE", "/v1/workers/wrk_1", None),
    ("POST", "/v1/worker-imports", {"text": "First name,Surname\n"}),
]


class TestCrossSite:
    """D6: the cookie alone changes nothing."""

    @pytest.mark.parametrize(("method", "path", "body"), WRITES)
    def test_a_page_of_ours_may_write(self, gateway: Gateway, method: str, path: str, body: Any) -> None:
        headers = {
            "Cookie": f"{COOKIE}=owner.x",
            "Origin": gateway.url,
            "Sec-Fetch-Site": "same-origin",
            **CSRF,
        }
        assert gateway.request(method, path, json=body, headers=headers).status_code in (200, 201)

    @pytest.mark.parametrize(("method", "path", "body"), WRITES)
    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"X-CSRF-Token": "wrong"},
            {"X-CSRF-Token": ""},
            {"X-CSRF-Token": "ü".encode("latin-1")},
            {**CSRF, "Origin": "https://evil.example"},
            {**CSRF, "Origin": "null"},
            {**CSRF, "Origin": "https://127.0.0.1"},
            {**CSRF, "Sec-Fetch-Site": "cross-site"},
            {**CSRF, "Sec-Fetch-Site": "same-site"},
            {**CSRF, "Content-Type": "text/plain"},
            {**CSRF, "Content-Type": "application/x-www-form-urlencoded"},
        ],
    )
    def test_nobody_else_may(
        self, gateway: Gateway, method: str, path: str, body: Any, headers: dict[str, Any]
    ) -> None:
        before = len(gateway.calls())
        answer = gateway.request(method, path, json=body, headers={"Cookie": f"{COOKIE}=owner.x", **headers})
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_site_refused")
        asked = [call["method"] for call in gateway.calls()[before:]]
        assert asked in ([], ["resolve_session"])

    def test_a_file_may_come_as_csv(self, gateway: Gateway) -> None:
        headers = {"Cookie": f"{COOKIE}=owner.x", "Content-Type": "text/csv", **CSRF}
        assert gateway.post("/v1/worker-imports", data="First name\nW\n", headers=headers).status_code == 201

    def test_programs_with_a_token_need_none_of_it(self, gateway: Gateway) -> None:
        headers = {**OWNER, "Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
        worker = {"first_name": "W", "last_name": "R"}
        assert gateway.post("/v1/workers", json=worker, headers=headers).status_code == 201

    def test_reading_needs_none_of_it(self, gateway: Gateway) -> None:
        headers = {"Cookie": f"{COOKIE}=owner.x", "Sec-Fetch-Site": "cross-site"}
        assert gateway.get("/v1/me", headers=headers).status_code == 200

    @pytest.mark.parametrize("path", ["/v1/sessions", "/v1/registrations", "/v1/password-resets"])
    def test_other_sites_cannot_sign_anybody_in(self, gateway: Gateway, path: str) -> None:
        answer = gateway.post(path, json={}, headers={"Origin": "https://evil.example"})
        assert answer.status_code == 403

    def test_no_answer_lets_another_site_read_it(self, gateway: Gateway) -> None:
        answer = gateway.get("/v1/plans", headers={"Origin": "https://evil.example"})
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
