// Child processes of a test: started, waited for by a line they print, ended by name.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The repository's folder. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Starts a program and waits for a line of its output.
 *
 * @param {string} program path from the repository's folder
 * @param {string[]} args
 * @param {Record<string, string>} env added to a bare environment, so that no setting of the machine leaks in
 * @param {RegExp} line what it prints when it's ready; its first group is returned
 */
export async function start(program, args, env, line) {
  const child = spawn(`${ROOT}/${program}`, args, {
    cwd: env.HOME,
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  child.stderr.on("data", (text) => (log += text));
  const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
  const ready = new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (text) => {
      const match = line.exec(text);
      if (match) resolve(match[1]);
    });
    ended.then(() => reject(new Error(`${program} ended before it was ready:\n${log}`)));
    child.once("error", reject);
  });
  return {
    said: await ready,
    log: () => log,
    /** @param {NodeJS.Signals} [signal] */
    async end(signal = "SIGTERM") {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return ended;
    },
  };
}
