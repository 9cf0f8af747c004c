// A provider, a program and a browser for one file of journeys.
import { after, before, beforeEach } from "node:test";
import { newStudent, startBrowser } from "./browser.js";
import { startProgram } from "./program.js";
import { startProvider } from "./provider.js";

/**
 * Starts the world before a file's tests and ends it after them. Each test begins with a well-behaved provider.
 *
 * @param {{practice?: boolean, settings?: Record<string, string>}} [options]
 */
export function world({ practice = false, settings = {} } = {}) {
  /** @type {{browser: import("playwright-core").Browser, provider: Awaited<ReturnType<typeof startProvider>>, program: Awaited<ReturnType<typeof startProgram>>}} */
  const parts = /** @type {any} */ ({});
  before(async () => {
    parts.browser = await startBrowser();
    parts.provider = await startProvider();
    parts.program = await startProgram(practice ? settings : { OPENAI_BASE_URL: parts.provider.url, ...settings });
  });
  beforeEach(() => parts.provider.script({ reset: true }));
  after(async () => {
    await parts.browser?.close();
    await parts.program?.end();
    await parts.provider?.end();
  });
  return {
    get provider() {
      return parts.provider;
    },
    get program() {
      return parts.program;
    },
    /** Another program beside the first, with other settings; the test ends it. @param {Record<string, string>} other */
    another: (other) => startProgram({ OPENAI_BASE_URL: parts.provider.url, ...other }),
    /** @param {import("playwright-core").BrowserContextOptions} [options] @param {string} [url] another program's address */
    student: (options, url = parts.program.url) => newStudent(parts.browser, url, options),
  };
}
