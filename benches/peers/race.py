"""The race as one would write it in Python: asyncio, redis-py, sqlite3.

Usage: race.py naive|locked USERS SEATS DATABASE [REDIS_URL]
Prints one line: MILLISECONDS ROWS
"""

import asyncio
import random
import sqlite3
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import redis.asyncio as redis

RELEASE = """
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end
"""


class Store:
    """One connection on one thread of its own; each statement is its own commit."""

    def __init__(self, path):
        self.thread = ThreadPoolExecutor(1)
        self.thread.submit(self.open, path).result()

    def open(self, path):
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA journal_mode = wal")
        self.db.execute("PRAGMA synchronous = normal")
        self.db.execute(
            "CREATE TABLE bookings (seat INTEGER, user INTEGER, PRIMARY KEY (seat, user)) WITHOUT ROWID"
        )

    async def run(self, sql, *values):
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self.thread, lambda: self.db.execute(sql, values).fetchone()
        )

    async def is_free(self, seat):
        return await self.run("SELECT 1 FROM bookings WHERE seat = ? LIMIT 1", seat) is None

    async def book(self, seat, user):
        await self.run("INSERT INTO bookings VALUES (?, ?)", seat, user)


async def naive(store, _, user, seat):
    if await store.is_free(seat):
        await store.book(seat, user)


async def locked(store, lock, user, seat):
    client, release = lock
    key, value = f"lock:seat:{seat}", str(uuid.uuid4())
    if not await client.set(key, value, nx=True, ex=600):
        return
    try:
        await naive(store, None, user, seat)
    finally:
        await release(keys=[key], args=[value])


async def main(strategy, users, seats, database, url=None):
    store, lock = Store(database), None
    if strategy == "locked":
        # Idiomatic: a pool that waits for a connection instead of opening one for every user.
        pool = redis.BlockingConnectionPool.from_url(url, max_connections=50, timeout=None)
        client = redis.Redis(connection_pool=pool)
        await client.ping()
        lock = client, client.register_script(RELEASE)
    attempt = {"naive": naive, "locked": locked}[strategy]
    wanted = [random.randint(1, int(seats)) for _ in range(int(users))]
    start = time.perf_counter()
    await asyncio.gather(*(attempt(store, lock, user, seat) for user, seat in enumerate(wanted)))
    took = time.perf_counter() - start
    rows = await store.run("SELECT count(*) FROM bookings")
    print(f"{took * 1000:.1f} {rows[0]}")


asyncio.run(main(*sys.argv[1:]))
