"""What accounts may do and store, the links that make new ones, and other ways to sign in."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What somebody may do. Nobody sees the photos of others by their role."""

    OWNER = "owner", _("Owner: has photos, and looks after accounts and the gallery")
    MEMBER = "member", _("Member: has photos")
    VIEWER = "viewer", _("Viewer: sees what others share, and has no photos")


class Viewer(models.Model):
    """An account that only looks. Owners are Django's superusers; everybody else is a member."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="viewer")

    def __str__(self) -> str:
        return f"{self.user} is a viewer"


class Invitation(models.Model):
    """A link that makes one account. Only a hash of its secret is stored."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=10, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"invitation of a {self.role} by {self.made_by}"


class RecoveryCode(models.Model):
    """Stands in once for the code of a lost app. Only its hash is stored."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="recovery_codes"
    )
    digest = models.CharField(max_length=64, unique=True)

    def __str__(self) -> str:
        return f"recovery code of {self.user}"


class Passkey(models.Model):
    """A credential record, as WebAuthn Level 3 (4, "credential record") calls it: the public half.

    `data` is the attested credential data: the kind of authenticator, the id and the public key.
    `user_handle` is what the authenticator knows the account by, the same for all of an account.
    `sign_count` is 0 for authenticators that do not count.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=60)
    credential_id = models.CharField(max_length=1400, unique=True)
    data = models.BinaryField()
    user_handle = models.CharField(max_length=64)
    rp_id = models.CharField(max_length=255)
    transports = models.JSONField(default=list)
    sign_count = models.BigIntegerField(default=0)
    is_backup_eligible = models.BooleanField(default=False)
    is_backed_up = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"passkey {self.name} of {self.owner}"


class LinkedIdentity(models.Model):
    """A person of an OpenID provider, who signs in to one account here.

    The issuer and the subject say who it is. `label` is what the provider called the person when it
    was linked: it is shown, and never compared. Mail addresses are not kept.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="identities")
    issuer = models.CharField(max_length=255)
    subject = models.CharField(max_length=255)
    label = models.CharField(max_length=150, blank=True)
    linked_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="identity_of_one_account"),
            models.UniqueConstraint(fields=["owner", "issuer"], name="one_identity_of_a_provider"),
        ]

    def __str__(self) -> str:
        return f"{self.label} of {self.issuer} is {self.owner}"


class AccountQuota(models.Model):
    """The limits of one account; 0 is no limit, and None is what the settings say."""

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+"
    )
    bytes = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="of originals that Scry keeps, with files beside them"
    )
    files = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="photos, with files beside them"
    )
    rows = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="albums, tags, saved searches and the like"
    )

    def __str__(self) -> str:
        return f"quota of {self.owner_id}"
