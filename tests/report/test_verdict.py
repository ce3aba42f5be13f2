import numpy as np

from hydromae.report.inputs import load_run
from hydromae.report.verdict import learning


def test_learning_tells_first_best_and_last(bare_run, metrics, write_metrics):
    validation = [record for record in metrics if record["event"] == "validation"]
    for record, loss in zip(validation, (4.0, 3.0, 1.0, 2.0, 2.5), strict=True):
        record["loss"] = loss
    write_metrics(bare_run / "metrics.jsonl", validation)
    held = load_run(bare_run).metrics
    assert held is not None
    assert learning(held) == "Validation loss fell from 4 at step 100 to 1 at step 300; the last is 2.5."


def test_a_loss_that_never_fell_is_said(bare_run, metrics, write_metrics):
    for record in metrics:
        record["loss"] = float(record["step"])
    write_metrics(bare_run / "metrics.jsonl", metrics)
    held = load_run(bare_run).metrics
    assert held is not None and "never fell below its first value" in learning(held)
    assert np.isfinite(held.train.loss).all()
