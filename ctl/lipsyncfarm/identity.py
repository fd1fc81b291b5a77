"""Who hands in a job: a name, and a signature that only its owner and the hosts can make.

The hosts share a key.  A user has a token, which is the key's signature of the name, and signs with
it what is handed in.  So whoever has no token of that name cannot hand in a job in it.
"""

import hmac
from hashlib import sha256

from lipsyncd.errors import AccessDenied, ConfigInvalid
from lipsyncfarm.config import Farm
from lipsyncfarm.record import Taken

ASK = "Ask the farm's operator for one; `lipsyncfarm-worker --token NAME` makes it."


def token_of(farm: Farm, user: str) -> str:
    """What this user signs with.  Raises ConfigInvalid if the farm's key is not here."""
    key = farm.secret("key")
    if not key:
        hint = "Give it as $LIPSYNCFARM_KEY, or by LoadCredential=key:FILE."
        raise ConfigInvalid(f"The key of the farm {farm.name} is not given.", hint)
    return signed(key, f"{farm.name}:{user}")


def signature_of(farm: Farm, id: str, spec: str) -> str:
    """The signature of a job of the farm's user.  Raises AccessDenied without a token."""
    token = farm.secret("token")
    if not token and not farm.secret("key"):
        words = f"{farm.user} has no token for the farm {farm.name} ($LIPSYNCFARM_TOKEN)."
        raise AccessDenied(words, ASK)
    return signed(token or token_of(farm, farm.user), f"{id}\n{spec}")


def signature_for(farm: Farm, user: str, id: str, spec: str) -> str:
    """A host's signature of a job of any user.  Raises ConfigInvalid without the farm's key."""
    return signed(token_of(farm, user), f"{id}\n{spec}")


def check(farm: Farm, user: str, taken: Taken) -> None:
    """Raise AccessDenied unless this user has signed this very job."""
    wanted = signature_for(farm, user, taken.id, taken.spec)
    if not hmac.compare_digest(wanted, taken.signature):
        raise AccessDenied(f"The job was not handed in by {user}: its signature is wrong.", ASK)


def signed(key: str, words: str) -> str:
    """A code that takes the key to make."""
    return hmac.new(key.encode(), words.encode(), sha256).hexdigest()
