"""A WebSocket server made with the library that people use: it says each message back."""

import asyncio
import os

import websockets


async def echo(socket):
    async for message in socket:
        await socket.send(message)


async def main():
    async with websockets.serve(echo, "127.0.0.1", int(os.environ["PORT"]), max_size=16 << 20):
        await asyncio.Future()


asyncio.run(main())
