"""Who asks, as it travels: nobody can pose as somebody by merely publishing."""

import dataclasses
import json

import pytest

from actiontrac import context
from actiontrac.context import HEADER, SIGNATURE, Principal, RequestContext
from actiontrac.errors import Forbidden, NotFound, Unauthenticated
from actiontrac.rpc import PUBLIC, SERVICE_ONLY, SIGNED_IN, require

KEY = "a key that only our services hold"
OLIVE = Principal(user_id="usr_olive", company_id="com_acme", permissions=("workers.read",), role="viewer")


def sent(**changes):
    asked = RequestContext(request_id="req_1", principal=OLIVE, idempotency_key="key-1", deadline=123.5)
    return context.to_headers(dataclasses.replace(asked, **changes), KEY)


class TestSignedContext:
    def test_arrives_as_it_was_sent(self):
        received = context.from_headers(sent(), KEY)

        assert (received.request_id, received.principal, received.idempotency_key) == ("req_1", OLIVE, "key-1")

    def test_a_service_asks_without_a_principal(self):
        assert context.from_headers(sent(principal=None), KEY).principal is None

    @pytest.mark.parametrize("change", ["company_id", "permissions", "user_id", "role"])
    def test_a_changed_context_is_a_strangers(self, change):
        headers = sent()
        payload = json.loads(headers[HEADER])
        payload["principal"][change] = ["staff"] if change == "permissions" else "com_rival"
        headers[HEADER] = json.dumps(payload)

        assert context.from_headers(headers, KEY).principal == Principal()

    def test_a_dropped_principal_is_a_strangers(self):
        headers = sent()
        headers[HEADER] = json.dumps({**json.loads(headers[HEADER]), "principal": None})

        assert context.from_headers(headers, KEY).principal == Principal()

    @pytest.mark.parametrize("signature", ["", "0" * 64, "ä" * 64, "\ud800", None, 5])
    def test_an_unsigned_context_is_a_strangers(self, signature):
        assert context.from_headers({**sent(), SIGNATURE: signature}, KEY).principal == Principal()
        assert context.from_headers({}, KEY).principal == Principal()

    def test_another_key_does_not_sign(self):
        assert context.from_headers(sent(), "another key").principal == Principal()


class TestRights:
    def test_a_service_may_everything(self):
        for permission in (PUBLIC, SIGNED_IN, SERVICE_ONLY, "workers.write"):
            require(None, permission, "com_acme")

    def test_a_visitor_may_only_what_is_public(self):
        require(Principal(), PUBLIC, None)
        for permission in (SIGNED_IN, "workers.read"):
            with pytest.raises(Unauthenticated):
                require(Principal(), permission, None)
        with pytest.raises(Forbidden):
            require(Principal(), SERVICE_ONLY, None)

    def test_a_member_may_what_the_role_says(self):
        require(OLIVE, SIGNED_IN, "com_acme")
        require(OLIVE, "workers.read", "com_acme")
        for permission in ("workers.write", SERVICE_ONLY):
            with pytest.raises(Forbidden):
                require(OLIVE, permission, "com_acme")

    def test_another_company_does_not_exist_for_a_member(self):
        with pytest.raises(NotFound):
            require(OLIVE, "workers.read", "com_rival")
