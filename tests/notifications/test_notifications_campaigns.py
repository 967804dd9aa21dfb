"""Campaigns: everybody who agreed, once, and counted exactly."""

import pytest

from actiontrac import clock
from actiontrac.contracts import notifications as contract
from actiontrac.errors import Invalid
from actiontrac.forbidden.guard import ForbiddenData
from actiontrac.testing import as_request
from services.notifications import campaigns
from tests.notifications.conftest import PowerCut
from tests.notifications.world import ACME


def counts(world, campaign_id):
    view = world.service.get_campaign(campaign_id=campaign_id)
    return {name: view[name] for name in ("status", "queued", "sent", "suppressed", "failed", "unknown")}


def run(world):
    world.service.queue_campaigns()
    for _ in range(20):
        world.service.hand_over()
    world.service.queue_campaigns()


class TestAudience:
    def test_reaches_those_who_agreed_and_nobody_else(self, world):
        agreed = world.crowd(3)
        world.people.add("usr_silent", ACME)
        campaign = world.campaign()
        run(world)

        assert {recipient for recipient, _ in world.transport.taken} == {
            f"{user_id.removeprefix('usr_')}@acme.example" for user_id in agreed
        }
        assert counts(world, campaign) == {
            "status": "sent",
            "queued": 0,
            "sent": 3,
            "suppressed": 0,
            "failed": 0,
            "unknown": 0,
        }

    def test_service_updates_reach_everybody_who_did_not_switch_them_off(self, world):
        world.people.add("usr_silent", ACME)
        with world.service.store(ACME) as store:
            store.choose("usr_olive", "service_updates", wanted=False, source="link")
        world.campaign(category="service_updates")
        run(world)

        assert [recipient for recipient, _ in world.transport.taken] == ["silent@acme.example"]

    def test_counts_every_outcome_exactly(self, world):
        from services.notifications.transports import Deferred, Refused

        world.crowd(6)
        campaign = world.campaign()
        world.service.queue_campaigns()
        assert counts(world, campaign)["queued"] == 6
        assert counts(world, campaign)["status"] == "sending"
        with world.service.store(ACME) as store:
            store.choose("usr_00005", "promotions", wanted=False, source="one_click")
        world.transport.problems = [
            Refused("recipient_550", bad_address=True),
            Deferred("content_failed", fate_unknown=True),
        ]
        run(world)

        assert counts(world, campaign) == {
            "status": "sent",
            "queued": 0,
            "sent": 3,
            "suppressed": 1,
            "failed": 1,
            "unknown": 1,
        }

    def test_waits_as_sending_while_a_mail_waits_for_its_next_attempt(self, world):
        from services.notifications.transports import Deferred

        world.crowd(2)
        campaign = world.campaign()
        world.transport.problems = [Deferred("recipient_450")]
        run(world)
        assert counts(world, campaign)["status"] == "sending"

        clock.advance(20)
        run(world)
        assert counts(world, campaign)["status"] == "sent"

    def test_a_campaign_without_an_audience_is_sent_at_once(self, world):
        campaign = world.campaign()
        run(world)

        assert counts(world, campaign)["status"] == "sent"


class TestInterruptions:
    def test_every_page_is_queued_once_however_often_it_is_interrupted(
        self, world, cut_power_at, let_leases_lapse, monkeypatch
    ):
        monkeypatch.setattr(campaigns, "PAGE", 2)
        world.crowd(5)
        campaign = world.campaign()
        cut_power_at("mail.campaign_page")
        with pytest.raises(PowerCut):
            world.service.queue_campaigns()
        world.service.queue_campaigns()
        assert counts(world, campaign)["queued"] == 0, "its lease is not over yet"

        let_leases_lapse()
        world.service.queue_campaigns()

        assert counts(world, campaign)["queued"] == 5

    def test_a_page_that_is_queued_twice_adds_nobody(self, world):
        world.crowd(3)
        campaign = world.campaign()
        world.service.queue_campaigns()
        with world.service.store.across_companies() as store:
            row = store.campaign(campaign)
            row.status, row.cursor = "queueing", None
        run(world)

        assert counts(world, campaign)["sent"] == 3
        assert len(world.transport.taken) == 3

    def test_goes_on_when_accounts_comes_back(self, world, monkeypatch):
        from actiontrac.errors import Unavailable

        def away(**_):
            raise Unavailable()

        world.crowd(2)
        campaign = world.campaign()
        with monkeypatch.context() as patched:
            patched.setattr(world.people, "list_audience", away)
            with pytest.raises(Unavailable):
                world.service.queue_campaigns()
        later = clock.machine_now()
        monkeypatch.setattr(clock, "machine_now", lambda: later.replace(year=later.year + 1))
        run(world)

        assert counts(world, campaign)["sent"] == 2


