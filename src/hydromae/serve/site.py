"""The web application: the page, and answers to what it asks."""

import asyncio
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from hydromae.base.errors import HydroMAEError
from hydromae.base.json_text import json_text
from hydromae.serve.answers import Answers
from hydromae.serve.guard import Guard
from hydromae.serve.page import page
from hydromae.serve.question import BadQuestion, Question, read_question
from hydromae.serve.served import Served
from hydromae.serve.turns import Dropped, Turns


def site(served: Served, **guard: Any) -> ASGIApp:
    """The application.

    `GET /` is the page. `POST /ask` takes a `Question` and gives what `Answers.answer` returns; `POST /record` takes
    one, too, and gives the whole record of its station, packed. Statuses: 400 what is no JSON, 422 what cannot be asked
    or answered, 409 what a newer question of the page has overtaken; each with a sentence.

    Args:
        served: the models and data.
        guard: arguments of `Guard`.
    """
    answers, turns = Answers(served), Turns()
    text, policy = page(served)

    async def show(request: Request) -> Response:
        return HTMLResponse(text, headers={"content-security-policy": policy})

    async def ask(request: Request) -> Response:
        question = read_question(await request.body(), served.known)
        async with turns.turn(question.page, question.number):
            newest = partial(turns.require_newest, question.page, question.number)
            return _json(await asyncio.to_thread(answers.answer, question, newest))

    async def record(request: Request) -> Response:
        question = read_question(await request.body(), served.known)
        packed = await asyncio.to_thread(_record, answers, question)
        return _json({"number": question.number, "packed": packed})

    routes = [
        Route("/", show, methods=["GET"]),
        Route("/ask", ask, methods=["POST"]),
        Route("/record", record, methods=["POST"]),
    ]
    return Guard(Starlette(routes=routes, exception_handlers={HydroMAEError: _wrong, Dropped: _dropped}), **guard)


def _record(answers: Answers, question: Question) -> str:
    return answers.record(question.station, question.series or answers.served.predicted[0])


def _wrong(request: Request, error: Exception) -> Response:
    status = 400 if isinstance(error, BadQuestion) and error.malformed else 422
    return _json({"error": str(error)}, status)


def _dropped(request: Request, error: Exception) -> Response:
    return _json({"dropped": True}, 409)


def _json(content: dict[str, Any], status: int = 200) -> Response:
    return Response(json_text(content), status, media_type="application/json")
