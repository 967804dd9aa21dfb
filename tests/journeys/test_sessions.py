"""Sessions as a browser and a program see them: S43 to S45, A09 to A11."""

import re
import secrets
from typing import Any

import pytest
import requests

from actiontrac.demo.client import Customer, wait_for
from tests.journeys.people import joined
from tests.stack import Product

COOKIE = "__Host-actiontrac"


class Browser:
    """
    A person's browser: keeps the cookie, and our page in it sends the session's token back.

    The cookie is Secure; a browser keeps it on localhost as well, which this library does not.
    """

    def __init__(self, product: Product, customer: Customer) -> None:
        self.url = product.url
        self._session = requests.Session()
        credentials = {"user_id": customer.name, "password": customer.password}
        answer = self._session.post(f"{self.url}/v1/sessions", json=credentials, timeout=30)
        assert answer.status_code == 201, answer.text
        self.session: dict[str, Any] = answer.json()
        self.set_cookie = answer.headers["Set-Cookie"]
        self.token = self.set_cookie.split(";")[0].removeprefix(f"{COOKIE}=")
        self._session.cookies.clear()

    def send(self, method: str, path: str, *, csrf: str | None = None, **options: Any) -> requests.Response:
        headers = {"Cookie": f"{COOKIE}={self.token}", **options.pop("headers", {})}
        if csrf is not None:
            headers["X-CSRF-Token"] = csrf
        return self._session.request(method, self.url + path, headers=headers, timeout=30, **options)

    def status(self) -> int:
        return self.send("GET", "/v1/me").status_code


@pytest.fixture(scope="module")
def owner(own_product: Product) -> Customer:
    return joined(own_product)


@pytest.fixture
def browser(own_product: Product, owner: Customer) -> Browser:
    return Browser(own_product, owner)


def attributes(set_cookie: str) -> dict[str, str]:
    found = {}
    for part in set_cookie.split(";")[1:]:
        name, _, value = part.strip().partition("=")
        found[name.lower()] = value
    return found


class TestTheCookie:
    def test_ends_with_the_browsers_session_and_is_for_this_host_alone(self, browser: Browser) -> None:
        told = attributes(browser.set_cookie)
        assert "max-age" not in told
        assert "expires" not in told
        assert "domain" not in told, "without a domain it is for this host only"
        assert {"secure", "httponly"} <= told.keys()
        assert told["samesite"] == "Strict"
        assert told["path"] == "/"
        assert browser.set_cookie.startswith(f"{COOKIE}=")

    def test_is_the_only_place_where_the_token_stands(self, browser: Browser) -> None:
        assert browser.session["token"] is None
        assert len(browser.token) >= 43, "256 bits of chance"
        assert browser.token not in browser.send("GET", "/v1/sessions").text

    def test_is_not_set_for_a_program_that_asks_for_a_token(self, own_product: Product, owner: Customer) -> None:
        credentials = {"user_id": owner.name, "password": owner.password, "mode": "bearer"}
        answer = own_product.http().request("POST", "/v1/sessions", json=credentials, expect=201)
        assert "Set-Cookie" not in answer.headers
        assert answer.json()["csrf_token"] is None

    def test_is_deleted_at_sign_out(self, browser: Browser) -> None:
        answer = browser.send("DELETE", "/v1/sessions/current", csrf=browser.session["csrf_token"])
        assert answer.status_code == 204
        assert attributes(answer.headers["Set-Cookie"])["max-age"] == "0"
        assert browser.status() == 401


