#!/usr/bin/env python3
"""Compares the keys that renewctl and the official Python library choose.

Usage: compare.py RENEWCTL [CASE...]

Each case is a home with files, and an environment. In it the official library (alibabacloud_credentials 1.0.12,
its default chain) is asked for its key, and renewctl makes a plan; what signs the plan's requests is read off the
wire by a server on this machine, which also plays STS, the metadata service and a credentials URI. The id of a
session that it gives is a digest of all that was asked for, so that equal ids mean equal requests. Secrets and
tokens are checked, too.

Prints a line for each difference, and the numbers. Exits with 1 if a difference is not on the list of intended
ones (`differs=` of its case), or if one on the list is gone.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

VERSION = "1.0.12"
ROLE = "acs:ram::1234567890123456:role/renewals"
OTHER_ROLE = "acs:ram::1234567890123456:role/other"
PROVIDER = "acs:ram::1234567890123456:oidc-provider/ci"
OIDC_TOKEN = "eyJhbGciOi.J0b2tlbiI.c2ln"


def secret(key_id):
    return f"secret-of-{key_id}"


def token(key_id):
    return f"token-of-{key_id}"


# --- the server -------------------------------------------------------------------------------------------------


class World:
    """What the server answers in one case, and what it saw."""

    def __init__(self, metadata):
        # None: no instance; "both": with and without a token; "v2": only with one; "v1": gives none.
        self.metadata = metadata
        self.signer = None
        self.lock = threading.Lock()


def session(*parts):
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    key_id = f"STS.{digest}"
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 6 * 3600))
    return {
        "Code": "Success",
        "AccessKeyId": key_id,
        "AccessKeySecret": secret(key_id),
        "SecurityToken": token(key_id),
        "Expiration": end,
    }


def is_signed_well(method, parameters):
    """Whether a V1 signature is by the secret of its key."""
    def enc(text):
        return quote(text, safe="-_.~")
    pairs = sorted((k, v) for k, v in parameters.items() if k != "Signature")
    query = "&".join(f"{enc(k)}={enc(v)}" for k, v in pairs)
    text = f"{method}&%2F&{enc(query)}"
    key = secret(parameters.get("AccessKeyId", "")) + "&"
    ours = base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha1).digest()).decode()
    return parameters.get("Signature") == ours


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body):
        body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status, code):
        self.reply(status, {"Code": code, "Message": "refused", "RequestId": "R"})

    def do_PUT(self):
        self.read_body()
        has_tokens = self.server.world.metadata in ("both", "v2")
        if urlsplit(self.path).path == "/latest/api/token" and has_tokens:
            return self.reply(200, "metadata-token")
        return self.reply(404, "")

    def do_GET(self):
        self.serve("GET")

    def do_POST(self):
        self.serve("POST")

    def read_body(self):
        return self.rfile.read(int(self.headers.get("content-length") or 0)).decode()

    def serve(self, method):
        world, url = self.server.world, urlsplit(self.path)
        body = self.read_body()
        if url.path.startswith("/latest/"):
            return self.metadata(world, url.path)
        if url.path.startswith("/uri/"):
            return self.uri(url.path.removeprefix("/uri/"))
        if url.path == "/cloud-credentials":
            return self.reply(200, {"CloudCredential": session("sso")})
        parameters = dict(parse_qsl(url.query, keep_blank_values=True))
        parameters.update(parse_qsl(body, keep_blank_values=True))
        action = parameters.get("Action", "")
        if action == "AssumeRoleWithOIDC":
            return self.assume(parameters, "")
        if not is_signed_well(method, parameters):
            return self.refuse(400, "SignatureDoesNotMatch")
        if action == "AssumeRole":
            base = parameters["AccessKeyId"]
            if base.startswith("STS.") and parameters.get("SecurityToken") != token(base):
                return self.refuse(400, "InvalidSecurityToken.MismatchWithAccessKey")
            return self.assume(parameters, base + parameters.get("SecurityToken", ""))
        with world.lock:
            if world.signer is None:
                world.signer = {"id": parameters["AccessKeyId"], "token": parameters.get("SecurityToken") or ""}
        return self.refuse(400, "InvalidParameter")

    def assume(self, parameters, base):
        if "gone" in parameters.get("RoleArn", ""):
            return self.refuse(404, "EntityNotExist.Role")
        names = ["Action", "RoleArn", "OIDCProviderArn", "OIDCToken", "DurationSeconds", "ExternalId", "Policy"]
        asked = [parameters.get(name, "").strip() for name in names]
        # Who gives a session no name gets one of the program's own.
        name = re.sub(r"^(credentials-python-\d+|renewctl)$", "(none given)", parameters["RoleSessionName"])
        return self.reply(200, {"Credentials": session(base, name, *asked), "RequestId": "R"})

    def metadata(self, world, path):
        roles = "/latest/meta-data/ram/security-credentials/"
        has_token = self.headers.get("x-aliyun-ecs-metadata-token") == "metadata-token"
        if world.metadata is None or not path.startswith(roles) or world.metadata == "v2" and not has_token:
            return self.reply(404, "")
        if path == roles:
            return self.reply(200, "web-role")
        return self.reply(200, session("instance", path.removeprefix(roles)))

    def uri(self, name):
        answer = session("uri")
        if name == "failure":
            answer["Code"] = "Failure"
        if name == "no-token":
            del answer["SecurityToken"]
        if name == "404":
            return self.reply(404, "")
        return self.reply(200, "no json" if name == "text" else answer)


class Server(ThreadingHTTPServer):
    """Opens on a free port of this machine."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.world = World(None)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


