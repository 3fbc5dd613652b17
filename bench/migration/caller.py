"""One side of bench/aqueduct.py, which starts it as `caller.py SIDE MODEL`; SIDE is the name of a
package with Aqueduct's names, or a pipeline file.

A line of JSON on standard input asks for callers, each with one photo at a time, for some seconds;
the answer is a line of JSON on standard output. The callers are coroutines in the process that has
the steps, as the handlers of Aqueduct's aiohttp example are, without the HTTP. Times are in
milliseconds; `cpu` is the processor's time of all processes for one photo.
"""

import asyncio
import json
import os
import pathlib
import statistics
import sys
import time

BUILD = pathlib.Path(__file__).resolve().parent.parent.parent / "build/release"
WARM_UP = 0.3  # seconds


def use_tree():
    """The Python module as it was built here, if none is installed."""
    import leat
    try:
        import leat._leat  # noqa: F401
    except ImportError:
        leat.__path__.append(str(BUILD))


class OfFlow:
    def __init__(self, package, model):
        if package != "aqueduct":
            use_tree()
        os.environ["AQUEDUCT"] = package
        import service
        service.aqueduct.log.setLevel("ERROR")
        self.service, self.flow = service, service.flow(model)
        self.flow.start()

    async def __call__(self, photo):
        task = self.service.Photo(photo)
        await self.flow.process(task, timeout_sec=30)
        return task.classes, task.odds

    async def stop(self):
        await self.flow.stop(graceful=False)


class OfPipeline:
    def __init__(self, file, _):
        use_tree()
        import leat
        self.pipeline = leat.Pipeline(file)

    async def __call__(self, photo):
        answer = await self.pipeline.infer(photo)
        return answer[0], answer[1]

    async def stop(self):
        pass


def cpu_seconds():
    """Of this process and all below it."""
    total, todo, tick = 0.0, [os.getpid()], os.sysconf("SC_CLK_TCK")
    while todo:
        try:
            process = pathlib.Path(f"/proc/{todo.pop()}")
            fields = (process / "stat").read_text().rsplit(")", 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) / tick
            for task in (process / "task").iterdir():
                todo += (task / "children").read_text().split()
        except FileNotFoundError:
            pass
    return total


async def measure(side, photo, callers, seconds, best):
    with open(photo, "rb") as file:
        data = file.read()
    took = []

    async def call(end):
        while (start := time.perf_counter()) < end:
            classes, _ = await side(data)
            took.append(time.perf_counter() - start)
            if classes[0] != best:
                raise ValueError(f"a wrong answer: {list(classes)}")

    for duration in (WARM_UP, seconds):
        took.clear()
        begin, work = time.perf_counter(), cpu_seconds()
        await asyncio.gather(*(call(begin + duration) for _ in range(callers)))
        wall, work = time.perf_counter() - begin, cpu_seconds() - work
    centiles = statistics.quantiles(took, n=100)
    return {"rate": len(took) / wall, "p50": centiles[49] * 1e3, "p99": centiles[98] * 1e3,
            "cpu": work / len(took) * 1e3}


async def main(name, model):
    side = (OfPipeline if name.endswith(".yaml") else OfFlow)(name, model)
    while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
        try:
            answer = await measure(side, **json.loads(line))
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
    await side.stop()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
