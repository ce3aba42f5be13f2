import numpy as np

from hydromae.report.inputs import load_run, reconstructed_names


def test_records_written_again_after_a_resume_replace_the_old(bare_run, metrics, write_metrics):
    again = [{**record, "loss": 9.0} for record in metrics if record["step"] > 400]
    write_metrics(bare_run / "metrics.jsonl", metrics + again)
    train = load_run(bare_run).metrics.train
    assert np.array_equal(train.step, np.arange(10, 501, 10))
    assert np.array_equal(train.loss == 9.0, train.step > 400)


def test_a_line_cut_short_is_counted_and_left_out(bare_run, metrics, write_metrics):
    path = bare_run / "metrics.jsonl"
    write_metrics(path, metrics)
    path.write_text(path.read_text() + '{"event": "train", "st')
    held = load_run(bare_run).metrics
    assert held.unreadable == 1 and len(held.train) == 50 and len(held.validation) == 5


def test_a_loss_that_a_record_lacks_is_nan(bare_run, metrics, write_metrics):
    del metrics[3]["losses"]["flow"]
    metrics[4]["loss"] = None
    write_metrics(bare_run / "metrics.jsonl", metrics)
    train = load_run(bare_run).metrics.train
    assert np.flatnonzero(np.isnan(train.losses["flow"])).tolist() == [3]
    assert np.flatnonzero(np.isnan(train.loss)).tolist() == [4]


def test_only_variables_with_reconstruction_and_state_are_modalities(reconstruction):
    assert reconstructed_names(reconstruction.drop_vars("flow_state")) == ["precip", "snow_depth", "level"]
    assert reconstructed_names(reconstruction.drop_vars("flow_reconstructed")) == ["precip", "snow_depth", "level"]
