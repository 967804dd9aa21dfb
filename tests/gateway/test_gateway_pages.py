"""Pages for people: they change nothing by being looked at, and work without a script."""

import re

import pytest

from services.gateway import pages
from tests.gateway.conftest import Gateway

PAGES = [
    "/",
    "/docs",
    "/privacy",
    "/terms",
    "/verify-email?token=usr_1.secret",
    "/reset-password?token=rst_1.secret",
    "/accept-invitation?token=ivt_1.secret",
    "/unsubscribe/token-of-a-mail",
    "/billing/return/stripe?checkout=chk_paid",
    "/billing/cancel/chk_1",
    "/pay/open",
    "/pay/paid",
    "/pay/open/return?checkout=chk_1",
    "/contractor/connected",
    "/contractor/connected?again=1",
]


@pytest.mark.parametrize("path", PAGES)
class TestEveryPage:
    def test_is_html_without_script_or_foreign_content(self, gateway: Gateway, path: str) -> None:
        answer = gateway.get(path)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "style-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "<script" not in answer.text
        assert "style=" not in answer.text
        assert not re.search(r'(?:src|href|action)="https?://', answer.text)
        assert '<html lang="en">' in answer.text
        assert "Set-Cookie" not in answer.headers

    def test_every_link_leads_somewhere(self, gateway: Gateway, path: str) -> None:
        links = set(re.findall(r'(?:src|href)="(/[^"#]*)', gateway.get(path).text))
        for link in links - {"/sandbox/mail", "/sandbox/clock"}:
            assert gateway.get(link).status_code == 200, link


class TestUnsubscribing:
    def test_looking_changes_nothing(self, gateway: Gateway) -> None:
        before = len(gateway.calls("unsubscribe"))
        page = gateway.get("/unsubscribe/looked-at")
        assert gateway.request("HEAD", "/unsubscribe/looked-at").status_code == 200
        assert "Stop this mail?" in page.text
        assert '<form method="post">' in page.text
        assert len(gateway.calls("unsubscribe")) == before

    def test_one_click_works_from_anywhere_without_cookie(self, gateway: Gateway) -> None:
        answer = gateway.post(
            "/unsubscribe/one-click",
            data={"List-Unsubscribe": "One-Click"},
            headers={"Origin": "https://mail.example", "Sec-Fetch-Site": "cross-site"},
        )
        assert answer.status_code == 200
        assert gateway.calls("unsubscribe")[-1]["arguments"] == {"token": "one-click", "one_click": True}

    def test_the_button_works(self, gateway: Gateway) -> None:
        answer = gateway.post("/unsubscribe/by-button", data={})
        assert "no more mail" in answer.text
        assert gateway.calls("unsubscribe")[-1]["arguments"]["one_click"] is False
        assert "Already stopped" in gateway.get("/unsubscribe/by-button").text

    def test_says_when_the_link_is_not_ours(self, gateway: Gateway) -> None:
        answer = gateway.get("/unsubscribe/unknown")
        assert answer.status_code == 404
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "There is nothing here" in answer.text


