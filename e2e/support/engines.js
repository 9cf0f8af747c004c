// Firefox and WebKit behind one interface, for the journey that runs in both.
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer from "puppeteer-core";
import { until } from "./classroom.js";
import { newSession } from "./webdriver.js";

/**
 * A page in one of the engines.
 *
 * @typedef {object} EnginePage
 * @property {(url: string) => Promise<unknown>} open
 * @property {() => Promise<unknown>} reload
 * @property {<T>(read: (argument: any) => T, argument?: unknown) => Promise<T>} evaluate runs a function in the page
 * @property {(selector: string) => Promise<unknown>} click
 * @property {(selector: string, text: string) => Promise<unknown>} type types a text, and `\n` as Enter
 * @property {(width: number, height: number) => Promise<unknown>} resize MiniBrowser's window is never narrower than 447 px
 * @property {(path: string) => Promise<unknown>} screenshot
 * @property {string[]} faults script errors, console messages and foreign requests; WebKit's driver reports none
 * @property {() => Promise<void>} close ends the browser and removes its profile
 */

/** Settings without which Firefox calls its maker's servers. */
const FIREFOX_PREFERENCES = {
  "app.normandy.enabled": false,
  "app.update.disabledForTesting": true,
  "browser.newtabpage.activity-stream.feeds.topsites": false,
  "browser.region.network.url": "",
  "browser.safebrowsing.blockedURIs.enabled": false,
  "browser.safebrowsing.downloads.enabled": false,
  "browser.safebrowsing.malware.enabled": false,
  "browser.safebrowsing.phishing.enabled": false,
  "browser.safebrowsing.update.enabled": false,
  "browser.search.update": false,
  "datareporting.healthreport.uploadEnabled": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "dom.push.connection.enabled": false,
  "extensions.blocklist.enabled": false,
  "extensions.getAddons.cache.enabled": false,
  "extensions.systemAddon.update.enabled": false,
  "extensions.update.enabled": false,
  "intl.accept_languages": "ko-KR",
  "media.gmp-manager.updateEnabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "network.dns.disablePrefetch": true,
  "network.prefetch-next": false,
  "network.trr.mode": 5,
  "services.settings.server": "data:,#remote-settings-dummy/v1",
  "toolkit.telemetry.enabled": false,
  "toolkit.telemetry.server": "",
  "toolkit.telemetry.unified": false,
};

