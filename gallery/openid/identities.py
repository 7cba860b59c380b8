"""Which account belongs to an identity of the provider: the issuer and the subject decide.

Names and mail addresses of the provider never lead to an account: whoever may choose theirs there
would choose somebody else's.
"""

from __future__ import annotations

import itertools
import re
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from gallery import roles
from gallery.models import LinkedIdentity, Passkey, Role
from gallery.openid.id_tokens import Identity
from gallery.user_errors import UserError

_NAME_CHARACTERS = 140
_TRIES = 1000


def owner_of(identity: Identity) -> User | None:
    """Return whose sign-in this is, whether the account is open or not, and note its use."""
    row = _row_of(identity).select_related("owner").first()
    if row is None:
        return None
    _row_of(identity).update(last_used_at=timezone.now())
    owner: User = row.owner
    return owner


def of(user: Any) -> LinkedIdentity | None:
    """Return what an account is linked to."""
    return LinkedIdentity.objects.filter(owner=user).order_by("pk").first()


def link(user: Any, identity: Identity) -> None:
    """Let an identity sign in to an account; raise UserError if it has one, or the account has."""
    try:
        with transaction.atomic():
            LinkedIdentity.objects.create(
                owner=user,
                issuer=identity.issuer,
                subject=identity.subject,
                label=_clean(identity.name),
            )
    except IntegrityError:
        sentence = _("That sign-in belongs to an account already, or this account has another one.")
        raise UserError(sentence, status=409) from None


def unlink(user: Any) -> bool:
    """Take the link back; return whether there was one. Raise UserError if nothing else is left."""
    if not user.has_usable_password() and not Passkey.objects.filter(owner=user).exists():
        raise UserError(_("Choose a password first: you could not sign in any more."), status=409)
    return bool(LinkedIdentity.objects.filter(owner=user).delete()[0])


def create_account(identity: Identity, role: Role) -> User:
    """Make an account that an identity signs in to, with the provider's name if that is free.

    Raises UserError if the identity has an account.
    """
    with transaction.atomic():
        user = _created(_clean(identity.name) or "person")
        link(user, identity)
        roles.give_role(user, role)
    return user


def _created(wanted: str) -> User:
    for name in itertools.islice(_names(wanted), _TRIES):
        if User.objects.filter(username__iexact=name).exists():
            continue
        try:
            with transaction.atomic():
                return User.objects.create_user(name)
        except IntegrityError:
            continue  # Somebody else took it just now.
    raise UserError(_("No name is free for this account."), status=409)


def _names(wanted: str) -> Any:
    yield wanted
    yield from (f"{wanted}{number}" for number in itertools.count(2))


def _clean(name: str) -> str:
    """Return a name of the provider with what names have here, as Django's validator says."""
    return re.sub(r"[^\w.@+-]+", "", User.normalize_username(name))[:_NAME_CHARACTERS]


def _row_of(identity: Identity) -> Any:
    return LinkedIdentity.objects.filter(issuer=identity.issuer, subject=identity.subject)
