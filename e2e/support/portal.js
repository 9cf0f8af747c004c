// The network between a student and the program that answers in its place until the student logs in: a captive portal.
import { once } from "node:events";
import { createServer, request } from "node:http";

const LOGIN = "<!doctype html><title>Wi-Fi</title><h1>Welcome to the Wi-Fi. Please log in.</h1>";

/** How portals and filters answer. @type {Record<string, {status: number, headers: Record<string, string>, body: string}>} */
export const ANSWERS = {
  "its login page": { status: 200, headers: { "content-type": "text/html; charset=utf-8" }, body: LOGIN },
  "its login page under the type that was asked for": {
    status: 200,
    headers: { "content-type": "application/json" },
    body: LOGIN,
  },
  "a redirect to another site": {
    status: 302,
    headers: { location: "http://login.invalid/?from=classroom" },
    body: "",
  },
  "a redirect to a page of the same address": { status: 307, headers: { location: "/login" }, body: "" },
  "511 Network Authentication Required": { status: 511, headers: { "content-type": "text/html" }, body: LOGIN },
  "a page that says what is forbidden": {
    status: 403,
    headers: { "content-type": "text/html" },
    body: "<h1>Blocked by the school</h1>",
  },
  "plain text": { status: 200, headers: { "content-type": "text/plain" }, body: "OK" },
  nothing: { status: 200, headers: {}, body: "" },
  "204 No Content": { status: 204, headers: {}, body: "" },
  "JSON of its own": {
    status: 200,
    headers: { "content-type": "application/json" },
    body: '{"error":"login required"}',
  },
  "JSON without anything in it": { status: 200, headers: { "content-type": "application/json" }, body: "null" },
  "a refusal in JSON": { status: 403, headers: { "content-type": "application/json" }, body: '{"message":"blocked"}' },
  "404 in JSON": { status: 404, headers: { "content-type": "application/json" }, body: '{"error":"not found"}' },
};

/**
 * Stands between the browser and a program. Whoever isn't logged in gets the portal's answer to everything.
 *
 * @param {string} url the program's address
 */
export async function startPortal(url) {
  const { port: target } = new URL(url);
  /** @type {typeof ANSWERS[string] | null} */
  let captive = null;
  let dropCookies = false;
  const server = createServer((incoming, outgoing) => {
    if (captive) {
      outgoing.writeHead(captive.status, captive.headers).end(captive.body);
      return;
    }
    const { method, url: path, headers } = incoming;
    const onward = request({ host: "127.0.0.1", port: target, method, path, headers }, (response) => {
      if (dropCookies) delete response.headers["set-cookie"];
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(outgoing).on("error", () => onward.destroy());
    });
    onward.on("error", () => outgoing.destroy());
    outgoing.on("close", () => onward.destroy());
    incoming.pipe(onward);
  });
  server.unref();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${port}`,
    /** Answers everything from now on, and breaks what is open, as when a login runs out. @param {typeof ANSWERS[string]} answer */
    capture(answer) {
      captive = answer;
      server.closeAllConnections();
    },
    /** The student logged in. */
    letThrough() {
      captive = null;
      server.closeAllConnections();
    },
    /** No cookie that the program sets arrives. @param {boolean} on */
    dropCookies(on) {
      dropCookies = on;
    },
    async end() {
      server.closeAllConnections();
      server.close();
    },
  };
}
