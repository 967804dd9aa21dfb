"""Every mail of the set: two forms from one source, strict MIME, nothing that tracks, nothing that is missing."""

import re
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest

from actiontrac import clock
from actiontrac.testing import settings_for
from services.notifications import lint, mails, wording
from services.notifications.composing import AddressNotSupported, address_of, written
from services.notifications.mails import Mail
from services.notifications.policies import can_switch_off
from services.notifications.rendering import FOLDER, CannotRender, Rendered, render
from tests.notifications.samples import RECIPIENT, sample, sample_raw, unsubscribe_url
from tests.notifications.world import read

EVERY_MAIL = pytest.mark.parametrize("mail", mails.ALL, ids=[mail.name for mail in mails.ALL])
SWITCHABLE = pytest.mark.parametrize(
    "mail", [m for m in mails.ALL if can_switch_off(m.category)], ids=lambda mail: mail.name
)


@pytest.fixture
def settings(tmp_path):
    yield settings_for(tmp_path)
    clock.configure(None)


class TestTheSet:
    def test_has_a_template_for_every_mail_and_none_besides(self):
        parts = {"parts.html", "parts.txt", "layout.html", "layout.txt"}
        files = {path.name.removesuffix(".jinja") for path in FOLDER.glob("*.jinja")} - parts

        assert files == {mail.name for mail in mails.ALL}

    @EVERY_MAIL
    def test_passes_the_lint(self, mail, settings):
        problems = lint.problems_of(
            sample(mail, settings),
            category=mail.category,
            postal_address=settings.mail_postal_address,
            unsubscribe_url=unsubscribe_url(mail, settings),
        )

        assert problems == []

    @EVERY_MAIL
    def test_passes_the_lint_for_a_person_without_a_name_at_a_company_with_a_hostile_one(self, mail, settings):
        rendered = sample(mail, settings, first_name="", company_name='O\'Neil & Sons <b>"Best"</b>')
        problems = lint.problems_of(
            Rendered(rendered.subject, rendered.text.replace("<b>", "").replace("</b>", ""), rendered.html),
            category=mail.category,
            postal_address=settings.mail_postal_address,
            unsubscribe_url=unsubscribe_url(mail, settings),
        )

        assert problems == []
        assert "<b>" not in rendered.html
        assert "Hello," in rendered.text

    @EVERY_MAIL
    def test_is_not_written_with_any_of_its_data_missing(self, mail, settings):
        source = (FOLDER / f"{mail.name}.jinja").read_text()
        for name in mail.sample:
            # Why a refund was made is told only where there is no invoice to name.
            if name == "cause" or not re.search(rf"\b{name.removesuffix('_minor')}", source):
                continue
            params = {key: value for key, value in mail.sample.items() if key != name}
            with pytest.raises((CannotRender, KeyError)):
                written(
                    mail,
                    mail.category,
                    params=params,
                    recipient=RECIPIENT,
                    settings=settings,
                    link="http://x.example/" if mail.linked else None,
                    unsubscribe_url=unsubscribe_url(mail, settings),
                )

    def test_both_forms_say_the_same(self, settings):
        for mail in mails.ALL:
            rendered = sample(mail, settings)
            visible = re.sub(
                r"(?s)<style>.*?</style>|<title>.*?</title>|<div style=\"display:none.*?</div>", "", rendered.html
            )
            words_in_html = set(re.findall(r"[A-Za-z]{4,}", re.sub(r"<[^>]+>", " ", visible)))
            words_in_text = set(re.findall(r"[A-Za-z]{4,}", rendered.text))

            assert words_in_html - words_in_text <= {
                "button",
                "does",
                "work",
                "open",
                "this",
                "address",
                "belongs",
                "quot",
            }

    @pytest.mark.parametrize("name", ["Visit https://evil.example", "WWW.evil.example", "x" * 200])
    def test_a_name_does_not_become_an_advertisement(self, settings, name):
        rendered = sample(mails.named("verify_email"), settings, first_name=name, company_name=name)

        assert name not in rendered.html + rendered.text
        assert name not in sample(mails.named("invitation"), settings, company_name=name).subject


