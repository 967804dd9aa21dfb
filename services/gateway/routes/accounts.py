"""Registration, sessions, the person, the company and its members."""

from collections.abc import Callable
from typing import Any

from actiontrac.contracts import accounts as contract
from actiontrac.http import (
    SIGNED_IN,
    Ask,
    Exchange,
    Response,
    Route,
    body,
    by_handler,
    company,
    field,
    parameter,
    path,
    session,
    user,
)
from actiontrac.http.messages import as_json
from services.gateway import policies
from services.gateway.desk import Desk
from services.gateway.schemas import CurrentSessionView, PageQuery

ACCOUNTS = "accounts"

_PERSON = {"company_id": company, "user_id": user}


def routes(desk: Desk) -> list[Route]:
    return [*_registration(), *_sessions(desk), *_me(), *_company(), *_members(desk)]


def _registration() -> list[Route]:
    return [
        Route(
            method="POST", path="/v1/registrations", name="register", tag="Registration", status=202,
            summary="Register a company",
            description="The eleven fields are all that is ever required. The answer is the same whether or not the "
            "address or User ID was known before; a mail says how to go on.",
            body=contract.Registration, answer=contract.RegistrationView, rate="registration",
            errors=(contract.PasswordTooCommon,),
            ask=Ask(ACCOUNTS, "register_company", {"registration": body}),
            example={
                "first_name": "Olive", "last_name": "Archer", "user_id": "olive", "password": "correct horse battery",
                "company_address": "12 Mill Lane", "city": "Portland", "state": "OR", "zip": "97201", "country": "US",
                "phone": "+1 503 555 0142", "email": "olive@acme.example",
            },
        ),
        Route(
            method="POST", path="/v1/email-verifications", name="verify_email", tag="Registration",
            summary="Confirm an e-mail address",
            description="With the token from the link in the mail.",
            body=contract.VerificationToken, answer=contract.VerifiedView, rate="reset",
            errors=(contract.TokenInvalid,),
            ask=Ask(ACCOUNTS, "verify_email", {"token": field("token")}),
            example={"token": "usr_01jd8kz0a4t6b8d2f4h6k8m0pq.the-secret"},
        ),
        Route(
            method="POST", path="/v1/password-resets", name="request_password_reset", tag="Registration", status=202,
            summary="Ask for a link to set a new password",
            description="The answer is the same whether or not there is such an account.",
            body=contract.PasswordResetRequest, answer=contract.AcceptedView, rate="reset",
            ask=Ask(ACCOUNTS, "request_password_reset", {"request": body}),
            example={"email": "olive@acme.example"},
        ),
        Route(
            method="POST", path="/v1/password-resets/completions", name="reset_password", tag="Registration",
            summary="Set a new password with the link's token",
            description="Ends every session of this person.",
            body=contract.PasswordReset, answer=contract.VerifiedView, rate="reset",
            errors=(contract.TokenInvalid, contract.PasswordTooCommon),
            ask=Ask(ACCOUNTS, "reset_password", {"reset": body}),
            example={"token": "rst_01jd8kz0a4t6b8d2f4h6k8m0pq.the-secret", "new_password": "another horse battery"},
        ),
        Route(
            method="POST", path="/v1/invitations/acceptances", name="accept_invitation", tag="Registration",
            summary="Join a company by an invitation",
            body=contract.InvitationAcceptance, answer=contract.VerifiedView, rate="registration",
            errors=(contract.TokenInvalid, contract.PasswordTooCommon),
            ask=Ask(ACCOUNTS, "accept_invitation", {"acceptance": body}),
            example={
                "token": "ivt_01jd8kz0a4t6b8d2f4h6k8m0pq.the-secret", "first_name": "Henry", "last_name": "Marsh",
                "user_id": "henry", "password": "battery staple correct",
            },
        ),
    ]  # fmt: skip


