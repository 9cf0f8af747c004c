// A real Chromium, and pages that fail a test for anything a good page doesn't do.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Chromium as Debian ships it, with nothing that phones home. */
const LAUNCH = {
  executablePath: "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
};

/** Starts a browser for any number of students. @param {string[]} [args] further arguments of Chromium */
export const startBrowser = (args = []) => chromium.launch({ ...LAUNCH, args: [...LAUNCH.args, ...args] });

/**
 * A browser whose owner blocks all cookies in its settings, with one page. `posts` lists the paths it posts to.
 *
 * @param {string} url the program's address
 * @param {import("playwright-core").BrowserContextOptions} [options]
 */
export async function startBlockingBrowser(url, options = {}) {
  const profile = await mkdtemp(join(tmpdir(), "llm-classroom-profile-"));
  await mkdir(join(profile, "Default"));
  const settings = { profile: { default_content_setting_values: { cookies: 2 } } };
  await writeFile(join(profile, "Default", "Preferences"), JSON.stringify(settings));
  const context = await chromium.launchPersistentContext(profile, {
    ...LAUNCH,
    baseURL: url,
    locale: "ko-KR",
    ...options,
  });
  context.setDefaultTimeout(15_000);
  /** @type {string[]} */
  const posts = [];
  context.on("request", (request) => {
    if (request.method() === "POST") posts.push(new URL(request.url()).pathname);
  });
  return {
    page: context.pages()[0] ?? (await context.newPage()),
    posts,
    async close() {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

/**
 * A new student: a browser context of their own, and a page that keeps a list of its faults.
 *
 * @param {import("playwright-core").Browser} browser
 * @param {string} url the program's address
 * @param {import("playwright-core").BrowserContextOptions} [options]
 */
export async function newStudent(browser, url, options = {}) {
  const context = await browser.newContext({
    baseURL: url,
    locale: "ko-KR",
    viewport: { width: 1440, height: 900 },
    permissions: ["clipboard-read", "clipboard-write"],
    ...options,
  });
  context.setDefaultTimeout(15_000);
  /** @type {string[]} */
  const faults = [];
  context.on("page", (page) => watch(page, url, faults));
  const page = await context.newPage();
  return {
    page,
    context,
    /** What a good page never does; tests that provoke a failure say which faults they expect. @param {RegExp} [expected] */
    assertFaultless(expected) {
      const unexpected = faults.filter((fault) => !expected?.test(fault));
      assert.deepEqual(unexpected, []);
    },
    close: () => context.close(),
  };
}

/** @param {import("playwright-core").Page} page @param {string} url @param {string[]} faults */
function watch(page, url, faults) {
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`script: ${error}`));
  page.on("dialog", (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    const target = request.url();
    if (!target.startsWith(url) && !/^(data|blob|about):/.test(target)) faults.push(`foreign request: ${target}`);
  });
}

/**
 * Asserts that axe finds no violation in the page as it stands.
 *
 * @param {import("playwright-core").Page} page
 * @param {string} state for the message
 */
export async function assertAccessible(page, state) {
  // Evaluated by the browser's debugger, which the page's content security policy doesn't bind.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => /** @type {any} */ (globalThis).axe.run());
  const found = violations.map((/** @type {any} */ violation) => ({
    rule: violation.id,
    nodes: violation.nodes.map((/** @type {any} */ node) => `${node.html} ${node.failureSummary}`),
  }));
  assert.deepEqual(found, [], `axe, ${state}`);
}

/** Asserts that the page fits its window's width. @param {import("playwright-core").Page} page @param {string} state */
export async function assertNoSidewaysScroll(page, state) {
  const { scroll, client } = await page.evaluate(() => ({
    scroll: document.documentElement.scrollWidth,
    client: document.documentElement.clientWidth,
  }));
  assert.ok(scroll <= client, `${state}: ${scroll} > ${client}`);
}