class TestAnotherSite:
    """What it makes a browser send carries the cookie where SameSite fails, and still changes nothing."""

    def test_does_not_know_the_pages_token(self, browser: Browser) -> None:
        change = {"company_name": "Taken over"}
        for token in (None, "", "guess", secrets.token_urlsafe(32)):
            assert browser.send("PATCH", "/v1/company", csrf=token, json=change).status_code == 403
        good = browser.send("PATCH", "/v1/company", csrf=browser.session["csrf_token"], json={"company_name": "Ours"})
        assert good.status_code == 200
        assert browser.send("GET", "/v1/company").json()["company_name"] == "Ours"

    def test_cannot_use_the_token_of_another_session(
        self, own_product: Product, owner: Customer, browser: Browser
    ) -> None:
        other = Browser(own_product, owner).session["csrf_token"]
        assert other != browser.session["csrf_token"]
        assert browser.send("PATCH", "/v1/company", csrf=other, json={"city": "Salem"}).status_code == 403

    @pytest.mark.parametrize(
        "headers",
        [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
        ids=["another origin", "no origin to name", "the browser says so"],
    )
    def test_gives_itself_away(self, browser: Browser, headers: dict[str, str]) -> None:
        answer = browser.send(
            "PATCH", "/v1/company", csrf=browser.session["csrf_token"], json={"city": "Salem"}, headers=headers
        )
        assert answer.status_code == 403

    def test_cannot_send_json_as_a_form(self, browser: Browser) -> None:
        answer = browser.send(
            "PATCH",
            "/v1/company",
            csrf=browser.session["csrf_token"],
            data='{"city": "Salem"}',
            headers={"Content-Type": "text/plain"},
        )
        assert answer.status_code in (403, 415)

    def test_cannot_sign_somebody_in(self, own_product: Product, owner: Customer) -> None:
        credentials = {"user_id": owner.name, "password": owner.password}
        answer = own_product.http().request(
            "POST", "/v1/sessions", json=credentials, headers={"Origin": "https://evil.example"}, expect=403
        )
        assert "Set-Cookie" not in answer.headers


class TestAProgram:
    def test_needs_no_csrf_token_because_no_site_can_send_its_header(self, owner: Customer) -> None:
        owner.http.request("PATCH", "/v1/company", json={"city": "Salem"})


class TestEnding:
    def test_a_list_shows_where_one_is_signed_in_and_ends_any_of_it(
        self, own_product: Product, owner: Customer
    ) -> None:
        one, other = Browser(own_product, owner), Browser(own_product, owner)
        listed = one.send("GET", "/v1/sessions").json()["items"]
        assert [item["id"] for item in listed if item["current"]] == [one.session["id"]]
        assert re.fullmatch(r"Python \d+", listed[0]["browser"])
        ended = one.send("DELETE", f"/v1/sessions/{other.session['id']}", csrf=one.session["csrf_token"])
        assert ended.status_code == 204
        assert (other.status(), one.status()) == (401, 200)

    def test_a_new_password_ends_every_other_session(self, own_product: Product) -> None:
        owner = joined(own_product)
        elsewhere = Browser(own_product, owner)
        change = {"current_password": owner.password, "new_password": f"another {secrets.token_hex(6)}"}
        owner.http.request("POST", "/v1/me/password", json=change, expect=204)
        wait_for("the end of the other session", lambda: elsewhere.status() == 401, 1)
        owner.http.request("GET", "/v1/me")


class TestTime:
    """Last in this file: these move the clock."""

    def test_half_an_hour_without_use_ends_a_session(self, own_product: Product, owner: Customer) -> None:
        used, idle = Browser(own_product, owner), Browser(own_product, owner)
        for _ in range(3):
            own_product.advance("14m")
            assert used.status() == 200
        assert idle.status() == 401
        own_product.advance("29m")
        assert used.status() == 200, "half an hour was not over"
        own_product.advance("31m")
        assert used.status() == 401

    def test_twelve_hours_end_it_in_any_case(self, own_product: Product, owner: Customer) -> None:
        used = Browser(own_product, owner)
        for _ in range(28):
            own_product.advance("25m")
            assert used.status() == 200
        own_product.advance("25m")
        assert used.status() == 401, "it was used all the time, and lives for longer than twelve hours"
