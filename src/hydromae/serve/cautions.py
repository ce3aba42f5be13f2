"""What a run was not trained for of all that a question asks, and what it does not know."""

from hydromae.prediction.trained_for import beyond_filling, beyond_forecasts, beyond_ungauged
from hydromae.serve.question import Question
from hydromae.serve.served import ServedRun


def cautions(run: ServedRun, question: Question) -> list[str]:
    """A sentence for each."""
    predictor, name = run.predictor, question.series or run.names[0]
    sentences = [] if question.after == "all" else beyond_forecasts([predictor], question.horizon, question.after)
    if question.hidden_station or name in question.hidden_modalities:
        sentences += beyond_ungauged([predictor], name)
    elif question.hidden_days:
        sentences += beyond_filling([predictor], [name])
    if predictor.absent:
        sentences.append(f"{run.label}: the data have no {', '.join(predictor.absent)}; it predicts without")
    if why := predictor.data.unlike_training.get(question.station):
        sentences.append(
            f"{run.label}: station {question.station} is unlike all that it was trained on, in {', '.join(why)}"
        )
    return sentences