def _sessions(desk: Desk) -> list[Route]:
    def sign_in(exchange: Exchange) -> Response:
        asked = Ask(
            ACCOUNTS,
            "create_session",
            {
                "credentials": body,
                "address_token": desk.gate.address_token,
                "browser": lambda one: policies.browser_of(one.request.header("user-agent")),
            },
        )
        view: contract.SessionView = exchange.ask(asked)
        if view["mode"] == "bearer":
            return as_json(view, status=201)
        cookie = policies.session_cookie(view["token"] or "")
        return as_json({**view, "token": None}, status=201, headers=[("Set-Cookie", cookie)])

    def current(exchange: Exchange) -> CurrentSessionView:
        found = exchange.session
        return {
            "id": found.principal.session_id,
            "user_id": found.principal.user_id,
            "company_id": found.principal.company_id,
            "role": found.principal.role,
            "permissions": list(found.principal.permissions),
            "mode": found.mode,
            "csrf_token": exchange.csrf_token,
            "idle_expires_at": found.idle_expires_at,
            "expires_at": found.expires_at,
        }

    def end(exchange: Exchange, session_id: str) -> None:
        arguments = {**_PERSON, "session_id": lambda _: session_id}
        exchange.ask(Ask(ACCOUNTS, "end_session", arguments))
        # The others hear of it from accounts; here it ends with this answer.
        desk.sessions.forget_sessions([session_id])

    def sign_out(exchange: Exchange) -> Response:
        end(exchange, exchange.principal.session_id)
        return Response(status=204, headers=[("Set-Cookie", policies.ended_cookie())])

    def end_one(exchange: Exchange) -> None:
        end(exchange, exchange.params["id"])

    return [
        Route(
            method="POST", path="/v1/sessions", name="sign_in", tag="Sessions", status=201,
            summary="Sign in",
            description="By User ID or e-mail address. In `cookie` mode the session comes as a cookie that ends with "
            "the browser; in `bearer` mode the answer holds its token. Either ends after 30 minutes without use "
            "and after 12 hours in any case.",
            body=contract.Credentials, answer=contract.SessionView, rate="sign_in",
            errors=(contract.SignInFailed, contract.TooManyAttempts),
            handler=sign_in,
            ask=Ask(
                ACCOUNTS, "create_session", {"credentials": body, "address_token": by_handler, "browser": by_handler}
            ),
            example={"user_id": "olive", "password": "correct horse battery", "mode": "bearer"},
        ),
        Route(
            method="GET", path="/v1/sessions/current", name="get_current_session", tag="Sessions",
            summary="The session behind this request", requires=SIGNED_IN, answer=CurrentSessionView, handler=current,
        ),
        Route(
            method="DELETE", path="/v1/sessions/current", name="sign_out", tag="Sessions", status=204,
            summary="Sign out",
            description="The session ends on the server, everywhere within a second.",
            requires=SIGNED_IN, rate="write", handler=sign_out,
            ask=Ask(ACCOUNTS, "end_session", {**_PERSON, "session_id": session}),
        ),
        Route(
            method="GET", path="/v1/sessions", name="list_sessions", tag="Sessions",
            summary="Where you are signed in", requires=SIGNED_IN, answer=contract.SessionList,
            ask=Ask(ACCOUNTS, "list_sessions", {**_PERSON, "current_session_id": session}),
        ),
        Route(
            method="DELETE", path="/v1/sessions/{id}", name="end_session", tag="Sessions", status=204,
            summary="End one of your sessions", requires=SIGNED_IN, rate="write",
            errors=(contract.SessionNotFound,), handler=end_one,
            ask=Ask(ACCOUNTS, "end_session", {**_PERSON, "session_id": path("id")}),
        ),
    ]  # fmt: skip


def _me() -> list[Route]:
    return [
        Route(
            method="GET", path="/v1/me", name="get_me", tag="Me", summary="Who you are and what you may do",
            requires=SIGNED_IN, answer=contract.MeView, ask=Ask(ACCOUNTS, "get_me", _PERSON),
        ),
        Route(
            method="PATCH", path="/v1/me", name="update_me", tag="Me", summary="Change your name or phone",
            description="Only the fields that are sent change.",
            requires=SIGNED_IN, rate="write", body=contract.MeChange, answer=contract.MeView,
            ask=Ask(ACCOUNTS, "update_me", {**_PERSON, "change": body}),
            example={"phone": "+1 503 555 0199"},
        ),
        Route(
            method="GET", path="/v1/me/acceptances", name="list_acceptances", tag="Me",
            summary="What you agreed to, and when", requires=SIGNED_IN, answer=contract.AcceptanceList,
            ask=Ask(ACCOUNTS, "list_acceptances", _PERSON),
        ),
        Route(
            method="POST", path="/v1/me/password", name="change_password", tag="Me", status=204,
            summary="Change your password", description="Ends your other sessions.",
            requires=SIGNED_IN, rate="sign_in", body=contract.PasswordChange,
            errors=(contract.SignInFailed, contract.PasswordTooCommon, contract.TooManyAttempts),
            ask=Ask(ACCOUNTS, "change_password", {**_PERSON, "session_id": session, "change": body}),
            example={"current_password": "correct horse battery", "new_password": "another horse battery"},
        ),
    ]  # fmt: skip


