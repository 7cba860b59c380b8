"""The heads of the starter model's towers: features to the embeddings of one branch."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

MEMBERS = 4
MEMBER_DIM = 256


class Head(nn.Module):
    """Maps features (n, width) to the embeddings of its members, side by side, unit rows.

    It is a committee: each member has its own layers and is trained on its own, which makes fewer
    errors than one head of the same size.
    """

    def __init__(self, width: int, dropout: float = 0.0, refined_dropout: float = 0.0) -> None:
        super().__init__()
        self.members = nn.ModuleList(
            Member(width, dropout, refined_dropout) for _number in range(MEMBERS)
        )
        self.joined: JoinedMembers | None = None

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        if self.joined is not None:
            together: torch.Tensor = self.joined(features)
            return together
        return torch.cat(self.each(features), dim=-1) / MEMBERS**0.5

    def join(self) -> None:
        """Replace the members, whose training is over, by one network that does the same.

        It takes half the time for one text: most of it goes into starting small operations.
        """
        self.joined = JoinedMembers(self.members)
        self.members = nn.ModuleList()

    def each(self, features: torch.Tensor) -> list[torch.Tensor]:
        """Return the members' own unit embeddings, each (n, MEMBER_DIM)."""
        return [functional.normalize(member(features), dim=-1) for member in self.members]


class Member(nn.Module):
    """A projection, one residual layer on it, and a normalisation."""

    def __init__(self, width: int, dropout: float, refined_dropout: float) -> None:
        super().__init__()
        self.project = nn.Linear(width, MEMBER_DIM)
        self.refine = nn.Linear(MEMBER_DIM, MEMBER_DIM)
        self.norm = nn.LayerNorm(MEMBER_DIM)
        self.dropout = nn.Dropout(dropout)
        self.refined_dropout = nn.Dropout(refined_dropout)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        projected = self.project(self.dropout(features))
        refined = self.refine(functional.gelu(projected))
        normal: torch.Tensor = self.norm(projected + self.refined_dropout(refined))
        return normal


class JoinedMembers(nn.Module):
    """All members of a head at once: features (n, width) to unit rows (n, members * MEMBER_DIM)."""

    def __init__(self, members: nn.ModuleList) -> None:
        super().__init__()
        parts: list[Any] = list(members)
        kept = {
            "project": torch.cat([member.project.weight for member in parts]),
            "project_bias": torch.cat([member.project.bias for member in parts]),
            "refine": torch.stack([member.refine.weight.T for member in parts]).contiguous(),
            "refine_bias": torch.stack([member.refine.bias for member in parts])[:, None],
            "norm": torch.stack([member.norm.weight for member in parts])[:, None],
            "norm_bias": torch.stack([member.norm.bias for member in parts])[:, None],
        }
        for name, tensor in kept.items():
            setattr(self, name, nn.Parameter(tensor.detach(), requires_grad=False))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        members = len(self.refine)
        projected = functional.linear(features, self.project, self.project_bias)
        projected = projected.view(-1, members, MEMBER_DIM).transpose(0, 1)
        refined = torch.baddbmm(self.refine_bias, functional.gelu(projected), self.refine)
        normal = functional.layer_norm(projected + refined, (MEMBER_DIM,))
        unit = functional.normalize(normal * self.norm + self.norm_bias, dim=-1)
        return unit.transpose(0, 1).reshape(-1, members * MEMBER_DIM) / members**0.5
