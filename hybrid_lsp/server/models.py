"""`hybrid-lsp models` from an editor: each verb runs as the command does, in a process of its own.

What the process tells becomes progress with a button to cancel; cancelling ends the process, which leaves nothing half
done. So there is one way of doing a thing, and this process stays light.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs
from pygls.exceptions import JsonRpcInvalidParams

from hybrid_lsp import children
from hybrid_lsp.errors import HybridLspError, ModelError
from hybrid_lsp.paths import state_dir
from hybrid_lsp.server import deliver
from hybrid_lsp.server.progress import Report

if TYPE_CHECKING:
    from hybrid_lsp.server.hybrid import HybridServer

log = logging.getLogger(__name__)

VERBS = {
    "list": "Looking at the models",
    "pull": "Getting {model}",
    "use": "Using {model}",
    "bench": "Measuring {model}",
    "calibrate": "Calibrating {model}",
    "remove": "Removing {model}",
}
GET_AND_USE, GET, NO = "Get it and use it", "Only get it", "No"
_LONGEST_LINE = 16 * 1024 * 1024
_GOODBYE_S = 10.0


@attrs.frozen
class Wish:
    """What a client wants; `show`: the result is shown as text too.

    `corpus` (a folder of code) and `positions` (so many places in it, 0 for the usual number) are for `calibrate`.
    """

    verb: str
    model: str = ""
    tier: str = ""
    name: str = ""
    corpus: str = ""
    positions: int = 0
    show: bool = True

    @classmethod
    def read(cls, value: Any) -> Wish:
        """Raises JsonRpcInvalidParams."""
        kinds = {field.name: type(field.default) for field in attrs.fields(cls)} | {"verb": str}
        wish = value if isinstance(value, dict) else {}
        if any(type(each) is not kinds.get(name) for name, each in wish.items()) or wish.get("verb") not in VERBS:
            names = ", ".join(f"{name}?" for name in kinds if name != "verb")
            verbs = ", ".join(VERBS)
            raise JsonRpcInvalidParams(f"The argument must be one object: {{verb, {names}}}; verbs are {verbs}.")
        if wish["verb"] != "list" and not wish.get("model"):
            raise JsonRpcInvalidParams(f"`{wish['verb']}` needs a `model`.")
        return cls(**wish)

    @property
    def title(self) -> str:
        return VERBS[self.verb].format(model=self.model)

    @property
    def command(self) -> list[str]:
        """The command's arguments; what a client sent is never taken for an option."""
        options = [f"--{name}={value}" for name, value in self._options.items() if value]
        return [self.verb, *options, *(["--", self.model] if self.model else [])]

    @property
    def _options(self) -> dict[str, str]:
        options: dict[str, dict[str, str]] = {
            "use": {"tier": self.tier},
            "pull": {"use": self.tier, "name": self.name},
            "calibrate": {"corpus": self.corpus, "positions": str(self.positions or "")},
        }
        return options.get(self.verb, {})


async def run_command(ls: HybridServer, arguments: Sequence[Any]) -> dict[str, Any]:
    """Run a verb with its progress shown, and show what comes of it; returns the same as plain values.

    A `pull` says first from where, how much and under which licence, and asks.
    """
    wish = Wish.read(arguments[0] if arguments else None)
    try:
        if wish.verb == "pull" and not wish.tier:
            wish = await _agreed(ls, wish)
        return await _run(ls, wish)
    except HybridLspError as error:
        ls.session.tell.answer(str(error))
        return {"kind": "failed", "message": str(error)}


async def offer(ls: HybridServer) -> None:
    """The one question of the first run. Who must answer before anything else is told instead how to say yes."""
    if (state_dir() / "offer.json").exists():
        return
    try:
        answer = (await _process(["offer"], _unseen)).get("offer")
        if not isinstance(answer, dict):
            return
        if not ls.session.abilities.asks:
            command = f"hybrid-lsp models pull {answer['model']} --use small"
            ls.session.tell.answer(f"{answer['question']} Run: {command}")
        elif await deliver.ask(ls, answer["question"], GET_AND_USE, NO) == GET_AND_USE:
            await _run(ls, Wish("pull", answer["model"], tier="small"))
    except HybridLspError as error:
        ls.session.tell.answer(str(error))