def _company() -> list[Route]:
    return [
        Route(
            method="GET", path="/v1/company", name="get_company", tag="Company", summary="The company",
            requires="company.read", answer=contract.CompanyView,
            ask=Ask(ACCOUNTS, "get_company", {"company_id": company}),
        ),
        Route(
            method="PATCH", path="/v1/company", name="update_company", tag="Company", summary="Change the company",
            description="Only the fields that are sent change.",
            requires="company.write", rate="write", body=contract.CompanyChange, answer=contract.CompanyView,
            ask=Ask(ACCOUNTS, "update_company", {"company_id": company, "change": body}),
            example={"company_name": "Acme Tools"},
        ),
    ]  # fmt: skip


def _members(desk: Desk) -> list[Route]:
    def anew(question: Ask) -> Callable[[Exchange], Any]:
        """Ask, and look the member's rights up anew: other gateways hear of it from accounts, this one knows."""

        def ask(exchange: Exchange) -> Any:
            answer = exchange.ask(question)
            desk.sessions.forget_user(exchange.params["id"])
            return answer

        return ask

    change = Ask(ACCOUNTS, "change_role", {"company_id": company, "member_id": path("id"), "change": body})
    removal = Ask(ACCOUNTS, "remove_member", {"company_id": company, "member_id": path("id")})
    listed: dict[str, Any] = {"company_id": company, "limit": parameter("limit", 50), "cursor": parameter("cursor")}
    return [
        Route(
            method="GET", path="/v1/members", name="list_members", tag="Company", summary="Who can sign in",
            requires="members.read", query=PageQuery, answer=contract.MemberList,
            ask=Ask(ACCOUNTS, "list_members", listed),
        ),
        Route(
            method="PATCH", path="/v1/members/{id}", name="change_role", tag="Company",
            summary="Give a member another role",
            description="It counts for the member's next request.",
            requires="members.write", rate="write", body=contract.RoleChange, answer=contract.MemberView,
            errors=(contract.MemberNotFound, contract.LastOwner),
            ask=change, handler=anew(change),
            example={"role": "supervisor"},
        ),
        Route(
            method="DELETE", path="/v1/members/{id}", name="remove_member", tag="Company", status=204,
            summary="Remove a member", description="Ends the member's sessions at once.",
            requires="members.write", rate="write", errors=(contract.MemberNotFound, contract.LastOwner),
            ask=removal, handler=anew(removal),
        ),
        Route(
            method="GET", path="/v1/invitations", name="list_invitations", tag="Company", summary="Who is invited",
            requires="members.read", query=PageQuery, answer=contract.InvitationList,
            ask=Ask(ACCOUNTS, "list_invitations", listed),
        ),
        Route(
            method="POST", path="/v1/invitations", name="create_invitation", tag="Company", status=201,
            summary="Invite somebody",
            description="They get a mail with a link; without it nobody can join.",
            requires="members.write", rate="write", body=contract.InvitationRequest, answer=contract.InvitationView,
            errors=(contract.EmailNotVerified,),
            ask=Ask(ACCOUNTS, "create_invitation", {"company_id": company, "user_id": user, "invitation": body}),
            example={"email": "henry@acme.example", "role": "hr_manager"},
        ),
        Route(
            method="DELETE", path="/v1/invitations/{id}", name="revoke_invitation", tag="Company", status=204,
            summary="Take an invitation back", requires="members.write", rate="write",
            errors=(contract.InvitationNotFound,),
            ask=Ask(ACCOUNTS, "revoke_invitation", {"company_id": company, "invitation_id": path("id")}),
        ),
    ]  # fmt: skip
