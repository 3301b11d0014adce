"""How schemathesis logs in, and what it has to know about this API.

As the owner of the stack, or as a program: KIKUBARI_E2E_CLIENT_ID and
KIKUBARI_E2E_CLIENT_SECRET of an API token."""

import os

import requests
import schemathesis

BASE = os.environ["KIKUBARI_E2E_URL"]


@schemathesis.auth(refresh_interval=240)
class LogIn:
    """A fresh access token every few minutes: they live for ten."""

    def get(self, case, context):
        client = os.environ.get("KIKUBARI_E2E_CLIENT_ID")
        if client:
            answer = requests.post(
                f"{BASE}/v1/auth/token",
                data={"grant_type": "client_credentials"},
                auth=(client, os.environ["KIKUBARI_E2E_CLIENT_SECRET"]),
                timeout=20,
            )
            answer.raise_for_status()
            return answer.json()["access_token"]
        answer = requests.post(
            f"{BASE}/v1/auth/login",
            json={
                "login_id": os.environ["KIKUBARI_E2E_LOGIN_ID"],
                "password": os.environ["KIKUBARI_E2E_PASSWORD"],
            },
            timeout=20,
        )
        answer.raise_for_status()
        return answer.json()["access_token"]

    def set(self, case, token, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {token}"


@schemathesis.hook
def map_body(context, body):
    """Where a second factor is wanted of all, who logs in here may do nothing more."""
    operation = context.operation.definition.raw.get("operationId")
    if operation == "update_tenant" and isinstance(body, dict):
        body.pop("second_factor_required", None)
    return body
