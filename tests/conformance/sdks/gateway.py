"""Who comes in: keys, sessions, times and nonces."""

from datetime import datetime, timedelta, timezone

from checks import Checks, same
from sdks.account import JUDGE, SESSION, Account
from sdks.answer import Key, Stamp

LIST = "DescribeInstances"


def check_gateway(check: Checks, account: Account) -> None:
    with check("a wrong secret"):
        wrong = Key(JUDGE.id, JUDGE.secret + "x")
        account.refused(400, account.client.wrong_secret_code, LIST, key=wrong)
    with check("an unknown key"):
        account.refused(404, "InvalidAccessKeyId.NotFound", LIST, key=Key("nobody", "secret"))
    with check("a disabled key"):
        account.refused(400, "InvalidAccessKeyId.Inactive", LIST, key=Key("disabled", "disabled-secret"))
    with check("a session with its token, whose text needs encoding"):
        same(len(account.ids(key=SESSION, MaxResults=100)), 6)
    with check("a session with another token, or with none"):
        for token in ("CAIS+tok/en==", None):
            key = Key(SESSION.id, SESSION.secret, token)
            account.refused(400, "InvalidSecurityToken.MismatchWithAccessKey", LIST, key=key)
    with check("a session that has ended"):
        ended = Key("ended", "session-secret", "CAIS+tok/en==")
        account.refused(400, "InvalidSecurityToken.Expired", LIST, key=ended)
    with check("a token that the key does not have"):
        account.refused(400, "InvalidSecurityToken.Malformed", LIST, key=Key(JUDGE.id, JUDGE.secret, "token"))
    with check("a nonce serves once"):
        stamp = Stamp(nonce="0123456789abcdef0123456789abcdef")
        account.good(LIST, stamp=stamp)
        account.refused(400, "SignatureNonceUsed", LIST, stamp=stamp)
    with check("a clock that is up to a quarter of an hour off, and one that is more"):
        for minutes, comes_in in ((14, True), (-14, True), (16, False), (-16, False)):
            time = datetime.now(timezone.utc) + timedelta(minutes=minutes)
            stamp = Stamp(timestamp=time.strftime("%Y-%m-%dT%H:%M:%SZ"))
            if comes_in:
                account.good(LIST, stamp=stamp)
            else:
                account.refused(400, "InvalidTimeStamp.Expired", LIST, stamp=stamp)