# --- the cases --------------------------------------------------------------------------------------------------


@dataclass
class Case:
    name: str
    env: dict = field(default_factory=dict)
    files: dict = field(default_factory=dict)
    metadata: str | None = None
    # Why the choices are meant to differ.
    differs: str | None = None


def ak(key_id):
    return {"access_key_id": key_id, "access_key_secret": secret(key_id)}


def config(*profiles, current="p"):
    return {".aliyun/config.json": json.dumps({"current": current, "profiles": list(profiles)})}


def profile(mode, name="p", **fields):
    return {"name": name, "mode": mode, "region_id": "cn-beijing", **fields}


def ini(section, name="default", file="credentials.ini"):
    return {f".alibabacloud/{file}": f"[{name}]\n{section}\n"}


def ini_key(key_id, kind="access_key"):
    return f"type = {kind}\naccess_key_id = {key_id}\naccess_key_secret = {secret(key_id)}"


def env(**names):
    return {f"ALIBABA_CLOUD_{name}": value for name, value in names.items()}


ENV = env(ACCESS_KEY_ID="env", ACCESS_KEY_SECRET=secret("env"))
NO_KEYS = env(ACCESS_KEY_ID="", ACCESS_KEY_SECRET="", SECURITY_TOKEN="")
OIDC = env(ROLE_ARN=ROLE, OIDC_PROVIDER_ARN=PROVIDER, OIDC_TOKEN_FILE="{home}/token")
TOKEN_FILE = {"token": OIDC_TOKEN}
CLI = config(profile("AK", **ak("cli")), profile("AK", name="work", **ak("cli-work")))
INI = ini(ini_key("ini"))
URI = env(CREDENTIALS_URI="{url}/uri/key")
LATER = int(time.time()) + 7200

