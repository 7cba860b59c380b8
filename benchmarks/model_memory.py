"""How much memory the text tower of a model takes, in two web processes at once.

Run: python -m benchmarks.model_memory [--architecture ViT-B-32-SigLIP2-256] [--processes 2]

The weights are random, which takes as much memory as trained ones. Each way of loading is tried in
processes of its own: open_clip's reader, and weights mapped from a file (`embedders.mapped`), first
while the file is being prepared and then with the file there. PSS counts a page that several
processes share once in total. Pages of files can be given back under pressure; anonymous memory
cannot.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.gallery_process import ROOT

WAYS = ("open_clip", "prepare", "mapped")


def main() -> None:
    """Print a table: the peak of one process while loading, and all processes afterwards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architecture", default="ViT-B-32-SigLIP2-256")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--format", choices=("fp32", "bf16"), default="bf16")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _serve(options)
        return
    with tempfile.TemporaryDirectory(prefix="scry-weights-") as folder:
        options.folder = Path(folder)
        _child(options, "write").wait()
        print("way        peak MB   then MB of which anonymous, all processes   seconds")
        for way in WAYS:
            count = 1 if way == "prepare" else options.processes
            print(_row(way, [_child(options, way) for _ in range(count)]))


def _row(way: str, children: list[subprocess.Popen[str]]) -> str:
    answers = [json.loads(child.stdout.readline()) for child in children if child.stdout]
    shares = [_rollup(child.pid) for child in children]
    for child in children:
        child.terminate()
        child.wait()
    peak, seconds = (max(answer[name] for answer in answers) for name in ("peak", "seconds"))
    total, private = (sum(share[name] for share in shares) for name in ("Pss", "Pss_Anon"))
    return f"{way:10} {peak:7.0f} {total:9.0f} {private:22.0f} {seconds:26.1f}"


def _rollup(pid: int) -> dict[str, float]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {name: int(rest.split()[0]) / 1024 for name, rest in (x.split(":") for x in lines)}


def _child(options: argparse.Namespace, way: str) -> subprocess.Popen[str]:
    names = ("architecture", "format", "folder")
    arguments = [f"--{name}={getattr(options, name)}" for name in names]
    command = [sys.executable, "-m", "benchmarks.model_memory", *arguments, f"--child={way}"]
    environment = {**os.environ, "DATA_DIR": str(options.folder)}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, stderr=None
    )


def _serve(options: argparse.Namespace) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "gallery.settings"
    import django

    django.setup()
    import open_clip
    import torch

    checkpoint = options.folder / "open_clip_model.safetensors"
    if options.child == "write":
        from safetensors.torch import save_file

        model = open_clip.create_model(options.architecture, force_custom_text=True)
        save_file(model.state_dict(), checkpoint)
        return
    started = time.monotonic()
    text = _text_tower(options, checkpoint)
    tokens = torch.ones((1, text.context_length), dtype=torch.long)
    with torch.inference_mode():
        text(tokens)
    seconds = time.monotonic() - started
    status = Path("/proc/self/status").read_text()
    peak = next(int(x.split()[1]) / 1024 for x in status.splitlines() if x.startswith("VmHWM"))
    print(json.dumps({"peak": peak, "seconds": seconds}), flush=True)
    time.sleep(600)


def _text_tower(options: argparse.Namespace, checkpoint: Path) -> Any:
    import gc

    from search.vectors.embedders import checkpoints, mapped, open_clip as adapter

    if options.child == "open_clip":
        mapped.model_of = lambda *_: None
    import open_clip

    tags = open_clip.list_pretrained_tags_by_model(options.architecture)
    model = checkpoints._created(f"{options.architecture}/{tags[0]}", checkpoint)
    checkpoints._drop_other_towers(model, frozenset({"text"}))
    text = model.text.eval().requires_grad_(requires_grad=False)
    dtype = adapter._dtype(options.format)
    if options.child == "open_clip":
        text.to(dtype)
    else:
        path = mapped.prepared_path(options.folder, checkpoint, "text", options.format)
        mapped.serve_from_file(text, dtype, path)
    del model
    gc.collect()
    return text


if __name__ == "__main__":
    main()
