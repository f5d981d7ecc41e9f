// The race as one would write it in Node.js: the redis and better-sqlite3 packages.
//
// Usage: race.mjs naive|locked USERS SEATS DATABASE [REDIS_URL]
// Prints one line: MILLISECONDS ROWS

import { randomInt, randomUUID } from "node:crypto";
import Database from "better-sqlite3";
import { createClient, defineScript } from "redis";

const [strategy, users, seats, database, url] = process.argv.slice(2);

const db = new Database(database);
db.pragma("journal_mode = wal");
db.pragma("synchronous = normal");
db.exec("CREATE TABLE bookings (seat INTEGER, user INTEGER, PRIMARY KEY (seat, user)) WITHOUT ROWID");
const check = db.prepare("SELECT 1 FROM bookings WHERE seat = ? LIMIT 1");
const insert = db.prepare("INSERT INTO bookings VALUES (?, ?)");

async function naive(user, seat) {
  const row = check.get(seat);
  // Two steps: whoever else is ready goes between them.
  await null;
  if (!row) insert.run(seat, user);
}

const release = defineScript({
  SCRIPT: `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end`,
  NUMBER_OF_KEYS: 1,
  parseCommand: (parser, key, value) => {
    parser.pushKey(key);
    parser.push(value);
  },
  transformReply: (reply) => reply,
});
const redis = strategy === "locked" ? await createClient({ url, scripts: { release } }).connect() : null;

async function locked(user, seat) {
  const [key, value] = [`lock:seat:${seat}`, randomUUID()];
  const isOurs = await redis.set(key, value, {
    condition: "NX",
    expiration: { type: "EX", value: 600 },
  });
  if (!isOurs) return;
  try {
    await naive(user, seat);
  } finally {
    await redis.release(key, value);
  }
}

const attempt = { naive, locked }[strategy];
const wanted = Array.from({ length: Number(users) }, () => randomInt(1, Number(seats) + 1));
const start = performance.now();
await Promise.all(wanted.map((seat, user) => attempt(user, seat)));
const took = performance.now() - start;
const rows = db.prepare("SELECT count(*) AS rows FROM bookings").get().rows;
console.log(`${took.toFixed(1)} ${rows}`);
await redis?.close();
