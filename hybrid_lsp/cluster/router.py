"""Ray Serve's choice of a replica, made by who holds the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ray.serve.request_router import PendingRequest, ReplicaID, RequestRouter, RunningReplica

from hybrid_lsp.cluster.affinity import Holders, Marks
from hybrid_lsp.cluster.bridge import Asked


class PrefixRouter(RequestRouter):  # type: ignore[misc]  # Any, where Ray is not installed
    """Lives where a replica's handle does; Ray knows the requests that each replica has."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._holders = Holders()

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """Every replica that has room, in the order to ask them."""
        if pending_request is not None:
            pending_request.routing_context.should_backoff = True
        by_id = {replica.replica_id: replica for replica in candidate_replicas}
        ranked = self._holders.ranked(_marks(pending_request), self._load(list(by_id)))
        return [[by_id[each]] for each in ranked]

    def on_request_routed(self, pending_request: PendingRequest, replica_id: ReplicaID, result: Any) -> None:
        """From now on this replica holds the prompt."""
        self._holders.give(_marks(pending_request), replica_id)

    def _load(self, replicas: Sequence[ReplicaID]) -> dict[ReplicaID, int]:
        return {each: self.replica_queue_len_cache.get(each) or 0 for each in replicas}


def _marks(pending: PendingRequest | None) -> Marks:
    asked = pending.args[0] if pending is not None and pending.args else None
    return asked.marks if isinstance(asked, Asked) else ()
