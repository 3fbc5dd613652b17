"""A service that adds up squares: a model that is loaded in the process of its step, behind
aiohttp."""

import asyncio

from aiohttp import ClientSession, web

from aqueduct import BaseTask, BaseTaskHandler, Flow, FlowStep
from aqueduct.integrations.aiohttp import FLOW_NAME, AppIntegrator


class Model:
    def __call__(self, number):
        return sum(i * i for i in range(number))


class Task(BaseTask):
    def __init__(self, number):
        super().__init__()
        self.number = number
        self.total = None


class Total(BaseTaskHandler):
    def __init__(self):
        self.model = None

    def on_start(self):
        self.model = Model()

    def handle(self, *tasks):
        for task in tasks:
            task.total = self.model(task.number)


class View(web.View):
    async def post(self):
        task = Task(int(await self.request.text()))
        await self.request.app[FLOW_NAME].process(task)
        return web.json_response({"total": task.total})


def make_app():
    app = web.Application(client_max_size=0)
    app.router.add_post("/total", View)
    AppIntegrator(app).add_flow(Flow(FlowStep(Total()), metrics_enabled=False))
    return app


async def main():
    runner = web.AppRunner(make_app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    async with ClientSession() as session:
        for number in (3, 100):
            async with session.post(f"http://127.0.0.1:{port}/total", data=str(number)) as answer:
                print(await answer.json())
    await runner.cleanup()


asyncio.run(main())
# {'total': 5}
# {'total': 328350}
