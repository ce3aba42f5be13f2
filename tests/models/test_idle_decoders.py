"""Decoders that have no targets in a batch."""

from dataclasses import replace

import torch

from hydromae.batch.batch import Batch, ModalityTokens
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.tokens.selection import Selection
from support.tiny import map_tokens, plain_dict, tiny_config, tiny_model


def without_targets(tokens: ModalityTokens) -> ModalityTokens:
    return replace(tokens, target=Selection(tokens.target.index[:, :0], None))


def decoders_run(model: MultiModalMAE, batch: Batch, **asked: bool) -> list[str]:
    run: list[str] = []
    hooks = [
        model.get_submodule(f"{name}_decoder").register_forward_pre_hook(lambda *_, name=name: run.append(name))
        for name in batch.tokens
    ]
    with torch.no_grad():
        model.predict_with_quantiles(batch, **asked)
    for hook in hooks:
        hook.remove()
    return run


def test_all_run_unless_only_predictions_are_wanted() -> None:
    """With FSDP every process has to come to every part, also one that validates a batch in which nothing is hidden."""
    config = tiny_config()
    model = tiny_model(config).eval()
    batch = model.as_batch(plain_dict(config))
    nothing = map_tokens(batch, without_targets)
    assert decoders_run(model, nothing) == list(batch.tokens)
    assert decoders_run(model, nothing, idle_decoders=False) == []
    assert decoders_run(model, batch, idle_decoders=False) == list(batch.tokens)


def test_predictions_do_not_depend_on_whether_the_others_run() -> None:
    config = tiny_config()
    model = tiny_model(config).eval()
    batch = model.as_batch(plain_dict(config))
    name = next(iter(batch.tokens))
    some = replace(batch, tokens={**batch.tokens, name: without_targets(batch.tokens[name])})
    with torch.no_grad():
        all_run, own = model.predict_with_quantiles(some), model.predict_with_quantiles(some, idle_decoders=False)
    for other, (mean, _) in all_run.items():
        assert torch.equal(mean, own[other][0])