CASES = [
    # Precedence.
    Case("environment before all", {**ENV, **OIDC, **URI}, {**TOKEN_FILE, **CLI, **INI}, "both"),
    Case("OIDC before the profile", {**OIDC, **URI}, {**TOKEN_FILE, **CLI, **INI}, "both"),
    Case("profile before the INI file", URI, {**CLI, **INI}, "both"),
    Case("INI file before the instance", URI, INI, "both"),
    Case("instance before the URI", URI, {}, "both"),
    Case("the URI is the last", URI, {}),
    Case("nothing at all"),
    # Environment.
    Case("a session", {**env(ACCESS_KEY_ID="STS.env", ACCESS_KEY_SECRET=secret("STS.env"), SECURITY_TOKEN=token("STS.env"))}),
    Case("an empty token", {**ENV, **env(SECURITY_TOKEN="")}),
    Case("empty variables", NO_KEYS, CLI),
    Case("an id without a secret", env(ACCESS_KEY_ID="env"), CLI),
    Case("a secret without an id", env(ACCESS_KEY_SECRET=secret("env")), CLI),
    Case(
        "a secret with a line end", env(ACCESS_KEY_ID="env", ACCESS_KEY_SECRET=secret("env") + "\n"), CLI,
        differs="the library signs with a secret that no cloud knows; renewctl says so and ends, because the next"
        " provider's key could be another account's",
    ),
    # OIDC.
    Case("OIDC", OIDC, TOKEN_FILE),
    Case("OIDC with a name", {**OIDC, **env(ROLE_SESSION_NAME="ci")}, TOKEN_FILE),
    Case("OIDC, the token ends with a line end", OIDC, {"token": OIDC_TOKEN + "\n"}),
    Case("OIDC without a provider", env(ROLE_ARN=ROLE, OIDC_TOKEN_FILE="{home}/token"), {**TOKEN_FILE, **CLI}),
    Case("OIDC with an empty role", {**OIDC, **env(ROLE_ARN="")}, {**TOKEN_FILE, **CLI}),
    Case("OIDC without the file", OIDC, CLI),
    Case("OIDC for a role that is gone", {**OIDC, **env(ROLE_ARN=ROLE + "gone")}, {**TOKEN_FILE, **CLI}),
    Case("OIDC in a region", {**OIDC, **env(STS_REGION="cn-beijing", VPC_ENDPOINT_ENABLED="true")}, TOKEN_FILE),
    Case(
        "OIDC with an empty file", OIDC, {"token": "", **CLI},
        differs="the library sends an empty token, which this server takes and STS would not; renewctl does not",
    ),
    # Profiles of the official CLI.
    Case("the current profile", {}, CLI),
    Case("another profile", env(PROFILE="work"), CLI),
    Case("a profile that is not there", env(PROFILE="gone"), CLI),
    Case("a profile that is not there, and an instance", env(PROFILE="gone"), CLI, "both"),
    Case(
        "an empty name of the profile", env(PROFILE=""), INI,
        differs="the library looks for a section without a name; empty variables count as unset",
    ),
    Case("profiles switched off", env(CLI_PROFILE_DISABLED="true"), {**CLI, **INI}),
    Case("profiles switched off in capitals", env(CLI_PROFILE_DISABLED="TRUE"), {**CLI, **INI}),
    Case("profiles not switched off", env(CLI_PROFILE_DISABLED="1"), {**CLI, **INI}),
    Case("no current profile", {}, {**config(profile("AK", **ak("cli")), current=""), **INI}),
    Case("a broken file", {}, {".aliyun/config.json": "{", **INI}),
    Case("an empty file", {}, {".aliyun/config.json": "", **INI}),
    Case("a file of another form", {}, {".aliyun/config.json": "[1]", **INI}),
    Case("a folder in place of the file", {}, {".aliyun/config.json/x": "", **INI}),
    Case("a profile without a key", {}, {**config(profile("AK")), **INI}),
    Case("a profile without a secret", {}, {**config(profile("AK", access_key_id="cli")), **INI}),
    Case("a profile that nobody has set up", {}, {**config(profile("", **ak("cli"))), **INI}),
    Case("an unknown mode", {}, {**config(profile("Magic", **ak("cli"))), **INI}),
    Case("StsToken", {}, config(profile("StsToken", sts_token=token("STS.cli"), **ak("STS.cli")))),
    Case("StsToken without a token", {}, {**config(profile("StsToken", **ak("STS.cli"))), **INI}),
    Case("AK with an old token", {}, config(profile("AK", sts_token="old", **ak("cli")))),
    Case("RamRoleArn", {}, config(profile("RamRoleArn", ram_role_arn=ROLE, ram_session_name="ci", **ak("cli")))),
    Case(
        "RamRoleArn with everything", {},
        config(profile("RamRoleArn", ram_role_arn=ROLE, ram_session_name="ci", expired_seconds=1800, external_id="42",
                       policy='{"Version":"1"}', sts_region="cn-beijing", **ak("cli"))),
    ),
    Case(
        "RamRoleArn with a blank in the policy", {},
        {**config(profile("RamRoleArn", ram_role_arn=ROLE, policy='{"Version": "1"}', **ak("cli"))), **INI},
        differs="the library signs the blank as a plus sign, against the rule of the signature, and is refused",
    ),
    Case("RamRoleArn without a name", {}, config(profile("RamRoleArn", ram_role_arn=ROLE, **ak("cli")))),
    Case("RamRoleArn, the name from the environment", env(ROLE_SESSION_NAME="night"),
         config(profile("RamRoleArn", ram_role_arn=ROLE, **ak("cli")))),
    Case("RamRoleArn, the role from the environment", env(ROLE_ARN=OTHER_ROLE), config(profile("RamRoleArn", **ak("cli")))),
    Case("RamRoleArn without a role", {}, {**config(profile("RamRoleArn", **ak("cli"))), **INI}),
    Case("RamRoleArn for too short", {}, {**config(profile("RamRoleArn", ram_role_arn=ROLE, expired_seconds=899, **ak("cli"))), **INI}),
    Case("RamRoleArn for a role that is gone", {}, {**config(profile("RamRoleArn", ram_role_arn=ROLE + "gone", **ak("cli"))), **INI}),
    Case(
        "RamRoleArn by a session", {},
        config(profile("RamRoleArn", ram_role_arn=ROLE, sts_token=token("STS.cli"), **ak("STS.cli"))),
        differs="the library leaves the token away, and STS refuses; the official CLI sends it",
    ),
    Case(
        "a chain of roles", {},
        config(profile("ChainableRamRoleArn", source_profile="q", ram_role_arn=OTHER_ROLE, ram_session_name="two"),
               profile("RamRoleArn", name="q", ram_role_arn=ROLE, ram_session_name="one", **ak("cli"))),
    ),
    Case(
        "a chain from the instance", {},
        config(profile("ChainableRamRoleArn", source_profile="q", ram_role_arn=ROLE, ram_session_name="two"),
               profile("EcsRamRole", name="q", ram_role_name="r")),
        "both",
    ),
    Case("a chain from nowhere", {}, {**config(profile("ChainableRamRoleArn", source_profile="q", ram_role_arn=ROLE)), **INI}),
    Case("a chain without a source", {}, {**config(profile("ChainableRamRoleArn", ram_role_arn=ROLE)), **INI}),
    Case("a chain in a circle", {}, {**config(profile("ChainableRamRoleArn", source_profile="p", ram_role_arn=ROLE)), **INI}),
    Case("EcsRamRole with a name", {}, config(profile("EcsRamRole", ram_role_name="other-role")), "both"),
    Case("EcsRamRole without a name", {}, config(profile("EcsRamRole")), "both"),
    Case("EcsRamRole without an instance", {}, {**config(profile("EcsRamRole", ram_role_name="r")), **INI}),
    Case("EcsRamRole switched off", env(ECS_METADATA_DISABLED="true"), {**config(profile("EcsRamRole", ram_role_name="r")), **INI}, "both"),
    Case("OIDC in a profile", {}, {**TOKEN_FILE, **config(profile("OIDC", ram_role_arn=ROLE, oidc_provider_arn=PROVIDER, oidc_token_file="{home}/token"))}),
    Case(
        "OIDC in a profile, with a name", {},
        {**TOKEN_FILE, **config(profile("OIDC", ram_role_arn=ROLE, oidc_provider_arn=PROVIDER, oidc_token_file="{home}/token", ram_session_name="pod"))},
        differs="the library reads role_session_name, which the official CLI never writes; renewctl reads its ram_session_name",
    ),
    Case("OIDC in a profile, the file from the environment", env(OIDC_TOKEN_FILE="{home}/token"),
         {**TOKEN_FILE, **config(profile("OIDC", ram_role_arn=ROLE, oidc_provider_arn=PROVIDER))}),
    Case("OIDC in a profile without a provider", {}, {**TOKEN_FILE, **config(profile("OIDC", ram_role_arn=ROLE, oidc_token_file="{home}/token")), **INI}),
    Case("External", {}, {"key.json": json.dumps({"mode": "AK", **ak("out")}), **config(profile("External", process_command="cat {home}/key.json"))}),
    Case("External with quotes", {}, {"a key.json": json.dumps({"mode": "AK", **ak("out")}), **config(profile("External", process_command="cat '{home}/a key.json'"))}),
    Case("External with a session", {}, {
        "key.json": json.dumps({"mode": "StsToken", "sts_token": token("STS.out"), **ak("STS.out"),
                                "expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(LATER))}),
        **config(profile("External", process_command="cat {home}/key.json"))}),
    Case("External, StsToken without a token", {}, {
        "key.json": json.dumps({"mode": "StsToken", **ak("STS.out")}),
        **config(profile("External", process_command="cat {home}/key.json")), **INI}),
    Case("External fails", {}, {**config(profile("External", process_command="false")), **INI}),
    Case("External is not there", {}, {**config(profile("External", process_command="/no/such/program")), **INI}),
    Case("External prints nonsense", {}, {**config(profile("External", process_command="echo nonsense")), **INI}),
    Case("External knows no shell", {}, {"key.json": json.dumps({"mode": "AK", **ak("out")}), **config(profile("External", process_command="cat {home}/key.json | cat")), **INI}),
    Case(
        "External forbidden", env(DISABLE_EXTERNAL_PROCESS="true"),
        {"key.json": json.dumps({"mode": "AK", **ak("out")}), **config(profile("External", process_command="cat {home}/key.json")), **INI},
        differs="the library does not know the official CLI's switch",
    ),
    Case(
        "CredentialsURI", {}, {**config(profile("CredentialsURI", credentials_uri="{url}/uri/key")), **INI},
        differs="the library does not know this mode of the official CLI",
    ),
    Case("OAuth with a stored session", {}, config(profile("OAuth", oauth_site_type="CN", oauth_access_token="t", oauth_refresh_token="r",
         oauth_access_token_expire=LATER, sts_token=token("STS.login"), sts_expiration=LATER, **ak("STS.login")))),
    Case(
        "CloudSSO with a stored session", {},
        config(profile("CloudSSO", cloud_sso_sign_in_url="{url}/start", cloud_sso_account_id="1", cloud_sso_access_config="ac",
                       access_token="t", cloud_sso_access_token_expire=LATER,
                       sts_token=token("STS.login"), sts_expiration=LATER, **ak("STS.login"))),
        differs="the library gets a new session by the access token; renewctl, as the official CLI, uses the stored one while it lasts",
    ),
    Case("CloudSSO after its end", {}, {**config(profile("CloudSSO", cloud_sso_sign_in_url="{url}/start", cloud_sso_account_id="1",
         cloud_sso_access_config="ac", access_token="t", cloud_sso_access_token_expire=1)), **INI}),
    Case(
        "mode in small letters", {}, {**config(profile("ak", **ak("cli"))), **INI},
        differs="the library insists on capitals; the official CLI takes any case",
    ),
    Case(
        "the key of a profile in the environment", {**env(ACCESS_KEY_ID="env")},
        {**config(profile("AK", access_key_secret=secret("env"))), **INI},
        differs="the library mixes an id of the environment with a secret of the file; renewctl mixes no two keys",
    ),
    Case(
        "a file elsewhere", env(CONFIG_FILE="{home}/elsewhere"),
        {"elsewhere": config(profile("AK", **ak("cli")))[".aliyun/config.json"], **INI},
        differs="the Go SDK reads ALIBABA_CLOUD_CONFIG_FILE, the Python library does not",
    ),
    # INI files.
    Case("INI", {}, INI),
    Case("INI, another section", env(PROFILE="work"), ini(ini_key("ini-work"), "work")),
    Case("INI, no such section", env(PROFILE="gone"), INI, "both"),
    Case("INI elsewhere", env(CREDENTIALS_FILE="{home}/keys"), {"keys": f"[default]\n{ini_key('keys')}\n", **INI}),
    Case("INI elsewhere, which is not there", env(CREDENTIALS_FILE="{home}/gone"), INI, "both"),
    Case("INI with comments", {}, {".alibabacloud/credentials.ini": f"# one\n; two\n[default]\n{ini_key('ini')} # three\n"}),
    Case("INI with colons and capitals", {}, ini(f"TYPE: access_key\nAccess_Key_Id: ini\naccess_key_secret: {secret('ini')}")),
    Case("INI with defaults", {}, {".alibabacloud/credentials.ini": f"[DEFAULT]\n{ini_key('ini')}\n[default]\n"}),
    Case("INI twice the same section", {}, {".alibabacloud/credentials.ini": f"[default]\n{ini_key('ini')}\n[default]\ntype=x\n"}, "both"),
    Case("INI twice the same name", {}, ini(ini_key("ini") + "\ntype = access_key"), "both"),
    Case("INI without a section", {}, {".alibabacloud/credentials.ini": ini_key("ini")}, "both"),
    Case("INI of nonsense", {}, {".alibabacloud/credentials.ini": "nonsense"}, "both"),
    Case("INI without a type", {}, ini("access_key_id = ini"), "both"),
    Case("INI of an unknown type", {}, ini("type = magic"), "both"),
    Case("INI without a secret", {}, ini("type = access_key\naccess_key_id = ini"), "both"),
    Case("INI with a role", {}, ini(f"{ini_key('ini', 'ram_role_arn')}\nrole_arn = {ROLE}\nrole_session_name = ini\npolicy = {{}}")),
    Case("INI with a role without a name", {}, ini(f"{ini_key('ini', 'ram_role_arn')}\nrole_arn = {ROLE}")),
    Case("INI with OIDC", {}, {**TOKEN_FILE, **ini(f"type = oidc_role_arn\nrole_arn = {ROLE}\noidc_provider_arn = {PROVIDER}\noidc_token_file_path = {{home}}/token")}),
    Case("INI with the instance", {}, ini("type = ecs_ram_role\nrole_name = ini-role"), "both"),
    Case("INI with the instance, without a name", {}, ini("type = ecs_ram_role"), "both"),
    Case(
        "the INI file of the Go SDK", {}, ini(ini_key("ini"), file="credentials"),
        differs="the Go SDK reads credentials, the Python library credentials.ini; renewctl reads both",
    ),
    Case("both INI files", {}, {**ini(ini_key("go"), file="credentials"), **INI}),
    Case(
        "INI with a per cent sign", {}, ini(ini_key("in%i")),
        differs="the library takes it for interpolation, and fails; the Go SDK and renewctl take it as it is",
    ),
    # The role of the instance.
    Case("instance", {}, {}, "both"),
    Case("instance, only with a token", {}, {}, "v2"),
    Case("instance, only without a token", {}, {}, "v1"),
    Case("instance, only without a token, which is forbidden", env(IMDSV1_DISABLED="true"), {}, "v1"),
    Case("instance, with a token, nothing else allowed", env(IMDSV1_DISABLED="true"), {}, "both"),
    Case("instance with a named role", env(ECS_METADATA="named"), {}, "both"),
    Case("instance switched off", {**env(ECS_METADATA_DISABLED="true"), **URI}, {}, "both"),
    Case("instance not switched off", {**env(ECS_METADATA_DISABLED="1"), **URI}, {}, "both"),
    # The URI.
    Case("URI of a failure", env(CREDENTIALS_URI="{url}/uri/failure")),
    Case("URI without a token", env(CREDENTIALS_URI="{url}/uri/no-token")),
    Case("URI of nothing", env(CREDENTIALS_URI="{url}/uri/404")),
    Case("URI of text", env(CREDENTIALS_URI="{url}/uri/text")),
    Case("URI in an empty variable", env(CREDENTIALS_URI="")),
]


# --- asking both ------------------------------------------------------------------------------------------------


def prepare(case, folder, url):
    home = folder / "home"
    home.mkdir(parents=True)

    def fill(text):
        return text.replace("{home}", str(home)).replace("{url}", url)
    for name, content in case.files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(fill(content))
    variables = {name: fill(value) for name, value in case.env.items()}
    return {"PATH": os.environ["PATH"], "HOME": str(home), **variables}


def choice_of_renewctl(binary, case, folder, server):
    server.world = World(case.metadata)
    variables = prepare(case, folder, server.url)
    (folder / "renewals.yaml").write_text(
        "version: 1\nregion: cn-beijing\ninstances: [{ id: i-one, min_remaining: 15d }]\n")
    run = subprocess.run(
        [binary, "plan", "-f", "renewals.yaml", "--endpoint-url", server.url],
        cwd=folder, env={**variables, "RENEWCTL_METADATA_ENDPOINT": server.url}, capture_output=True, text=True,
        timeout=120, check=False)
    if server.world.signer is None:
        no_key = run.returncode == 1 and "no credentials" in run.stderr
        return {"none": run.stderr.strip()} if no_key else {"broken": run.stderr}
    return server.world.signer


def choice_of_library(case, folder, server):
    server.world = World(case.metadata)
    variables = prepare(case, folder, server.url)
    run = subprocess.run(
        [sys.executable, __file__, "--ask-the-library", server.url], cwd=folder, env=variables, capture_output=True,
        text=True, timeout=120, check=False)
    try:
        return json.loads(run.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return {"broken": run.stdout + run.stderr}


def ask_the_library(url):
    """In a process of its own: the library reads the environment when it is imported."""
    from Tea.core import TeaCore
    there = urlsplit(url)
    original = TeaCore.do_action

    def redirected(request, runtime=None):
        # Everything that would leave this machine goes to the server of this test.
        if request.headers["host"] != there.hostname:
            request.protocol, request.port = "http", there.port
            request.headers["host"] = there.hostname
        return original(request, runtime)
    TeaCore.do_action = staticmethod(redirected)
    from alibabacloud_credentials.provider import DefaultCredentialsProvider
    try:
        key = DefaultCredentialsProvider().get_credentials()
        answer = {"id": key.get_access_key_id(), "token": key.get_security_token() or ""}
        if key.get_access_key_secret() != secret(answer["id"]):
            answer["secret"] = "another one"
    except Exception as error:  # whatever it is, there is no key
        answer = {"none": str(error)}
    print(json.dumps(answer), flush=True)
    os._exit(0)  # threads of the library would keep the process


def same(one, other):
    if "none" in one or "none" in other:
        return "none" in one and "none" in other
    return one == other


def brief(choice):
    text = choice.get("id") or ("no key" if "none" in choice else "BROKEN")
    return text + (" with another secret" if "secret" in choice else "")


def main():
    if sys.argv[1:2] == ["--ask-the-library"]:
        return ask_the_library(sys.argv[2])
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    import importlib.metadata
    found = importlib.metadata.version("alibabacloud_credentials")
    if found != VERSION:
        sys.exit(f"alibabacloud_credentials {VERSION} is compared with, not {found}")
    binary, names = str(Path(sys.argv[1]).resolve()), sys.argv[2:]
    cases = [case for case in CASES if not names or case.name in names]
    assert len({case.name for case in CASES}) == len(CASES), "two cases have one name"
    server, equal, intended, wrong = Server(), 0, 0, 0
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            library = choice_of_library(case, Path(folder) / "a", server)
            ours = choice_of_renewctl(binary, case, Path(folder) / "b", server)
        is_broken = "broken" in ours or "broken" in library
        if same(ours, library) and not is_broken:
            if case.differs is None:
                equal += 1
                continue
            wrong += 1
            print(f"NO LONGER DIFFERENT  {case.name}: both choose {brief(ours)}")
            continue
        line = f"{case.name}: the library chooses {brief(library)}, renewctl {brief(ours)}"
        if case.differs is not None and not is_broken:
            intended += 1
            print(f"intended  {line}\n          {case.differs}")
            continue
        wrong += 1
        print(f"DIFFERENT  {line}\n  library:  {library}\n  renewctl: {ours}")
    print(f"{len(cases)} homes: {equal} equal, {intended} intended differences, {wrong} others")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
