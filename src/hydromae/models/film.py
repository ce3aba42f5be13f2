"""Static attributes as a condition."""

from jaxtyping import Float
from torch import Tensor, nn


class FiLM(nn.Module):
    """Feature-wise linear modulation (Perez et al. 2018): scale and shift features by a condition.

    Starts as the identity, so a model without useful attributes behaves as one without FiLM.

    Args:
        condition_dim: width of the condition, C.
        feature_dim: width of the features, D.

    Shape: features [B, n, D] and condition [B, n, C] -> [B, n, D].
    """

    def __init__(self, condition_dim: int, feature_dim: int) -> None:
        super().__init__()
        self.scale_and_shift = nn.Linear(condition_dim, 2 * feature_dim)
        nn.init.zeros_(self.scale_and_shift.weight)
        nn.init.zeros_(self.scale_and_shift.bias)

    def forward(
        self, features: Float[Tensor, "batch n dim"], condition: Float[Tensor, "batch n condition"]
    ) -> Float[Tensor, "batch n dim"]:
        scale, shift = self.scale_and_shift(condition).chunk(2, dim=-1)  # 2 x [B, n, D]
        return features * (1 + scale) + shift
