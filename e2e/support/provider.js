// The model server of the tests: a real HTTP server that speaks OpenAI's wire format and does as it is told.
import { start } from "./process.js";

/** Starts a model server. */
export async function startProvider() {
  const home = process.env.TMPDIR ?? "/tmp";
  const server = await start("target/debug/examples/fake_openai", [], { HOME: home }, /listening on (\S+)/);
  const url = server.said;

  /** @param {string} path @param {unknown} body */
  async function post(path, body) {
    const response = await fetch(url + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  }

  return {
    url: `${url}/v1`,
    /** Does from now on what the script says. @param {object} script */
    script: (script) => post("/control", script),
    /** Lets calls that wait at a gate go on. @param {{purpose?: string, count?: number}} [which] */
    release: (which = {}) => post("/control/release", which),
    /** @returns {Promise<any>} */
    stats: async () => (await fetch(`${url}/control/stats`)).json(),
    /** @returns {Promise<any[]>} */
    requests: async () => (await fetch(`${url}/control/requests`)).json(),
    end: () => server.end("SIGKILL"),
  };
}
