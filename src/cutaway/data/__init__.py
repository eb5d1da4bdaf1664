"""Corpora to token shards to batches, and pairs of texts.

The names below are imported when they are first used: a task of a model is read without all else.
"""

from typing import TYPE_CHECKING

from cutaway.lazily import lazily

if TYPE_CHECKING:
    from cutaway.data.documents import read_documents
    from cutaway.data.elsewhere import dask_executor, prepare_on
    from cutaway.data.mixture import Mixture
    from cutaway.data.pairs import BadPair, Pair, read_pairs
    from cutaway.data.preparation import PrepareConfig, prepare
    from cutaway.data.rows import TokenRow, TokenShards, open_shards
    from cutaway.data.shards import Manifest, ShardRecord, read_manifest, verify_shards
    from cutaway.data.task import TaskFormat
    from cutaway.data.tasks import PrepareTask, finish_tasks, plan_tasks, run_task
    from cutaway.data.tokens import TokenIndex, open_tokens, write_tokens
    from cutaway.data.windows import Deal, Windows

__all__ = [
    "BadPair",
    "Deal",
    "Manifest",
    "Mixture",
    "Pair",
    "PrepareConfig",
    "PrepareTask",
    "ShardRecord",
    "TaskFormat",
    "TokenIndex",
    "TokenRow",
    "TokenShards",
    "Windows",
    "dask_executor",
    "finish_tasks",
    "open_shards",
    "open_tokens",
    "plan_tasks",
    "prepare",
    "prepare_on",
    "read_documents",
    "read_manifest",
    "read_pairs",
    "run_task",
    "verify_shards",
    "write_tokens",
]

_HOMES = {
    "BadPair": "cutaway.data.pairs",
    "Deal": "cutaway.data.windows",
    "Manifest": "cutaway.data.shards",
    "Mixture": "cutaway.data.mixture",
    "Pair": "cutaway.data.pairs",
    "PrepareConfig": "cutaway.data.preparation",
    "PrepareTask": "cutaway.data.tasks",
    "ShardRecord": "cutaway.data.shards",
    "TaskFormat": "cutaway.data.task",
    "TokenIndex": "cutaway.data.tokens",
    "TokenRow": "cutaway.data.rows",
    "TokenShards": "cutaway.data.rows",
    "Windows": "cutaway.data.windows",
    "dask_executor": "cutaway.data.elsewhere",
    "finish_tasks": "cutaway.data.tasks",
    "open_shards": "cutaway.data.rows",
    "open_tokens": "cutaway.data.tokens",
    "plan_tasks": "cutaway.data.tasks",
    "prepare": "cutaway.data.preparation",
    "prepare_on": "cutaway.data.elsewhere",
    "read_documents": "cutaway.data.documents",
    "read_manifest": "cutaway.data.shards",
    "read_pairs": "cutaway.data.pairs",
    "run_task": "cutaway.data.tasks",
    "verify_shards": "cutaway.data.shards",
    "write_tokens": "cutaway.data.tokens",
}
__getattr__, __dir__ = lazily(__name__, _HOMES)
