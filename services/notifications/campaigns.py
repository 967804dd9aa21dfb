"""Campaigns: one mailing to everybody who agreed to its category."""

from typing import Any

from actiontrac import clock, log
from actiontrac.contracts import accounts as people
from actiontrac.contracts import notifications as contract
from actiontrac.errors import Invalid
from actiontrac.failpoints import failpoint, register
from actiontrac.ids import new_id
from actiontrac.schemas import parse
from actiontrac.service import Opener, every, rpc
from services.notifications import mails
from services.notifications.models import Campaign
from services.notifications.repository import NotificationsStore, looks_like_id
from services.notifications.schemas import campaign_view, page_size

_log = log.get(__name__)

#: People asked for at a time; also the rows of one unit of work.
PAGE = 500

#: Longer than a page takes; a process that died gives the campaign back after this.
LEASE_SECONDS = 30

register("mail.campaign_page", "a page of the audience, and its messages in the queue")


class Campaigns:
    """The part of the notifications service that is about campaigns."""

    store: Opener[NotificationsStore]
    accounts: people.Rpc

    @rpc(requires="campaigns.write", write=True)
    def create_campaign(self, *, campaign: dict[str, Any]) -> contract.CampaignView:
        """
        Mail everybody who agreed to the category, once each; it starts at once.

        Raises:
            Invalid, ForbiddenData: by field; nothing is mailed.
        """
        asked = parse(contract.CampaignRequest, campaign)
        with self.store.across_companies() as store:
            made = Campaign(
                id=new_id("cmp"),
                status="queueing",
                created_at=clock.now(),
                **asked.model_dump(),
            )
            store.session.add(made)
            view: contract.CampaignView = store.answer(campaign_view(made, {}))
            return view

    @rpc(requires="campaigns.read")
    def get_campaign(self, *, campaign_id: str) -> contract.CampaignView:
        """
        Where a campaign stands, counted exactly.

        Raises:
            CampaignNotFound
        """
        with self.store.across_companies() as store:
            found = store.campaign(campaign_id)
            return campaign_view(found, store.counts([found.id])[found.id])

    @rpc(requires="campaigns.read")
    def list_campaigns(self, *, limit: int = 50, cursor: str | None = None) -> contract.CampaignList:
        """Newest first."""
        size = page_size(limit)
        if cursor is not None and not looks_like_id(cursor):
            raise Invalid.at("cursor", "is not one that we gave out.")
        with self.store.across_companies() as store:
            found = store.campaigns(size + 1, cursor)
            page = found[:size]
            counts = store.counts([campaign.id for campaign in page])
            return {
                "items": [campaign_view(campaign, counts[campaign.id]) for campaign in page],
                "next_cursor": page[-1].id if len(found) > size else None,
            }

    @every(seconds=1)
    def queue_campaigns(self) -> None:
        """
        Put one page of one campaign's audience into the queue. However often it is
        interrupted, everybody is queued once: a message is unique by person and campaign.
        """
        with self.store.across_companies() as store:
            store.finish_campaigns()
            campaign = store.claim_queueing_campaign(LEASE_SECONDS)
        while campaign is not None:
            page = self.accounts.list_audience(limit=PAGE, cursor=campaign.cursor)
            failpoint("mail.campaign_page")
            with self.store.across_companies() as store:
                campaign = store.campaign(campaign.id)
                queued = store.queue_campaign(mails.named("campaign"), campaign, page["items"])
                campaign.cursor = page["next_cursor"]
                campaign.lease_until = None
                if page["next_cursor"] is None:
                    campaign.status = "sending"
                _log.info("campaign_page_queued", campaign_id=campaign.id, messages=queued)
            with self.store.across_companies() as store:
                campaign = store.claim_queueing_campaign(LEASE_SECONDS)
