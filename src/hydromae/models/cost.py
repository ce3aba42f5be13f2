"""What a training step of a model holds in memory and computes, known without making either the model or the step.

torch runs the model on tensors that have shapes and no data.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from hydromae.batch.batch import Batch, CellPlaces, ModalityTokens
from hydromae.config import ModelConfig
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.tokens.selection import Selection
from hydromae.windows.cells_around import CELLS_AROUND

Counts = Mapping[str, tuple[int, int]]  # modality -> visible tokens of a window, and targets


@dataclass(frozen=True)
class StepCost:
    """The cost of the forward pass of one step.

    Attributes:
        parameters: of the model.
        saved: bytes that the forward pass keeps for the backward pass, beside the parameters.
        operations: of the matrix products and attention, floating-point.
    """

    parameters: int
    saved: int
    operations: int


class _Sums(nn.Module):
    """The model as training runs it: its predictions become one number."""

    def __init__(self, model: MultiModalMAE) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> Tensor:
        return self.model(batch)[0]


def step_cost(
    config: ModelConfig,
    patches: int,
    counts: Counts,
    days: int,
    windows: int,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
    operations: bool = True,
) -> StepCost:
    """The cost of a step of some windows at once.

    Args:
        config: of the model, with the sizes that the data decide.
        patches: valid patches.
        counts: tokens of each modality in a window.
        days: in a window.
        windows: computed together.
        device: where, which decides on the kernels.
        dtype: of the products.
        operations: whether to count them, which takes as long as the rest; else they are 0.
    """
    # Which patches are valid changes no size; on the meta device no weight takes memory.
    places = torch.arange(patches or min(config.valid_patches or config.all_patches, config.all_patches))
    with torch.device("meta"):
        model = MultiModalMAE(config, places)
    net = _Sums(model)
    with FakeTensorMode(allow_non_fake_inputs=True):
        state = {
            name: torch.empty(tensor.shape, dtype=tensor.dtype, device=device).requires_grad_(
                isinstance(tensor, nn.Parameter)
            )
            for name, tensor in (*net.named_parameters(), *net.named_buffers())
        }
        parameters = sum(p.numel() for p in model.parameters())
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32), _saved(state) as saved:
            functional_call(net, state, (empty_batch(model, counts, days, windows, device),))
        if not operations:
            return StepCost(parameters, sum(saved.values()), 0)
        counter = FlopCounterMode(display=False)
        # torch counts no fused attention on a CPU; the plain form does the same products.
        with counter, nn.attention.sdpa_kernel(nn.attention.SDPBackend.MATH), torch.no_grad():
            functional_call(net, state, (empty_batch(model, counts, days, 1, device),))
    of_window = int(counter.get_total_flops()) + recurrence_operations(model, days)
    return StepCost(parameters, sum(saved.values()), windows * of_window)


def recurrence_operations(model: MultiModalMAE, days: int) -> int:
    """Operations of the recurrence for one window: one operation to torch, whose products it does not count."""
    if model.station_states is None:
        return 0
    weights = sum(p.numel() for name, p in model.station_states.lstm.named_parameters() if name.startswith("weight"))
    return 2 * days * model.config.stations_per_window * weights


def empty_batch(
    model: MultiModalMAE, counts: Counts, days: int, windows: int = 1, device: torch.device | str = "cpu"
) -> Batch:
    """A batch of zeros in which the first tokens are targets and the last are visible."""
    tokens = {}
    for name, shape in model.shapes.items():
        n_tokens, (visible, targets) = shape.tokens(days), counts[name]
        values = torch.zeros(windows, n_tokens, shape.cells, device=device)
        index = torch.arange(n_tokens, device=device).expand(windows, -1)  # [B, tokens]
        seen, hidden = Selection(index[:, n_tokens - visible :], None), Selection(index[:, :targets], None)
        tokens[name] = ModalityTokens(values, values == 0, seen, hidden, shape)
    config, attributes = model.config, None
    if config.static_attr_dim:
        attributes = torch.zeros(windows, config.stations_per_window, config.static_attr_dim, device=device)
    cells = None
    if config.recurrent_grids:
        index = torch.zeros(windows, config.stations_per_window, CELLS_AROUND, dtype=torch.int64, device=device)
        cells = CellPlaces(index, index.float(), index.float())
    days_of_year = torch.ones(windows, days, dtype=torch.int64, device=device)
    return Batch(tokens, attributes, days_of_year, days, cells=cells)


@contextmanager
def _saved(state: Mapping[str, Tensor]) -> Iterator[dict[int, int]]:
    """Bytes of each memory that is kept for the backward pass meanwhile, but for that of `state`."""
    own = {tensor.untyped_storage()._cdata for tensor in state.values()}
    bytes_of: dict[int, int] = {}
    kept: list[Tensor] = []  # so that no memory is given anew under the same address

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            bytes_of[storage._cdata] = storage.nbytes()
            kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield bytes_of
