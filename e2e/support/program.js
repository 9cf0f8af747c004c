// The program under test, as an operator starts it.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { start } from "./process.js";

/**
 * Starts the program with a database of its own. `restart` keeps database and address.
 *
 * @param {Record<string, string>} [settings] environment variables
 */
export async function startProgram(settings = {}) {
  const home = await mkdtemp(join(tmpdir(), "llm-classroom-"));
  /** @param {string} port */
  const launch = (port) =>
    start(
      "target/debug/llm-classroom",
      [],
      {
        HOME: home,
        APP_PORT: port,
        DATABASE_URL: `sqlite://${home}/test.db`,
        RATE_LIMIT: "off",
        SHUTDOWN_GRACE_SECONDS: "0",
        ...settings,
      },
      /open\s+(http:\S+)/,
    );
  let running = await launch("0");
  const url = running.said;
  return {
    url,
    log: () => running.log(),
    /** Ends the program as a crash would, or as an operator does. @param {NodeJS.Signals} [signal] */
    stop: (signal) => running.end(signal),
    async startAgain() {
      running = await launch(new URL(url).port);
    },
    async end() {
      await running.end("SIGKILL");
      await rm(home, { recursive: true, force: true });
    },
  };
}
