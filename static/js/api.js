import { lost } from './connection.js';

/** What the server said instead of doing it; `status` 0 when it wasn't reached. */
export class Problem extends Error {
  /** @param {number} status @param {string} detail a sentence for the student @param {string} [turn] the turn in the way */
  constructor(status, detail, turn) {
    super(detail);
    this.status = status;
    this.turn = turn;
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
  const accept = { Accept: 'application/json', 'Accept-Language': document.documentElement.lang };
  let response;
  try {
    response = await fetch(`/api/v1/${path}`, {
      method,
      headers: { ...accept, ...(body && { 'Content-Type': 'application/json' }), ...headers },
      body: body && JSON.stringify(body),
    });
  } catch {
    lost();
    throw new Problem(0, '');
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new Problem(response.status, answer?.detail ?? '', answer?.turn_id);
  return answer;
}