async def _agreed(ls: HybridServer, wish: Wish) -> Wish:
    """The wish as the user wants it, once they know what it costs. Raises ModelError where they do not."""
    async with ls.progress_bar.shown(wish.title, wanted=ls.session.abilities.progress, counted=True) as report:
        plan = await _process([*wish.command[:-2], "--plan", "--", wish.model], report)
    if plan.get("here"):
        return wish
    pressed = await deliver.ask(ls, str(plan.get("question")), GET_AND_USE, GET, NO)
    if pressed not in (GET_AND_USE, GET):
        raise ModelError(f"{wish.model} was not fetched.", "Ask again when you want it.")
    return attrs.evolve(wish, tier="small" if pressed == GET_AND_USE else "")


async def _run(ls: HybridServer, wish: Wish) -> dict[str, Any]:
    async with ls.progress_bar.shown(wish.title, wanted=ls.session.abilities.progress, counted=True) as report:
        arguments = [*wish.command[:1], *(["--yes"] if wish.verb == "pull" else []), *wish.command[1:]]
        result = await _process(arguments, report)
    if wish.verb in ("use", "pull", "calibrate"):
        ls.session.reconfigure(anew=wish.verb == "calibrate")
        _tell_if_overruled(ls, result)
    if wish.show:
        await _show(ls, wish, str(result.get("text", "")))
    return {"kind": "done", **result}


async def _show(ls: HybridServer, wish: Wish, text: str) -> None:
    if wish.verb in ("list", "bench", "calibrate"):
        await deliver.show_markdown(ls, wish.title, f"```text\n{text}\n```", f"models {wish.verb}")
    else:
        ls.session.tell.answer(text)


def _tell_if_overruled(ls: HybridServer, result: dict[str, Any]) -> None:
    """Say where the editor's own settings name another model than the one that was chosen just now."""
    model, tier = result.get("model"), result.get("tier")
    serving = getattr(ls.session.config, str(tier), None)
    if model and serving is not None and serving.model != model:
        ls.session.tell.warn(
            f"The editor's settings say `{tier}.model` = `{serving.model}`, which wins over {model}: remove it there."
        )


def _unseen(message: str, percentage: int | None = None) -> None:
    """Progress that nobody watches."""


async def _process(arguments: list[str], report: Report) -> dict[str, Any]:
    """Run the command to its end; returns its result. Raises HybridLspError with what it said went wrong."""
    # -P: a workspace with a folder `hybrid_lsp` in it must not be what is run.
    command = [sys.executable, "-P", "-m", "hybrid_lsp", "models", arguments[0], "--json", *arguments[1:]]
    process = await children.start(
        *command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, limit=_LONGEST_LINE, start_new_session=True
    )
    complaints = asyncio.ensure_future(_last_words(process))
    try:
        result = await _read(process, report)
        await process.wait()
    finally:
        await asyncio.shield(_end(process))
        said = await complaints
    if result is None:
        log.error("`models %s` ended with status %s: %s", arguments[0], process.returncode, said)
        raise ModelError(f"`hybrid-lsp models {arguments[0]}` ended unexpectedly: {said or 'no reason given'}.")
    return result


async def _read(process: Process, report: Report) -> dict[str, Any] | None:
    assert process.stdout is not None
    async for line in process.stdout:
        try:
            said = json.loads(line)
        except ValueError:
            continue  # a library's own words
        if not isinstance(said, dict):
            continue
        if isinstance(error := said.get("error"), dict):
            raise ModelError(str(error.get("message", "")), str(error.get("remedy", "")))
        if isinstance(result := said.get("result"), dict):
            return result
        report(str(said.get("message", "")), round(100 * float(said.get("progress") or 0)))
    return None


async def _last_words(process: Process) -> str:
    """The last line that it wrote to stderr; all of it is read, for a full pipe would hold it up."""
    assert process.stderr is not None
    text = (await process.stderr.read()).decode("utf-8", "replace").strip()
    return text.splitlines()[-1][:300] if text else ""


async def _end(process: Process) -> None:
    """Have it end in order, or by force where it does not."""
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _GOODBYE_S)
        except TimeoutError:
            process.kill()
            await process.wait()
