"""How small a machine may be: server, engine and model on one core under a limit of memory that the kernel keeps.

The limit is a cgroup's where this user may make one (both versions); where not, nothing is measured, for a limit of
addresses (RLIMIT_AS) says little of memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import psutil

from benchmarks import place, prompts
from benchmarks.report import Report, quantile
from hybrid_lsp.server.editor import Editor

LIMITS_MB = (2048, 1024, 512, 384, 256, 192)
_LINES, _REQUESTS = 200, 40
_TIMEOUT_S = 300
_MEMORY = {1: ("memory", "memory.limit_in_bytes", "memory.max_usage_in_bytes"), 2: ("", "memory.max", "memory.peak")}


@attrs.frozen
class Group:
    """A cgroup of its own; whoever starts in it has the limit, all together."""

    folder: Path
    limit: str
    peak: str

    @classmethod
    def make(cls, megabytes: int) -> Group:
        """Raises OSError where this user may make none."""
        version = 2 if Path("/sys/fs/cgroup/cgroup.controllers").exists() else 1
        controller, limit, peak = _MEMORY[version]
        folder = Path("/sys/fs/cgroup") / controller / f"hybrid-lsp-edge-{os.getpid()}"
        folder.mkdir()
        (folder / limit).write_text(str(megabytes * 1024 * 1024), encoding="utf-8")
        return cls(folder, limit, peak)

    def enter(self) -> None:
        (self.folder / "cgroup.procs").write_text(str(os.getpid()), encoding="utf-8")

    @property
    def peak_mb(self) -> float:
        return int((self.folder / self.peak).read_text(encoding="utf-8")) / 1e6


async def run(report: Report, model: Path | None) -> None:
    """Each limit in a process of its own; the first at which nothing is shown any more ends it."""
    for limit in LIMITS_MB:
        name = f"edge, 1 core, {limit} MB, {model.name if model else 'embedded'}"
        try:
            group = Group.make(limit)
        except OSError as error:
            report.notes.append(f"edge: left out; this user may make no cgroup ({error.strerror}).")
            return
        found = await asyncio.to_thread(_measured, group, model)
        report.add(name, "shown of 40", found.get("shown", 0))
        if not found.get("shown"):
            report.notes.append(f"{name}: {found.get('said', 'nothing was shown')}")
            return
        for key, unit in (
            ("first_s", "s"),
            ("p50_ms", "ms"),
            ("p95_ms", "ms"),
            ("server_mb", "MB"),
            ("engine_mb", "MB"),
        ):
            report.add(name, key, found[key], unit)
        report.add(name, "peak, all together", found["peak_mb"], "MB")


def _measured(group: Group, model: Path | None) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.edge", str(group.folder), group.limit, group.peak]
    try:
        done = subprocess.run(
            [*command, *([str(model)] if model else [])], capture_output=True, text=True, timeout=_TIMEOUT_S
        )
        said = (done.stderr.strip().splitlines() or [f"ended with status {done.returncode}"])[-1]
        found = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else {"said": said}
        return {**found, "peak_mb": group.peak_mb}
    except subprocess.TimeoutExpired:
        return {"said": f"not done within {_TIMEOUT_S} s"}
    finally:
        _leave(group)


def _leave(group: Group) -> None:
    """End what is left in it, and take it away."""
    processes = []
    for pid in (group.folder / "cgroup.procs").read_text(encoding="utf-8").split():
        try:
            processes.append(psutil.Process(int(pid)))
            processes[-1].kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, 20)
    group.folder.rmdir()


async def _inside(model: str | None) -> dict[str, float]:
    """An editor that asks at forty places."""
    settings = {"small": {"backend": "engine", "model": model, "timeout_s": 60.0}} if model else {}
    with place.own_folders() as folder:
        editor = Editor(settings)
        await editor.start(folder)
        text = "\n".join(prompts.source().splitlines()[:_LINES]) + "\n"
        editor.open(folder / "a.py", text)
        first = await editor.ghost_text(invoked=True)
        latencies: list[float] = []
        for number in range(_REQUESTS):
            editor.cursor = editor.document.line_starts[(number * 37) % (editor.document.line_count - 1)] + 4
            shown = await editor.ghost_text(invoked=True)
            latencies += [shown.latency_ms] if shown.text else []
        running = list(place.engines(folder / "run"))
        found = {
            "shown": len(latencies),
            "first_s": first.latency_ms / 1000,
            "p50_ms": quantile(latencies, "p50") or 0.0,
            "p95_ms": quantile(latencies, "p95") or 0.0,
            "server_mb": place.resident_mb(editor.server_pid),
            "engine_mb": sum(place.resident_mb(each.pid) for each in running),
        }
        await editor.stop()
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("group", nargs=3)
    parser.add_argument("model", nargs="?")
    options = parser.parse_args()
    folder, limit, peak = options.group
    Group(Path(folder), limit, peak).enter()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(json.dumps(asyncio.run(_inside(options.model))))


if __name__ == "__main__":
    main()
