import { noRedirects, isForeign, reportUnreachable } from "./connection.js";

/** An error response of the server; `status` is 0 when the server wasn't reached. */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {{title?: string, detail?: string, turn_id?: string} | null} [body] the error response, in the student's language
   * @param {number} [wait] seconds of `Retry-After`
   */
  constructor(status, body, wait) {
    super(body?.detail ?? "");
    this.status = status;
    this.title = body?.title ?? "";
    /** The running turn that blocks the request. */
    this.turn = body?.turn_id;
    this.wait = wait;
    /** Whether a later try may succeed: no connection, no capacity, no database, or a load balancer without a server. */
    this.isTransient = [0, 502, 503, 504].includes(status);
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
      ...noRedirects,
      method,
      headers: { ...accept, ...(body && { "Content-Type": "application/json" }), ...headers },
      body: body && JSON.stringify(body),
    });
    if (isForeign(response)) throw new SyntaxError();
    const text = await response.text();
    // The HTML page of a load balancer is ignored.
    if (text && (response.ok || text.startsWith("{"))) answer = JSON.parse(text);
  } catch (error) {
    reportUnreachable(error instanceof SyntaxError);
    throw new Problem(0);
  }
  if (!response.ok)
    throw new Problem(response.status, answer, Number(response.headers.get("Retry-After")) || undefined);
  return answer;
}
