"""Who belongs to a company, and in which role (A22, A28)."""

from actiontrac.contracts import accounts as contract
from actiontrac.failpoints import failpoint, register
from actiontrac.service import rpc
from services.accounts.entrypoints import Entrypoints, require_still_may
from services.accounts.policies import require_an_owner_left
from services.accounts.schemas import cut, is_id, member_view, page_bounds, parse

register("accounts.remove_member.between", "the end of a member's sessions, and of the membership")


class Members(Entrypoints):
    @rpc(requires="members.read")
    def list_members(self, *, company_id: str, limit: int = 50, cursor: str | None = None) -> contract.MemberList:
        """Members in the order in which they joined."""
        limit, cursor = page_bounds(limit, cursor, "usr")
        with self._open(company_id) as store:
            users, next_cursor = cut(store.members(limit, cursor), limit)
            return {"items": [member_view(user) for user in users], "next_cursor": next_cursor}

    @rpc(requires="members.write", write=True)
    def change_role(self, *, company_id: str, member_id: str, change: dict[str, object]) -> contract.MemberView:
        """
        Give a member another role; it counts for the member's next request.

        Raises:
            MemberNotFound: this company has no such member.
            LastOwner: the company would have no owner left.
        """
        asked = parse(contract.RoleChange, change)
        with self._open(company_id) as store:
            # Whoever changes roles waits here for whoever does so at the same moment:
            # otherwise two owners could each make the other the last one to go.
            store.company(company_id, lock=True)
            require_still_may(store, "members.write")
            member = store.member(_member_id(member_id), lock=True)
            require_an_owner_left(role=member.role, new_role=asked.role, owners=store.count_owners())
            if member.role != asked.role:
                member.role = asked.role
                store.publish(contract.RightsChanged(company_id=company_id, user_id=member.id))
            return store.answer(member_view(member))

    @rpc(requires="members.write", write=True)
    def remove_member(self, *, company_id: str, member_id: str) -> None:
        """
        End a membership: the person's sessions end at once and the personal data go, except
        for the record of what was agreed to.

        Raises:
            MemberNotFound: this company has no such member.
            LastOwner: the company would have no owner left.
        """
        with self._open(company_id) as store:
            store.company(company_id, lock=True)
            require_still_may(store, "members.write")
            member = store.member(_member_id(member_id), lock=True)
            require_an_owner_left(role=member.role, new_role=None, owners=store.count_owners())
            store.end_sessions(member.id, company_id)
            failpoint("accounts.remove_member.between")
            store.session.delete(member)
            store.publish(contract.RightsChanged(company_id=company_id, user_id=member.id))
            store.answer(None)


def _member_id(text: str) -> str:
    if not is_id(text, "usr"):
        raise contract.MemberNotFound()
    return text
