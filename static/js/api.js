import { direct, isForeign, lost } from "./connection.js";

/** What the server said instead of doing it; `status` 0 when it wasn't reached. */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {{title?: string, detail?: string, turn_id?: string} | null} [said] in the student's language
   * @param {number} [wait] seconds after which the server wants to be asked again
   */
  constructor(status, said, wait) {
    super(said?.detail ?? "");
    this.status = status;
    this.title = said?.title ?? "";
    /** The turn in the way. */
    this.turn = said?.turn_id;
    this.wait = wait;
    /** Whether it goes by itself: no connection, no room, no database, or a load balancer that finds nobody. */
    this.passes = [0, 502, 503, 504].includes(status);
  }
}

/**
 * @param {string} method
 * @param {string} path below /api/v1/
 * @param {object} [body]
 * @param {Record<string, string>} [headers]
 * @returns {Promise<any>}
 */
export async function call(method, path, body, headers = {}) {
  const accept = { Accept: "application/json", "Accept-Language": document.documentElement.lang };
  let response;
  let answer = null;
  try {
    response = await fetch(`/api/v1/${path}`, {
      ...direct,
      method,
      headers: { ...accept, ...(body && { "Content-Type": "application/json" }), ...headers },
      body: body && JSON.stringify(body),
    });
    if (isForeign(response)) throw new SyntaxError();
    const text = await response.text();
    // A load balancer's page has nothing to say here.
    if (text && (response.ok || text.startsWith("{"))) answer = JSON.parse(text);
  } catch (error) {
    lost(error instanceof SyntaxError);
    throw new Problem(0);
  }
  if (!response.ok)
    throw new Problem(response.status, answer, Number(response.headers.get("Retry-After")) || undefined);
  return answer;
}