class TestLinksInMail:
    @pytest.mark.parametrize("path", ["/verify-email", "/reset-password", "/accept-invitation"])
    def test_looking_changes_nothing_and_keeps_the_token(self, gateway: Gateway, path: str) -> None:
        before = len(gateway.calls())
        page = gateway.get(f"{path}?token=usr_1.sec%22ret").text
        assert 'name="token" value="usr_1.sec&#34;ret"' in page
        assert len(gateway.calls()) == before

    def test_confirming_an_address(self, gateway: Gateway) -> None:
        answer = gateway.post("/verify-email", data={"token": "usr_1.secret"}, headers={"Origin": "null"})
        assert answer.status_code == 200
        assert "Your address is confirmed" in answer.text
        assert gateway.calls("verify_email")[-1]["arguments"] == {"token": "usr_1.secret"}

    def test_setting_a_password(self, gateway: Gateway) -> None:
        done = gateway.post("/reset-password", data={"token": "rst_1.secret", "new_password": "battery staple"})
        assert "Your new password is set" in done.text

    @pytest.mark.parametrize(
        ("form", "words"),
        [
            ({"token": "rst_1.secret", "new_password": "short"}, "new_password-problem"),
            ({"token": "rst_1.secret", "new_password": "password"}, "among the first"),
            ({"token": "bad_1.secret", "new_password": "battery staple"}, "not valid any more"),
            ({"new_password": "battery staple"}, "This link is not complete"),
        ],
    )
    def test_shows_what_is_wrong_and_forgets_the_password(
        self, gateway: Gateway, form: dict[str, str], words: str
    ) -> None:
        answer = gateway.post("/reset-password", data=form)
        assert answer.status_code == 422
        assert words in answer.text
        assert f'value="{form["new_password"]}"' not in answer.text

    def test_other_sites_cannot_send_the_form(self, gateway: Gateway) -> None:
        answer = gateway.post("/verify-email", data={"token": "usr_1.secret"}, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403


class TestPayments:
    @pytest.mark.parametrize(
        ("state", "words"),
        [
            ("paid", "Paid: thank you"),
            ("failed", "did not go through"),
            ("expired", "expired"),
            ("open", "Not paid yet"),
            ("processing", "on its way"),
            ("unknown", "being checked"),
            ("something-new", "being checked"),
        ],
    )
    def test_says_plainly_where_the_payment_stands(self, gateway: Gateway, state: str, words: str) -> None:
        page = gateway.get(f"/billing/return/paypal?checkout=chk_{state}&token=EC-1&PayerID=X").text
        assert words in page
        assert ('http-equiv="refresh"' in page) == (state in ("processing", "unknown", "something-new"))

    def test_stops_looking_again_after_a_while(self, gateway: Gateway) -> None:
        again = gateway.get("/billing/return/stripe?checkout=chk_processing&again=19").text
        assert "again=20" in again
        last = gateway.get("/billing/return/stripe?checkout=chk_processing&again=20").text
        assert "http-equiv" not in last
        assert "look again" in last

    @pytest.mark.parametrize(
        "path",
        [
            "/billing/return/bitcoin?checkout=chk_paid",
            "/billing/return/stripe",
            "/billing/return/stripe?checkout=a%20b",
            "/billing/return/stripe?checkout=chk_missing",
        ],
    )
    def test_knows_no_other(self, gateway: Gateway, path: str) -> None:
        answer = gateway.get(path)
        assert answer.status_code == 404
        assert answer.headers["Content-Type"].startswith("text/html")

    def test_leaving_the_payment_page_asks_nobody(self, gateway: Gateway) -> None:
        before = len(gateway.calls())
        assert "nothing was charged" in gateway.get("/billing/cancel/chk_1").text
        assert len(gateway.calls()) == before


class TestBills:
    """The page of a bill's client, who has no account."""

    def test_looking_changes_nothing(self, gateway: Gateway) -> None:
        before = len(gateway.calls("pay_bill"))
        page = gateway.get("/pay/open").text
        assert "BILL-000042" in page
        assert "1,250.00 USD" in page
        assert 'value="card"' in page
        assert 'value="paypal"' in page
        assert "Do not enter a real card" in page
        assert len(gateway.calls("pay_bill")) == before

    def test_shows_what_the_seller_wrote_as_text(self, gateway: Gateway) -> None:
        assert "Thank you &amp; &lt;b&gt;good-bye&lt;/b&gt;." in gateway.get("/pay/open").text

    @pytest.mark.parametrize(
        ("token", "words", "payable"),
        [
            ("open", "Bill BILL-000042", True),
            ("open.failed", "did not go through", True),
            ("open.unknown", "being checked", True),
            ("open.processing", "being checked", False),
            ("paid", "Paid: thank you", False),
            ("part_refunded", "partly given back", False),
            ("refunded", "Given back", False),
            ("void", "withdrawn", False),
        ],
    )
    def test_says_plainly_where_it_stands(self, gateway: Gateway, token: str, words: str, payable: bool) -> None:
        page = gateway.get(f"/pay/{token}").text
        assert words in page
        assert ("<form" in page) == payable

    @pytest.mark.parametrize("method", ["card", "paypal"])
    def test_the_button_leads_to_the_processor_without_script(self, gateway: Gateway, method: str) -> None:
        answer = gateway.post("/pay/open", data={"method": method}, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status_code == 200
        assert gateway.calls("pay_bill")[-1]["arguments"] == {"token": "open", "method": method}
        url = "http://127.0.0.1:8000/sandbox/stripe/c/pay/cs_test_1"
        assert f'content="0; url={url}"' in answer.text
        assert f'href="{url}"' in answer.text
        assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"

    def test_another_way_of_paying_is_not_passed_on(self, gateway: Gateway) -> None:
        before = len(gateway.calls("pay_bill"))
        assert gateway.post("/pay/open", data={"method": "cash"}).status_code == 422
        assert len(gateway.calls("pay_bill")) == before

    def test_other_sites_cannot_send_the_form(self, gateway: Gateway) -> None:
        answer = gateway.post("/pay/open", data={"method": "card"}, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403

    def test_what_is_paid_meanwhile_is_told(self, gateway: Gateway) -> None:
        answer = gateway.post("/pay/paid", data={"method": "card"})
        assert answer.status_code == 409
        assert "nothing can be paid on it any more" in answer.text

    def test_coming_back_looks_and_looks_again(self, gateway: Gateway) -> None:
        page = gateway.get("/pay/open.unknown/return?checkout=chk_1&again=3").text
        assert gateway.calls("return_to_bill")[-1]["arguments"] == {"token": "open.unknown", "checkout_id": "chk_1"}
        assert "url=?checkout=chk_1&amp;again=4" in page
        assert "http-equiv" not in gateway.get("/pay/open.unknown/return?checkout=chk_1&again=20").text

    @pytest.mark.parametrize("path", ["/pay/missing", "/pay/open/return", "/pay/open/return?checkout=a%20b"])
    def test_knows_no_other(self, gateway: Gateway, path: str) -> None:
        answer = gateway.get(path)
        assert answer.status_code == 404
        assert answer.headers["Content-Type"].startswith("text/html")

    def test_is_also_a_document(self, gateway: Gateway) -> None:
        answer = gateway.get("/pay/paid/pdf")
        assert answer.headers["Content-Type"] == "application/pdf"


class TestDocuments:
    def test_a_text_becomes_headings_and_paragraphs(self, gateway: Gateway) -> None:
        page = gateway.get("/privacy").text
        assert "<h2>Consent</h2>" in page
        assert "<p>You agree to &lt;this&gt;.</p>" in page
        assert "Version 2016-11-12" in page

    def test_leaves_the_title_out_of_the_text(self) -> None:
        document = {"title": "Terms", "text": "Terms\n\n\n1. Words\nA word is a word.\n\nLast.", "slug": "terms"}
        assert pages.blocks_of(document) == [  # type: ignore[arg-type]
            ("heading", "1. Words"),
            ("paragraph", "A word is a word."),
            ("paragraph", "Last."),
        ]

    def test_security_txt_says_whom_to_tell(self, gateway: Gateway) -> None:
        text = gateway.get("/.well-known/security.txt").text
        assert re.search(r"^Contact: mailto:.+@.+$", text, re.MULTILINE)
        assert re.search(r"^Expires: \d{4}-", text, re.MULTILINE)


def test_assets_are_public_and_typed(gateway: Gateway) -> None:
    assert gateway.get("/assets/site.css").headers["Content-Type"] == "text/css; charset=utf-8"
    assert gateway.get("/favicon.ico").headers["Content-Type"] == "image/svg+xml"
    assert "public" in gateway.get("/assets/site.css").headers["Cache-Control"]
