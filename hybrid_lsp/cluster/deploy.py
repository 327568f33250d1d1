"""What runs where on Ray Serve: the door in one process, the engine's own application in as many as are wanted.

client ── HTTP ──> Ray's proxy ──> Door ── PrefixRouter ──> Replica (engine.app, one model)
                                                        ──> Replica
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

import attrs
import ray
from ray import serve
from ray.exceptions import RayActorError, RayTaskError
from ray.serve.config import AutoscalingConfig, RequestRouterConfig
from ray.serve.exceptions import BackPressureError
from ray.serve.handle import DeploymentHandle
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hybrid_lsp.cluster.bridge import Asked, Bridge
from hybrid_lsp.cluster.door import Door, Forward, NoRoom, ReplicaLost
from hybrid_lsp.cluster.team import Team
from hybrid_lsp.engine import memory, service
from hybrid_lsp.engine.app import create_app
from hybrid_lsp.engine.guard import LoopbackGuard
from hybrid_lsp.engine.process import EngineOptions

APP = "hybrid-lsp"
DOOR, REPLICA = "Door", "Replica"
_LOG = logging.getLogger(__name__)
_LOOK_S = 0.05
_ROUTER = "hybrid_lsp.cluster.router.PrefixRouter"
_MOST_ONGOING = 16
"""Requests in one replica, of which it computes one at a time, the newest of those who type first."""
_DOORS_ONGOING = 2000
_DOOR_S = 10.0
_MEASURED_S, _UP_AFTER_S, _DOWN_AFTER_S = 1.0, 5.0, 300.0
"""Who types notices a second; a model that was loaded is kept for the next burst."""
_HEALTH_PERIOD_S, _HEALTH_TIMEOUT_S = 2.0, 60.0
"""A prefill of a large model takes its time, and its thread answers nothing meanwhile."""


@attrs.frozen
class Plan:
    """How a model is deployed. Ray keeps as many CPUs as `threads` for each replica, and `gpus`.

    A replica is added when more than `ongoing` requests a replica are open for some seconds, and taken away when far
    fewer are.
    """

    engine: EngineOptions
    least: int = 1
    most: int = 1
    ongoing: float = 2.0
    gpus: float = 0.0
    team: str = ""
    """The text of the team's file; empty: anybody who reaches the door may ask."""


class Replica:
    """One model in a process of Ray's, behind the application that our engine serves on any machine."""

    async def __init__(self, options: EngineOptions) -> None:  # type: ignore[misc]  # Ray awaits it
        memory.hold_freed()
        self._app = create_app(lambda: _load(options), role=options.role)
        self._lifespan = self._app.router.lifespan_context(self._app)
        await self._lifespan.__aenter__()
        self._bridge = Bridge(self._app)
        host = self._app.state.host
        while host.engine is None:
            if host.error is not None:
                raise host.error
            await asyncio.sleep(_LOOK_S)

    async def ask(self, asked: Asked) -> AsyncGenerator[Message, None]:
        """The messages of one answer."""
        async for message in self._bridge.messages(asked):
            yield message


def _load(options: EngineOptions) -> service.Engine:
    engine = service.load(**options.loading)
    engine.idle.quiet_s = options.quiet_ms / 1000
    return engine


class Entrance:
    """The door in a process of Ray's."""

    def __init__(self, replicas: DeploymentHandle[Any], team: str) -> None:
        self._door = Door(_forward(replicas))
        self._app: ASGIApp = self._door
        self._text: str | None = None
        self.take(team)

    def take(self, team: str) -> None:
        """Go by the text of a team's file from now on. Raises ConfigError, and then the old one stays."""
        if team == self._text:
            return
        self._door.team = Team.parse(team) if team else None
        # Without a team it listens on the loopback, where web pages can knock too.
        self._app = self._door if team else LoopbackGuard(self._door)
        self._text = team

    async def __call__(self, request: Request) -> Response:
        """The answer, which is sent when Ray runs it."""
        return _Through(self._app)


class _Through(Response):
    """An answer that the door gives."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__()
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


def _forward(replicas: DeploymentHandle[Any]) -> Forward:
    """Ask one of the replicas; Ray's errors become the door's."""
    asking = replicas.options(stream=True)

    async def forward(asked: Asked) -> AsyncGenerator[Message, None]:
        messages = asking.ask.remote(asked)
        try:
            async for message in messages:
                yield message
        except BackPressureError as error:
            raise NoRoom from error
        except RayTaskError:
            raise  # of the application, which has the same bug everywhere
        except RayActorError as error:
            raise ReplicaLost from error
        finally:
            with suppress(RayActorError):
                messages.cancel()  # of a stream that was read to its end there is nothing to cancel

    return forward


def application(plan: Plan) -> serve.Application:
    """What is to run, for `serve.run`."""
    scaling = AutoscalingConfig(
        min_replicas=plan.least,
        initial_replicas=plan.least,
        max_replicas=plan.most,
        target_ongoing_requests=plan.ongoing,
        metrics_interval_s=_MEASURED_S,
        look_back_period_s=_UP_AFTER_S,
        upscale_delay_s=_UP_AFTER_S,
        downscale_delay_s=_DOWN_AFTER_S,
    )
    replica = serve.deployment(
        name=REPLICA,
        autoscaling_config=scaling,
        max_ongoing_requests=_MOST_ONGOING,
        max_queued_requests=_MOST_ONGOING * plan.most,
        request_router_config=RequestRouterConfig(request_router_class=_ROUTER),
        health_check_period_s=_HEALTH_PERIOD_S,
        health_check_timeout_s=_HEALTH_TIMEOUT_S,
        ray_actor_options={"num_cpus": plan.engine.threads, "num_gpus": plan.gpus},
    )(Replica)
    door = serve.deployment(
        name=DOOR,
        num_replicas=1,
        max_ongoing_requests=_DOORS_ONGOING,
        ray_actor_options={"num_cpus": 0},
    )(Entrance)
    return door.bind(replica.bind(plan.engine), plan.team)


def deploy(plan: Plan) -> None:
    """Deploy, or change what is deployed. Blocks until it answers."""
    serve.run(application(plan), name=APP, route_prefix="/")


def give_team(text: str) -> None:
    """Have the door go by this text, in which nothing is wrong; said often, for a door that was started again has
    the text that it was deployed with. Raises RayError, RayServeException: there is no door just now."""
    serve.get_deployment_handle(DOOR, APP).take.remote(text).result(timeout_s=_DOOR_S)


def stop() -> None:
    """Take everything down."""
    serve.shutdown()
    ray.shutdown()