class TestFailingClosed:
    def test_without_a_postal_address_nothing_is_written(self, tmp_path):
        settings = settings_for(tmp_path, ACTIONTRAC_MAIL_POSTAL_ADDRESS=" ")

        with pytest.raises(CannotRender):
            sample(mails.named("campaign"), settings)

    @SWITCHABLE
    def test_without_a_way_to_opt_out_nothing_is_written(self, mail, settings):
        with pytest.raises(CannotRender):
            written(
                mail,
                mail.category,
                params=dict(mail.sample),
                recipient=RECIPIENT,
                settings=settings,
                link=None,
                unsubscribe_url=None,
            )

    def test_the_problem_names_no_value(self):
        with pytest.raises(CannotRender) as problem:
            render("receipt", {"first_name": "Olive"})

        assert "Olive" not in str(problem.value)


class TestLint:
    GOOD = '<html lang="en"><body><p>Hi</p><a href="https://a.example/u">Stop</a>Street 1</body></html>'
    TEXT = "Hi\n\nhttps://a.example/u\n\nStreet 1\n"

    def problems(self, *, html=GOOD, text=TEXT, subject="Hi", category="promotions"):
        return lint.problems_of(
            Rendered(subject, text, html),
            category=category,
            postal_address="Street 1",
            unsubscribe_url="https://a.example/u",
        )

    def test_lets_a_good_mail_pass(self):
        assert self.problems() == []

    @pytest.mark.parametrize(
        ("part", "problem"),
        [
            ({"html": GOOD.replace("/u", "/x")}, "the HTML has no link to opt out"),
            ({"text": TEXT.replace("/u", "/x")}, "the text has no link to opt out"),
            ({"html": GOOD.replace("Street", "Road")}, "the HTML has no postal address"),
            ({"text": TEXT.replace("Street", "Road")}, "the text has no postal address"),
            ({"html": GOOD.replace("<p>", '<p><img src="https://a.example/p.gif">')}, "<img> has no place in a mail"),
            ({"html": GOOD.replace("<p>", '<p style="background:url(x)">')}, "a style fetches something"),
            ({"html": GOOD.replace("<body>", "<body><style>@import 'x'</style>")}, "a style fetches something"),
            ({"html": GOOD.replace("<p>", '<p onclick="x">')}, "onclick= fetches or runs something"),
            ({"html": GOOD.replace("</p>", "")}, "</body> closes nothing"),
            ({"html": GOOD.replace(' lang="en"', "")}, "the HTML names no language"),
            ({"text": TEXT + "<p>x</p>\n"}, "the text holds leftovers of HTML"),
            ({"text": TEXT + "word " * 20 + "\n"}, "a line of the text is too wide"),
            ({"subject": ""}, "the subject is empty or too long"),
        ],
    )
    def test_names_what_is_wrong(self, part, problem):
        assert problem in self.problems(**part)

    def test_security_mail_offers_no_opt_out(self):
        html = self.GOOD.replace("/u", "/unsubscribe/u")

        assert self.problems(category="security", html=html) == ["it offers to switch off what cannot be switched off"]


