// A client of the W3C WebDriver protocol (https://www.w3.org/TR/webdriver2/): the few commands that a journey needs.

/** The key under which the protocol passes an element. */
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

/**
 * Starts a session.
 *
 * @param {string} driver the driver's address
 * @param {object} capabilities
 */
export async function newSession(driver, capabilities) {
  const { sessionId } = await command("POST", `${driver}/session`, { capabilities: { alwaysMatch: capabilities } });
  const session = `${driver}/session/${sessionId}`;

  /** @param {string} path @param {object} [body] */
  const post = (path, body = {}) => command("POST", session + path, body);
  /** @param {string} selector */
  const find = async (selector) => {
    const found = await post("/element", { using: "css selector", value: selector });
    return `/element/${found[ELEMENT]}`;
  };
  return {
    /** @param {string} url */
    navigate: (url) => post("/url", { url }),
    refresh: () => post("/refresh"),
    /** @param {string} script the body of a function @param {unknown[]} args */
    execute: (script, args) => post("/execute/sync", { script, args }),
    /** @param {string} selector */
    click: async (selector) => post(`${await find(selector)}/click`),
    /** @param {string} selector @param {string} text */
    type: async (selector, text) => post(`${await find(selector)}/value`, { text }),
    /** @param {number} width @param {number} height */
    resize: (width, height) => post("/window/rect", { width, height }),
    /** @returns {Promise<Buffer>} a PNG */
    screenshot: async () => Buffer.from(await command("GET", `${session}/screenshot`), "base64"),
    end: () => command("DELETE", session),
  };
}

/** @param {string} method @param {string} url @param {object} [body] @returns {Promise<any>} */
async function command(method, url, body) {
  const response = await fetch(url, {
    method,
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(60_000),
  });
  const { value } = /** @type {any} */ (await response.json());
  if (!response.ok) throw new Error(`${method} ${url}: ${value.error}: ${value.message}`);
  return value;
}
