"""One question at a time; of one page only the newest."""

import asyncio

import pytest

from hydromae.serve.turns import Dropped, Turns


def test_one_question_at_a_time_and_an_overtaken_one_never_begins() -> None:
    turns, running, most, done = Turns(), 0, 0, list[tuple[str, int]]()

    async def question(page: str, number: int) -> None:
        nonlocal running, most
        async with turns.turn(page, number):
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.01)
            running -= 1
            done.append((page, number))

    async def ask() -> list[object]:
        questions = [question("one", 1), question("one", 2), question("two", 1), question("one", 3)]
        return list(await asyncio.gather(*questions, return_exceptions=True))

    first, second, third, fourth = asyncio.run(ask())
    assert isinstance(second, Dropped) and first is third is fourth is None
    assert most == 1 and done[0] == ("one", 1) and set(done[1:]) == {("two", 1), ("one", 3)}


def test_a_question_older_than_one_that_was_answered_is_dropped_and_one_is_stopped_between_calls() -> None:
    turns = Turns()

    async def ask() -> None:
        async with turns.turn("one", 5):
            turns.require_newest("one", 5)
            newer = asyncio.create_task(turns.turn("one", 6).__aenter__())
            await asyncio.sleep(0.01)
            with pytest.raises(Dropped):
                turns.require_newest("one", 5)
        await newer
        with pytest.raises(Dropped):
            async with turns.turn("one", 4):
                pass

    asyncio.run(ask())