/** Starts Firefox as Debian ships it. @param {{dark?: boolean}} [options] @returns {Promise<EnginePage>} */
export async function startFirefox({ dark = false } = {}) {
  /** @type {string[]} */
  const faults = [];
  // Firefox refuses to run as root in a home of another user, which is what containers of CI services give it.
  const home = await mkdtemp(join(tmpdir(), "llm-classroom-firefox-"));
  const proxy = await startRefusingProxy((call) => faults.push(`foreign request: ${call}`));
  /** @type {import("puppeteer-core").Browser | undefined} */
  let browser;
  async function close() {
    await browser?.close();
    proxy.close();
    await rm(home, { recursive: true, force: true, maxRetries: 20 });
  }
  try {
    browser = await puppeteer.launch({
      browser: "firefox",
      executablePath: "/usr/bin/firefox-esr",
      headless: true,
      // Without the last one a release ignores the setting of the server for "remote settings".
      env: { PATH: process.env.PATH, HOME: home, TMPDIR: home, LANG: "C.UTF-8", MOZ_REMOTE_SETTINGS_DEVTOOLS: "1" },
      extraPrefsFirefox: {
        ...FIREFOX_PREFERENCES,
        ...proxy.preferences,
        "layout.css.prefers-color-scheme.content-override": dark ? 0 : 1,
      },
    });
    const page = await browser.newPage();
    page.setDefaultTimeout(15_000);
    page.on("console", (message) => {
      if (["error", "warn"].includes(message.type())) faults.push(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => faults.push(`script: ${error}`));
    return {
      open: (url) => page.goto(url),
      reload: () => page.reload(),
      evaluate: (read, argument) => /** @type {any} */ (page.evaluate(read, argument ?? null)),
      click: (selector) => page.click(selector),
      async type(selector, text) {
        await page.focus(selector);
        await page.keyboard.type(text);
      },
      resize: (width, height) => page.setViewport({ width, height }),
      screenshot: (path) => page.screenshot({ path: /** @type {`${string}.png`} */ (path) }),
      faults,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * A proxy for everything but this machine: it passes nothing on, and reports what was asked for.
 *
 * @param {(call: string) => void} report
 */
async function startRefusingProxy(report) {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (data) => {
      report(data.toString().split("\r\n")[0]);
      socket.destroy();
    });
  });
  const port = await listen(server);
  return {
    preferences: {
      "network.proxy.type": 1,
      "network.proxy.http": "127.0.0.1",
      "network.proxy.http_port": port,
      "network.proxy.ssl": "127.0.0.1",
      "network.proxy.ssl_port": port,
      "network.proxy.failover_direct": false,
    },
    close: () => server.close(),
  };
}

/** Starts WebKitGTK's MiniBrowser as Debian ships it, on a screen of its own. @param {{dark?: boolean}} [options] @returns {Promise<EnginePage>} */
export async function startWebKit({ dark = false } = {}) {
  const home = await mkdtemp(join(tmpdir(), "llm-classroom-webkit-"));
  const port = await freePort();
  const folders = {
    HOME: home,
    XDG_CACHE_HOME: home,
    XDG_CONFIG_HOME: home,
    XDG_DATA_HOME: home,
    XDG_RUNTIME_DIR: home,
  };
  const env = {
    PATH: process.env.PATH ?? "",
    ...folders,
    LANG: "C.UTF-8",
    GTK_THEME: dark ? "Adwaita:dark" : "Adwaita",
    // A container has neither a graphics card nor a session bus.
    LIBGL_ALWAYS_SOFTWARE: "1",
    WEBKIT_DISABLE_COMPOSITING_MODE: "1",
    NO_AT_BRIDGE: "1",
    GSETTINGS_BACKEND: "memory",
  };
  // Xvfb chooses a free display and writes its number into the third descriptor.
  const screen = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", "1600x1200x24", "-nolisten", "tcp"], {
    env,
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  /** @type {import("node:child_process").ChildProcess | undefined} */
  let driver;
  /** @type {Awaited<ReturnType<typeof newSession>> | undefined} */
  let session;
  async function close() {
    await session?.end().catch(() => {});
    // The driver leads a process group, which its browser belongs to.
    if (driver?.pid) {
      try {
        process.kill(-driver.pid, "SIGKILL");
      } catch {
        // It has ended already.
      }
    }
    screen.kill("SIGKILL");
    await rm(home, { recursive: true, force: true, maxRetries: 20 });
  }
  try {
    const display = await new Promise((resolve, reject) => {
      screen.once("error", reject);
      screen.once("exit", (code) => reject(new Error(`Xvfb ended with ${code}`)));
      let text = "";
      screen.stdio[3]?.on("data", (/** @type {Buffer} */ data) => {
        text += data;
        if (text.endsWith("\n")) resolve(text.trim());
      });
    });
    driver = spawn("WebKitWebDriver", [`--port=${port}`], {
      env: { ...env, DISPLAY: `:${display}` },
      stdio: "ignore",
      detached: true,
    });
    const failed = new Promise((_, reject) => driver?.once("error", reject));
    const url = `http://127.0.0.1:${port}`;
    await Promise.race([
      failed,
      until("WebKit's driver listens", () =>
        fetch(`${url}/status`).then(
          (answer) => answer.ok,
          () => false,
        ),
      ),
    ]);
    session = await newSession(url, {
      "webkitgtk:browserOptions": {
        binary: "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser",
        args: ["--automation"],
      },
    });
  } catch (error) {
    await close();
    throw error;
  }
  const ready = session;
  return {
    open: (url) => ready.navigate(url),
    reload: () => ready.refresh(),
    evaluate: (read, argument) => ready.execute(`return (${read})(arguments[0])`, [argument ?? null]),
    click: (selector) => ready.click(selector),
    // Enter, as the protocol names it.
    type: (selector, text) => ready.type(selector, text.replaceAll("\n", "\uE007")),
    resize: (width, height) => ready.resize(width, height),
    screenshot: async (path) => writeFile(path, await ready.screenshot()),
    faults: [],
    close,
  };
}

/** A port that nobody listens on. */
async function freePort() {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Listens on a port that the system chooses. @param {import("node:net").Server} server @returns {Promise<number>} */
function listen(server) {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(/** @type {import("node:net").AddressInfo} */ (server.address()).port));
  });
}
