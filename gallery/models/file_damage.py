"""Files of photos that are not on the disk as they were uploaded."""

from __future__ import annotations

from django.db import models
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from gallery.models.companions import Companion
from gallery.models.photo_library import Photo, User, hidden_photos


class FileDamageQuerySet(models.QuerySet["FileDamage"]):
    """Queries on damage; every answer to a person starts with `visible_to`."""

    def visible_to(self, user: User) -> FileDamageQuerySet:
        """Return the damage to files of photos that this user may know of, also in the trash."""
        if not user.is_authenticated:
            return self.none()
        # No join: SQLite would begin with the photos, which are many, and damage is rare.
        own = Photo.objects.filter(pk=OuterRef("photo_id"), owner_id=user.pk, deleted_at=None)
        return self.filter(Exists(own)).exclude(photo__in=hidden_photos(user))

    def newest(self, limit: int) -> list[FileDamage]:
        """Return the damage found last, with the photos, at most `limit` rows."""
        ids = list(self.order_by("-found_at").values_list("pk", flat=True)[:limit])
        rows = FileDamage.objects.filter(pk__in=ids).select_related("photo", "companion")
        return list(rows.order_by("-found_at"))


class FileDamage(models.Model):
    """A file that was read whole and is not what was uploaded; the row goes once it is again.

    The file is that of `companion`, or the original of `photo` where that is None.
    """

    class Kind(models.TextChoices):
        MISSING = "missing", _("The file is gone from the disk.")
        CHANGED = "changed", _("The file is not the one that was uploaded: its bytes changed.")
        UNREADABLE = "unreadable", _("The disk cannot read the file.")

    photo = models.ForeignKey(Photo, models.CASCADE, related_name="damage")
    companion = models.ForeignKey(Companion, models.CASCADE, null=True, blank=True)
    kind = models.CharField(max_length=10, choices=Kind)
    found_at = models.DateTimeField(default=timezone.now)

    objects = FileDamageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["photo"], condition=models.Q(companion=None), name="one_damage_of_original"
            ),
            models.UniqueConstraint(fields=["companion"], name="one_damage_of_companion"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.companion or self.photo}"

    @property
    def file(self) -> str:
        """The file below the folder of its kind, as a backup has it."""
        row = self.companion or self.photo
        return f"{str(row.pk)[:2]}/{row.pk}.{row.extension}"
