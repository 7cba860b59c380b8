"""Duplicates in service mode: other processes, another database, another index."""

from __future__ import annotations

import pytest

from tests.server.processes import eventually
from tests.server.stack import Owner
from tests.workers.test_duplicates import file_of, scene

pytestmark = pytest.mark.server


def groups(owner: Owner) -> list[set[str]]:
    answer = owner.http.get("/api/v1/duplicates", params={"kind": "same_picture"})
    assert answer.status_code == 200, answer.text
    return [{member["id"] for member in group["members"]} for group in answer.json()["groups"]]


def is_settled(owner: Owner) -> bool:
    progress = owner.http.get("/api/v1/duplicates/progress").json()
    return progress["compared"] == progress["total"] > 0


def add_pair(owner: Owner, seed: int) -> set[str]:
    whole = scene(seed, (640, 480))
    copy = file_of(whole.resize((320, 240)), "JPEG", quality=70)
    return {owner.add(file_of(whole), "whole.png"), owner.add(copy, "copy.jpg")}


def test_copies_are_grouped_and_a_sweep_survives_the_loss_of_its_worker(stack):
    hopper = stack.owner("hopper")
    pairs = [add_pair(hopper, seed) for seed in range(1, 5)]
    eventually("every pair is a group", lambda: len(groups(hopper)) == len(pairs))
    assert all(pair in groups(hopper) for pair in pairs)

    assert hopper.http.post("/api/v1/duplicates/find").status_code == 202
    stack.maintenance.kill()
    stack.maintenance.start()
    eventually("all photos were compared again", lambda: is_settled(hopper))
    assert sorted(map(sorted, groups(hopper))) == sorted(map(sorted, pairs))
