// The network between a student and the program: a TCP proxy that can cut connections, lose replies, or be dead.
import { once } from "node:events";
import { connect, createServer } from "node:net";

/**
 * Stands between the browser and a program.
 *
 * @param {string} url the program's address
 */
export async function startProxy(url) {
  const target = Number(new URL(url).port);
  /** @type {Set<import("node:net").Socket>} */
  const clients = new Set();
  let dead = false;
  let lossy = false;
  const server = createServer((client) => {
    if (dead) return void client.destroy();
    const program = connect(target, "127.0.0.1");
    clients.add(client);
    const end = () => {
      clients.delete(client);
      client.destroy();
      program.destroy();
    };
    for (const socket of [client, program]) socket.on("error", end).on("close", end);
    client.pipe(program);
    program.on("data", (data) => (lossy ? end() : client.write(data)));
  });
  // A test that fails leaves it open; it must not keep the process alive.
  server.unref();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const cut = () => clients.forEach((client) => client.destroy());
  return {
    url: `http://127.0.0.1:${port}`,
    /** Breaks every open connection. */
    cut,
    /** Breaks every connection and lets no other one through, or does again. @param {boolean} on */
    die(on) {
      dead = on;
      if (on) cut();
    },
    /** Requests arrive, their replies don't. @param {boolean} on */
    loseReplies(on) {
      lossy = on;
    },
    async end() {
      cut();
      server.close();
    },
  };
}
