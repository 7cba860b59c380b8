"""Who did what that others may have to know of later."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Deed(models.TextChoices):
    """What is written down. The values are stored."""

    SIGNED_IN = "signed_in", _("Signed in")
    SIGN_IN_FAILED = "sign_in_failed", _("Sign-in failed")
    SIGNED_OUT = "signed_out", _("Signed out")
    SESSION_ENDED = "session_ended", _("Session ended")
    PASSWORD_CHANGED = "password_changed", _("Password changed")
    ADDRESS_CHANGED = "address_changed", _("Mail address changed")
    RESET_ASKED = "reset_asked", _("New password asked for by mail")
    CODE_ON = "code_on", _("Sign-in with a code switched on")
    CODE_OFF = "code_off", _("Sign-in with a code switched off")
    IDENTITY_LINKED = "identity_linked", _("Sign-in by another service linked")
    IDENTITY_UNLINKED = "identity_unlinked", _("Sign-in by another service taken back")
    PASSKEY_ADDED = "passkey_added", _("Passkey added")
    PASSKEY_REMOVED = "passkey_removed", _("Passkey removed")
    RECOVERY_CODES_MADE = "recovery_codes_made", _("Recovery codes made anew")
    TOKEN_MADE = "token_made", _("Token made")
    TOKEN_REVOKED = "token_revoked", _("Token revoked")
    INVITED = "invited", _("Invitation made")
    INVITATION_WITHDRAWN = "invitation_withdrawn", _("Invitation withdrawn")
    ACCOUNT_MADE = "account_made", _("Account made")
    ACCOUNT_CHANGED = "account_changed", _("Account changed")
    SHARED = "shared", _("Shared")
    SHARE_ENDED = "share_ended", _("Share ended")
    DELETED = "deleted", _("Photos deleted for ever")
    EXPORTED = "exported", _("Exported")


class AuditEntry(models.Model):
    """One deed. `owner` is whose account it concerns, who may read it; `by` is who did it.

    The names stay when the accounts are gone. `detail` never holds a secret, a query or the name of
    a photo.
    """

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    deed = models.CharField(max_length=30, choices=Deed.choices)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    owner_name = models.CharField(max_length=150, blank=True)
    by_name = models.CharField(max_length=150, blank=True)
    address = models.CharField(max_length=45, blank=True)
    detail = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [models.Index(fields=["owner", "-at"], name="audit_of_owner")]

    def __str__(self) -> str:
        return f"{self.deed} of {self.owner_name} at {self.at}"
