"""Reading batches ahead of their use."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from hydromae.windows.order import BatchOrder, Shares
from hydromae.windows.windows import WindowReader, WindowRequest, Windows

AHEAD = 2  # batches that each worker is ahead


class WindowLoader:
    """The batches that a `BatchOrder` names, in that order, read ahead by threads.

    They are threads, not processes: reading is copying, which holds no interpreter lock, and handing a batch from one
    process to another takes several times as long as reading it (`benchmarks/data.py` measures both).

    Args:
        reader: reads the windows.
        order: names the windows; it may be set to another epoch between two iterations.
        workers: threads; 0 reads each batch when it is asked for.
        pin_memory: give pinned memory, so that nothing waits for copies to a GPU.
    """

    def __init__(
        self, reader: WindowReader, order: BatchOrder | Shares, workers: int = 0, pin_memory: bool = False
    ) -> None:
        self.reader, self.order, self.workers, self.pin_memory = reader, order, workers, pin_memory

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self) -> Iterator[Windows]:
        if not self.workers:
            yield from map(self._read, self.order)
            return
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="windows")
        pending: deque[Future[Windows]] = deque()
        try:
            for request in self.order:
                pending.append(pool.submit(self._read, request))
                if len(pending) > AHEAD * self.workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _read(self, request: WindowRequest) -> Windows:
        windows = self.reader.fetch(request)
        return windows.pin_memory() if self.pin_memory else windows