class TestRequests:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"category": "security"},
            {"category": "gossip"},
            {"subject": ""},
            {"subject": "Bcc follows\r\nBcc: everybody@acme.example"},
            {"heading": "x" * 151},
            {"body": "nul \x00 byte"},
            {"body": "x" * 8001},
            {"colour": "red"},
        ],
    )
    def test_a_malformed_campaign_mails_nobody(self, world, wrong):
        world.crowd(1)
        with pytest.raises(Invalid):
            world.campaign(**wrong)
        run(world)

        assert world.transport.taken == []

    def test_forbidden_data_is_refused_by_field(self, world):
        with pytest.raises(ForbiddenData) as refused:
            world.campaign(body="Pay with 4111 1111 1111 1111 today.")

        assert [problem["field"] for problem in refused.value.fields] == ["body"]
        assert "4111" not in str(refused.value)

    def test_the_same_request_under_the_same_key_makes_one_campaign(self, world):
        from actiontrac.storage import Replayed

        asked = {"name": "Winter", "subject": "s", "heading": "h", "body": "b"}
        as_request(key="once")
        first = world.service.create_campaign(campaign=asked)
        as_request(key="once")
        with pytest.raises(Replayed) as replayed:
            world.service.create_campaign(campaign=asked)

        assert replayed.value.response == first
        assert len(world.service.list_campaigns()["items"]) == 1

    def test_lists_newest_first_page_by_page(self, world):
        made = []
        for number in range(5):
            made.append(world.campaign(name=f"Campaign {number}"))
            clock.advance(1)

        seen, cursor = [], None
        while True:
            page = world.service.list_campaigns(limit=2, cursor=cursor)
            seen += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break

        assert seen == made[::-1]

    @pytest.mark.parametrize("campaign_id", ["cmp_none", "", "\x00", "cmp_" + "x" * 60, "cmp_ü"])
    def test_an_unknown_campaign_is_not_found(self, world, campaign_id):
        with pytest.raises(contract.CampaignNotFound):
            world.service.get_campaign(campaign_id=campaign_id)

    @pytest.mark.parametrize("page", [{"limit": 0}, {"limit": 201}, {"cursor": "\x00"}, {"cursor": "ü"}])
    def test_a_page_that_cannot_be_is_refused(self, world, page):
        with pytest.raises(Invalid):
            world.service.list_campaigns(**page)


class TestWriting:
    def test_what_operators_type_is_text_and_not_markup(self, world):
        world.crowd(1)
        world.campaign(heading="<b>Sale</b> & more", body="<script>alert(1)</script>\nsecond line\n\nlast paragraph")
        run(world)

        [mail] = world.transport.mails
        html = mail.get_body(("html",)).get_content()
        assert "<script>" not in html
        assert "&lt;script&gt;" in html
        assert "&lt;b&gt;Sale&lt;/b&gt; &amp; more" in html
        assert "<b>Sale</b> & more" in mail.get_body(("plain",)).get_content()

    def test_links_are_shown_as_they_were_typed(self, world):
        world.crowd(1)
        world.campaign(body="Sign up: https://actiontrac.example/w?a=1&b=2")
        run(world)

        [mail] = world.transport.mails
        assert 'href="https://actiontrac.example/w?a=1&amp;b=2"' in mail.get_body(("html",)).get_content()
        assert "https://actiontrac.example/w?a=1&b=2" in mail.get_body(("plain",)).get_content()
