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
    "BadPair", "Deal", "Manifest", "Mixture", "Pair", "PrepareConfig", "PrepareTask",
    "ShardRecord", "TaskFormat", "TokenIndex", "TokenRow", "TokenShards", "Windows",
    "dask_executor", "finish_tasks", "open_shards", "open_tokens", "plan_tasks", "prepare",
    "prepare_on", "read_documents", "read_manifest", "read_pairs", "run_task", "verify_shards",
    "write_tokens",
]  # fmt: skip

_NAMES = {
    "documents": "read_documents",
    "elsewhere": "dask_executor prepare_on",
    "mixture": "Mixture",
    "pairs": "BadPair Pair read_pairs",
    "preparation": "PrepareConfig prepare",
    "rows": "TokenRow TokenShards open_shards",
    "shards": "Manifest ShardRecord read_manifest verify_shards",
    "task": "TaskFormat",
    "tasks": "PrepareTask finish_tasks plan_tasks run_task",
    "tokens": "TokenIndex open_tokens write_tokens",
    "windows": "Deal Windows",
}
_HOMES = {name: f"{__name__}.{home}" for home, names in _NAMES.items() for name in names.split()}
__getattr__, __dir__ = lazily(__name__, _HOMES)
