"""A model of which every process holds a share: ``fully_shard``, and Distributed Checkpoint.

Every process writes the rows it holds into a safetensors file of its own, with the place of each
in the whole tensor; any number of processes reads what it needs, be it from these files or from
ordinary ones. Nothing is pickled: torch's usual index of such a checkpoint would be.
"""

import warnings
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import (
    HuggingFaceStorageReader,
    HuggingFaceStorageWriter,
)
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard

__all__ = ["read_shards", "shapes_of", "shard", "write_shards"]


def shard(loss: nn.Module, blocks: Iterable[nn.Module], device: torch.device) -> None:
    """Leaves a share of every parameter in this process; the blocks come together one by one.

    The gradient is the sum over processes, not their mean.
    """
    # Said, for torch would take the graphics cards of a machine that has some.
    mesh = init_device_mesh(device.type, (dist.get_world_size(),))
    for block in blocks:
        fully_shard(block, mesh=mesh)
    fully_shard(loss, mesh=mesh)
    for module in loss.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)  # gloo has no other


def write_shards(
    directory: Path, tensors: Mapping[str, Tensor], group: dist.ProcessGroup | None
) -> None:
    """Writes this process's rows of all tensors; every process of the group calls it.

    Raises:
        OSError: in every process, if one of them could not write.
    """
    with _plain_errors():
        writer = HuggingFaceStorageWriter(str(directory), save_distributed=True)
        save(dict(tensors), storage_writer=writer, process_group=group)


def read_shards(
    directory: Path, tensors: Mapping[str, Tensor], group: dist.ProcessGroup | None
) -> None:
    """Fills tensors, whole or sharded, from the files of a directory.

    Raises:
        OSError: if a file cannot be read.
    """
    with _plain_errors():
        reader = HuggingFaceStorageReader(str(directory))
        load(dict(tensors), storage_reader=reader, process_group=group, no_dist=group is None)


def shapes_of(directory: Path) -> dict[str, tuple[int, ...]]:
    """The names and whole shapes of all tensors in the files of a directory."""
    held = HuggingFaceStorageReader(str(directory)).read_metadata().state_dict_metadata
    return {name: tuple(entry.size) for name, entry in held.items()}  # type: ignore[union-attr]


@contextmanager
def _plain_errors() -> Generator[None]:
    """What went wrong in some process, instead of torch's account of all of them."""
    try:
        with warnings.catch_warnings():  # that it will work in one process, as it is told to
            warnings.simplefilter("ignore", UserWarning)
            yield
    except CheckpointException as failed:
        rank, (error, _) = next(iter(failed.failures.items()))
        if isinstance(error, OSError):
            raise OSError(error.errno, f"{error.strerror} (in process {rank})") from None
        raise error from failed
