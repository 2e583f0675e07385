// node page_test.mjs CHROMIUM FOLDER: the page in FOLDER in a headless browser. A bar moves, all vectors are found, and
// the module keeps within 100 MB.
//
// The browser is sent to a page of ours that has the other one in a frame, looks at it as a user would, and posts what
// it saw. So no protocol of the browser's is needed, and no package but node.
import {spawn} from "node:child_process";
import {createServer} from "node:http";
import {mkdtemp, readFile, rm} from "node:fs/promises";
import {tmpdir} from "node:os";
import {basename, join} from "node:path";

const [chromium, folder] = process.argv.slice(2);
const patience_ms = 500_000;
const types = {html: "text/html", js: "text/javascript", wasm: "application/wasm"};

const watching_page = `<!doctype html><iframe src="index.html"></iframe><script>
  const page = document.querySelector("iframe").contentWindow;
  const seen = new Set();
  setInterval(() => {
    const bar = page.document.querySelector("#bar");
    if (bar) seen.add(bar.value);
    if (!page.result || page.told) return;
    page.told = true;
    const status = page.document.querySelector("#status").textContent;
    fetch("seen", {method: "POST", body: JSON.stringify({bar: [...seen], status, result: page.result})});
  }, 50);
</script>`;

const check = (condition, what) => {
  if (!condition) throw new Error(what);
};

function serve(on_seen) {
  return createServer(async (request, response) => {
    const name = basename(new URL(request.url, "http://page").pathname);
    if (name === "seen") {
      let body = "";
      for await (const part of request) body += part;
      response.end();
      on_seen(JSON.parse(body));
    } else if (name === "watch.html") {
      response.setHeader("Content-Type", types.html);
      response.end(watching_page);
    } else {
      try {
        const bytes = await readFile(join(folder, name));
        response.setHeader("Content-Type", types[name.split(".").pop()] ?? "application/octet-stream");
        response.end(bytes);
      } catch {
        response.writeHead(404).end();
      }
    }
  });
}

const profile = await mkdtemp(join(tmpdir(), "shoal-page-"));
let server, browser;
try {
  const seen = await new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`the page had no result after ${patience_ms / 1000} s`)), patience_ms).unref();
    server = serve(resolve);
    server.listen(0, "127.0.0.1", () => {
      browser = spawn(chromium, [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
        `--user-data-dir=${profile}`, `http://127.0.0.1:${server.address().port}/watch.html`,
      ], {stdio: "ignore"});
      browser.on("error", reject);
      browser.on("exit", (code) => reject(new Error(`the browser ended with ${code}`)));
    });
  });
  const {bar, status, result} = seen;
  check(!result.error, `the page says: ${result.error}`);
  check(bar.length >= 5, `expected a bar that moves, saw ${bar}`);
  check(bar.every((value, i) => i === 0 || value > bar[i - 1]), `expected a bar that only grows, saw ${bar}`);
  check(bar.at(-1) === 1, `expected a full bar at the end, saw ${bar.at(-1)}`);
  check(result.count === 10_000 && result.dimensions === 768, `expected 10,000 x 768, got ${JSON.stringify(result)}`);
  check(result.found === result.searches, `expected ${result.searches} of ${result.searches}, found ${result.found}`);
  check(result.memory_bytes <= 100e6, `expected at most 100 MB, took ${result.memory_bytes}`);
  console.log(status);
} finally {
  browser?.removeAllListeners("exit");
  browser?.kill();
  server?.closeAllConnections();
  server?.close();
  await rm(profile, {recursive: true, force: true, maxRetries: 10, retryDelay: 100});
}