class TestSource:
    @EVERY_MAIL
    def test_survives_a_strict_parse(self, mail, settings):
        raw = sample_raw(mail, settings, clock.now())
        parsed = read(raw)

        assert [part.get_content_type() for part in parsed.walk()] == [
            "multipart/alternative",
            "text/plain",
            "text/html",
        ]
        rendered = sample(mail, settings)
        for kind, form in (("plain", rendered.text), ("html", rendered.html)):
            assert parsed.get_body((kind,)).get_content().replace("\r\n", "\n") == form
        assert parsed["Subject"] == rendered.subject

    @EVERY_MAIL
    def test_is_seven_bit_with_short_lines_and_ends_each_alike(self, mail, settings):
        raw = sample_raw(mail, settings, clock.now(), first_name="Zoë")
        head, _, body = raw.partition(b"\r\n\r\n")

        assert raw.isascii()
        assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")
        assert max(len(line) for line in body.split(b"\r\n")) <= 76
        assert max(len(line) for line in head.split(b"\r\n")) <= 998

    @EVERY_MAIL
    def test_has_the_headers_that_it_needs_once_each(self, mail, settings):
        at = clock.now()
        parsed = read(sample_raw(mail, settings, at))

        assert all(len(parsed.get_all(name)) == 1 for name in set(parsed.keys()))
        assert parsed["From"] == "ActionTrac <no-reply@actiontrac.example>"
        assert parsed["To"] == "olive@acme.example"
        assert parsed["Reply-To"] == "support@actiontrac.example"
        assert parsed["Message-ID"] == "<msg_01jd8m3x2kabcdefghjkmnpqrs@actiontrac.example>"
        assert parsed["Auto-Submitted"] == "auto-generated"
        assert parsed["Feedback-ID"] == f"{mail.name}:{mail.category}:actiontrac"
        assert abs(parsedate_to_datetime(parsed["Date"]) - at) < timedelta(seconds=1)

    @EVERY_MAIL
    def test_can_be_stopped_with_one_click_exactly_where_it_can_be_switched_off(self, mail, settings):
        raw = sample_raw(mail, settings, clock.now())
        parsed = read(raw)
        if not can_switch_off(mail.category):
            assert parsed["List-Unsubscribe"] is None
            assert parsed["List-Unsubscribe-Post"] is None
            return

        # In one piece: no mail program unfolds an encoded word into a link.
        assert f"List-Unsubscribe: <{unsubscribe_url(mail, settings)}>\r\n".encode() in raw
        assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

    def test_is_the_same_when_it_is_tried_again(self, settings):
        at = clock.now()
        mail = mails.named("receipt")

        assert sample_raw(mail, settings, at) == sample_raw(mail, settings, at)

    def test_dates_itself_by_the_products_clock(self, settings):
        clock.advance(30 * 86400)
        parsed = read(sample_raw(mails.named("receipt"), settings, clock.now()))

        assert parsedate_to_datetime(parsed["Date"]) > clock.machine_now() + timedelta(days=29)

    def test_writes_long_and_foreign_subjects_as_every_server_understands_them(self, settings):
        mail = Mail(
            name="campaign",
            category="promotions",
            sample={"subject": "Größere Übersicht für alle 👷 " * 4, "title": "Ü", "body": "ß"},
        )
        raw = sample_raw(mail, settings, clock.now())

        assert read(raw)["Subject"] == " ".join(mail.sample["subject"].split())
        assert all(len(line) <= 78 for line in raw.split(b"\r\n") if b"=?utf-8?" in line)


class TestAddresses:
    def test_writes_a_foreign_domain_as_dns_knows_it(self):
        assert address_of("olive@bücher.example").addr_spec == "olive@xn--bcher-kva.example"

    @pytest.mark.parametrize(
        "address",
        [
            "ölive@acme.example",
            "olive",
            "@acme.example",
            "olive@",
            "a@b.example\r\nBcc: c@d.example",
            "a b@c.example",
            "",
        ],
    )
    def test_refuses_what_no_header_can_carry(self, address):
        with pytest.raises(AddressNotSupported):
            address_of(address)


class TestWording:
    @pytest.mark.parametrize(
        ("amount", "currency", "words"),
        [
            (123450, "USD", "$1,234.50"),
            (5, "EUR", "€0.05"),
            (-500, "GBP", "-£5.00"),
            (1200, "JPY", "¥1,200"),
            (1234567, "KWD", "KWD\N{NO-BREAK SPACE}1,234.567"),
            (99900, "CHF", "CHF\N{NO-BREAK SPACE}999.00"),
        ],
    )
    def test_money(self, amount, currency, words):
        assert wording.money(amount, currency) == words

    @pytest.mark.parametrize(
        ("date", "words"), [("2026-11-05", "November 5, 2026"), ("2028-02-29T23:59:00Z", "February 29, 2028")]
    )
    def test_dates(self, date, words):
        assert wording.day(date) == words

    def test_plans(self):
        assert [wording.plan_name(code) for code in ("team", "team-50", "small_office")] == [
            "Team",
            "Team 50",
            "Small Office",
        ]
