"""Torch modules from a model's folder, and their weights as a model's file holds them."""

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from phonolips.checks import shown
from phonolips.errors import InputError
from phonolips.model.bundle import INT8, NOT_FINITE, OTHER, SCALE, WEIGHTS_FILE, Head, int8_tensors, read_heads

FLOATS, INTEGERS = ("F16", "BF16", "F32", "F64"), ("I16", "I32", "I64")  # safetensors' names of dtypes that we read
LARGE_TENSOR = 4096  # numbers from which storing a tensor as float16 or int8 is worth it
MOST_INT8 = 127  # the largest of both signs


def weights_content(module: nn.Module, *, half: bool = False, int8: bool = False) -> bytes:
    """Return the weights of a module as the content of a safetensors file.

    Args:
        module: whose weights and buffers.
        half: store large tensors as float16, so that the file has half the size; they are read as float32.
        int8: store the large weights of convolutions, linear and recurrent layers as int8, with a scale for each
            output (see `bundle.int8_tensors`), so that they have a quarter of the size; they are read as float32.
            Biases, norms, embeddings and tables are stored as `half` says.
    """
    from safetensors.torch import save

    tensors = {name: value.detach().cpu().contiguous() for name, value in module.state_dict().items()}
    if int8:
        large = [name for name in _layer_weights(module) if tensors[name].numel() >= LARGE_TENSOR]
        for name in large:
            tensors[name], tensors[name + SCALE] = _quantise(tensors[name])
    if half:
        large = [name for name, value in tensors.items() if value.numel() >= LARGE_TENSOR and value.is_floating_point()]
        tensors |= {name: tensors[name].half() for name in large}
    content: bytes = save(tensors)
    return content


def _layer_weights(module: nn.Module) -> Iterator[str]:
    """Name the weights of convolutions, linear and recurrent layers; the first axis of each is that of the outputs."""
    for name, layer in module.named_modules():
        if isinstance(layer, nn.Conv1d | nn.Linear):
            yield f"{name}.weight"
        elif isinstance(layer, nn.RNNBase):
            yield from (f"{name}.{own}" for own, _ in layer.named_parameters() if own.startswith("weight_"))


def _quantise(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Round a weight to int8, symmetrically, with a scale for each output: the largest of its numbers becomes 127.

    Scales have the eight significant bits of bfloat16, so a product of both is exact in float32 whatever computes it,
    and to quantise it again changes nothing. Finer scales bring little, and scales that minimise the squared error, and
    clip the largest numbers for it, no more: of 20 clips the posteriors' rms error is 7.2e-4, 7.5e-4, and 7.5e-4 here.

    Returns:
        int8 of the shape of the weight, and the scales, float32 (outputs, 1, ...).
    """
    scale = weight.abs().amax(tuple(range(1, weight.dim())), keepdim=True) / MOST_INT8
    scale = torch.where(scale > 0, scale, 1.0).bfloat16().float()
    return (weight / scale).round().clamp(-MOST_INT8, MOST_INT8).to(torch.int8), scale


Module = TypeVar("Module", bound=nn.Module)


class _WithoutFirstValues(TorchFunctionMode):
    """Draw no first values: for those of sizes without numbers torch imports its compiler, for a second."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Skip the functions of torch.nn.init; do all others."""
        given = kwargs or {}
        if getattr(func, "__module__", "") == "torch.nn.init":
            return given["tensor"] if "tensor" in given else args[0]
        return func(*args, **given)


def build_module(
    folder: Path,
    make: Callable[[], Module],
    *,
    rename: Callable[[str], str] = str,
    any_length: Collection[str] = (),
    replaced: Mapping[str, Collection[str]] | None = None,
    may_lack: Collection[str] = (),
) -> Module:
    """Build a module as its description says, with the weights of its folder.

    What the description asks for is compared with the head of the weights' file before any memory is taken for it, so a
    wrong or malicious one costs nothing.

    Args:
        folder: with the weights, as written by `write_bundle`.
        make: makes the module.
        rename: from a tensor's name on disk to its name in the module.
        any_length: one-dimensional tensors of whole numbers that may have any length.
        replaced: tensors that earlier versions wrote, which are left out -> those that may be missing beside them.
        may_lack: tensors that may be missing, and then are as the module is made.

    Returns:
        the module in evaluation mode, ready for inference on the CPU.

    Raises:
        InputError: the weights are not those of the module, of other sizes, or not finite.
        SafetensorError: they cannot be read.
    """
    from safetensors.torch import load_file

    path = folder / WEIGHTS_FILE
    with torch.device("meta"), _WithoutFirstValues():  # sizes without numbers
        wanted = make().state_dict()
    heads = {rename(name): head for name, head in read_heads(folder).items()}
    int8 = int8_tensors(heads)
    for name in int8:
        del heads[name + SCALE]
    old = [name for name in replaced or {} if heads.pop(name, None) is not None]
    missing = {*may_lack, *(name for one in old for name in (replaced or {})[one])} - set(heads)
    _compare_heads({name: value for name, value in wanted.items() if name not in missing}, heads, any_length)
    tensors = {rename(name): value for name, value in load_file(str(path)).items()}
    for name, value in tensors.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise InputError(f"{WEIGHTS_FILE}: {name} {NOT_FINITE}")
    for name in int8:
        tensors[name] = tensors[name].float() * tensors.pop(name + SCALE)
    module = make()
    own = module.state_dict()
    module.load_state_dict(
        {name: own[name] for name in missing} | {name: tensors[name] for name in tensors if name not in old}
    )
    return module.eval().requires_grad_(False)


def _compare_heads(wanted: Mapping[str, Tensor], found: Mapping[str, Head], any_length: Collection[str]) -> None:
    """Raise InputError where the tensors of a file are not those of a module."""
    odd = min(set(wanted) ^ set(found), default=None)
    if odd is not None:
        raise InputError(f"{WEIGHTS_FILE}: {'no' if odd in wanted else 'an unknown'} tensor {shown(odd)}: {OTHER}")
    for name, (dtype, shape) in found.items():
        kinds, right = (*FLOATS, INT8) if wanted[name].is_floating_point() else INTEGERS, tuple(wanted[name].shape)
        if dtype not in kinds or (shape != right and not (name in any_length and len(shape) == 1)):
            raise InputError(
                f"{WEIGHTS_FILE}: {name} is {dtype} of shape {shape}; its settings ask for shape {right}: {OTHER}"
            )
