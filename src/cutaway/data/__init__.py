"""Corpora to token shards to batches."""

from cutaway.data.documents import read_documents
from cutaway.data.elsewhere import dask_executor, prepare_on
from cutaway.data.mixture import Mixture
from cutaway.data.preparation import PrepareConfig, prepare
from cutaway.data.rows import TokenRow, TokenShards, open_shards
from cutaway.data.shards import Manifest, ShardRecord, read_manifest, verify_shards
from cutaway.data.tasks import PrepareTask, finish_tasks, plan_tasks, run_task
from cutaway.data.tokens import TokenIndex, open_tokens, write_tokens
from cutaway.data.windows import Deal, Windows

__all__ = [
    "Deal",
    "Manifest",
    "Mixture",
    "PrepareConfig",
    "PrepareTask",
    "ShardRecord",
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
    "run_task",
    "verify_shards",
    "write_tokens",
]
