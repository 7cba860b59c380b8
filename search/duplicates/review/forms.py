"""The forms of the review page: one group decided, or many, and what many come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import Count, Sum, TextChoices

from gallery.models import OwnedQuerySet, Photo, User
from search.duplicates.models import DuplicateGroup, Kind, Resolution
from search.duplicates.review import decisions

Action = Resolution.Action

IDS_LIMIT = 10_000
"""Ids in one field, as in one request to the API: far more than a page scrolled to its end."""

BEST = "best"
"""The action of a form that keeps the one photo that was proposed, whatever is marked."""


class Scope(TextChoices):
    """Which groups of a kind are decided together."""

    ALL = "all"
    PAGE = "page"
    TICKED = "ticked"


class IdsField(forms.Field):
    """Ids, in several values of one name or separated by commas: a list of UUIDs."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: Sequence[str] | None) -> list[UUID]:
        try:
            ids = [UUID(part) for text in value or [] for part in text.split(",") if part]
        except ValueError:
            raise forms.ValidationError("not an id") from None
        if len(ids) > IDS_LIMIT:
            raise forms.ValidationError("too many ids")
        return ids


@dataclass(frozen=True)
class MarkedGroup:
    """A group in which the person marked other photos than those proposed."""

    group: UUID
    keep: frozenset[UUID]
    trash: frozenset[UUID]


class MarkedGroupsField(forms.Field):
    """Groups as "group photo,photo photo,photo": its id, what to keep of it, and the rest."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: Sequence[str] | None) -> list[MarkedGroup]:
        marked = []
        for text in value or []:
            parts = [*text.split(" "), "", ""][:3]
            group, keep, trash = (IdsField().to_python([part]) for part in parts)
            if len(group) != 1:
                raise forms.ValidationError("not one group")
            marked.append(MarkedGroup(group[0], frozenset(keep), frozenset(trash)))
        return marked


class DecisionForm(forms.Form):
    """The form of one group: the action, the photos seen, and those to keep."""

    action = forms.ChoiceField(choices=[(BEST, BEST), *Action.choices])
    seen = IdsField(required=False)
    keep = IdsField(required=False)
    best = IdsField(required=False)

    def clean(self) -> dict[str, Any]:
        fields = self.cleaned_data
        best, action = fields.pop("best", []), fields.get("action")
        if action == BEST:
            fields |= {"action": Action.KEEP, "keep": best}
        elif action != Action.KEEP:
            fields["keep"] = []
        return fields


class BulkForm(forms.Form):
    """The form that decides many groups of a kind at once."""

    kind = forms.ChoiceField(choices=Kind.choices)
    scope = forms.ChoiceField(choices=Scope.choices)
    page = IdsField(required=False)
    groups = IdsField(required=False)
    choice = MarkedGroupsField(required=False)

    def decision(self) -> BulkDecision:
        """Return what the valid form asks for."""
        fields = self.cleaned_data
        kind, marked = Kind(fields["kind"]), fields["choice"]
        if fields["scope"] == Scope.ALL:
            return BulkDecision(kind, None, marked)
        groups = fields["page" if fields["scope"] == Scope.PAGE else "groups"]
        chosen = set(groups)
        return BulkDecision(kind, groups, [choice for choice in marked if choice.group in chosen])


@dataclass(frozen=True)
class BulkFigures:
    """What a bulk decision does: groups, photos to trash or to stack, and bytes freed.

    `left` groups are not touched, because photos of them were marked and stacking trashes none.
    """

    groups: int
    photos: int
    bytes: int
    left: int


@dataclass(frozen=True)
class BulkDecision:
    """The groups to decide at once: `groups`, or all of the kind for None.

    In the groups of `choices` the person marked photos. They are decided as marked, unless the
    action is to stack, which leaves them alone.
    """

    kind: Kind
    groups: list[UUID] | None
    choices: list[MarkedGroup]

    @property
    def action(self) -> Action:
        """The default action of the kind."""
        return Action.KEEP if self.kind == Kind.SAME_PICTURE else Action.STACK

    def figures(self, user: User) -> BulkFigures:
        """Return what carrying this out would do now."""
        sums = self._unmarked(user).aggregate(
            groups=Count("pk"), photos=Sum("size"), bytes=Sum("recoverable")
        )
        count, photos = sums["groups"], sums["photos"] or 0
        if self.action == Action.STACK:
            return BulkFigures(count, photos, bytes=0, left=len(self.choices))
        marked_ids = set().union(*(choice.trash for choice in self.choices))
        marked = Photo.objects.visible_to(user).filter(pk__in=marked_ids)
        by_hand = marked.aggregate(photos=Count("pk"), bytes=Sum("size"))
        return BulkFigures(
            groups=count + len(self.choices),
            photos=photos - count + by_hand["photos"],
            bytes=(sums["bytes"] or 0) + (by_hand["bytes"] or 0),
            left=0,
        )

    def carry_out(self, user: User) -> decisions.Batch:
        """Decide the groups in one batch; groups that changed meanwhile count as skipped."""
        groups = self._groups_by_default(user)
        batch = decisions.resolve_many(user, self.kind, self.action, groups=groups)
        if self.action == Action.STACK:
            return batch
        made, skipped = [], batch.skipped
        for choice in self.choices:
            photos = {"seen": choice.keep | choice.trash, "keep": choice.keep}
            try:
                made.append(decisions.resolve(user, choice.group, Action.KEEP, **photos))
            except (decisions.GroupChanged, decisions.NothingKept, DuplicateGroup.DoesNotExist):
                skipped += 1
        return decisions.Batch(
            id=_join(user, batch.id, made),
            groups=batch.groups + len(made),
            photos=batch.photos + sum(row.trashed for row in made),
            freed=batch.freed + sum(row.freed for row in made),
            skipped=skipped,
        )

    def _unmarked(self, user: User) -> OwnedQuerySet[DuplicateGroup]:
        """Return the groups that get the default action of their kind."""
        groups = DuplicateGroup.objects.visible_to(user).filter(kind=self.kind)
        if self.groups is not None:
            groups = groups.filter(pk__in=self.groups)
        return groups.exclude(pk__in=[choice.group for choice in self.choices])

    def _groups_by_default(self, user: User) -> list[UUID] | None:
        """Return the ids of those groups, gone ones too, so that they are counted as skipped."""
        if self.groups is None:
            unmarked = self._unmarked(user).values_list("pk", flat=True)
            return list(unmarked) if self.choices else None
        marked = {choice.group for choice in self.choices}
        return [group_id for group_id in self.groups if group_id not in marked]


def _join(user: User, batch: UUID, made: list[Resolution]) -> UUID:
    """Put decisions into one batch with the others, because they were asked for together."""
    own = Resolution.objects.visible_to(user)
    first = own.filter(batch=batch).first() or next(iter(made), None)
    if first is None:
        return batch
    own.filter(pk__in=[row.pk for row in made]).update(
        batch=first.batch, decided_at=first.decided_at
    )
    return first.batch
