// Tries the catalogue's pages in a browser: they render, search finds, code copies, nothing is
// loaded from elsewhere, nothing is wider than a phone, and axe-core finds no violation.
//
//   isozoo catalog build --out site
//   npm install --prefix browser playwright-core axe-core
//   node scripts/check_catalog.mjs site --modules browser [--chromium PATH] [--pictures DIR]
//
// The pages are opened from the disk (file://) or, where an address is given instead of a folder,
// from a server. Exit code 1 tells of failures, which are printed.

import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [site, ...rest] = process.argv.slice(2);
const option = (name, otherwise) => {
  const at = rest.indexOf(`--${name}`);
  return at < 0 ? otherwise : rest[at + 1];
};
if (!site) {
  console.error("node scripts/check_catalog.mjs SITE --modules FOLDER");
  process.exit(2);
}
const modules = path.resolve(option("modules", "."), "node_modules", "x.js");
const required = createRequire(modules);
const { chromium } = required("playwright-core");
const axe = fs.readFileSync(required.resolve("axe-core/axe.min.js"), "utf8");
const base = /^https?:/.test(site)
  ? new URL(site)
  : pathToFileURL(path.resolve(site) + path.sep);
const pictures = option("pictures", null);

const failures = [];
const check = (holds, what) => { if (!holds) failures.push(what); };

const DESKTOP = { width: 1280, height: 860 };
const PHONE = { width: 390, height: 844 };

const browser = await chromium.launch({
  executablePath: option("chromium", "/usr/bin/chromium"),
  args: ["--no-sandbox"],
});
console.log(`Chromium ${browser.version()}, ${base}`);

const opened = async (colorScheme, viewport, phone = false) => {
  const context = await browser.newContext({
    colorScheme, viewport, hasTouch: phone, isMobile: phone, deviceScaleFactor: 1,
  });
  if (base.protocol !== "file:") {
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: base.origin });
  }
  const page = await context.newPage();
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) {
      failures.push(`${page.url()}: console: ${message.text()}`);
    }
  });
  page.on("pageerror", (error) => failures.push(`${page.url()}: ${error}`));
  page.on("requestfailed", (request) => failures.push(`request failed: ${request.url()}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    const own = url.protocol === "data:" ||
      (url.protocol === base.protocol && url.host === base.host);
    check(own, `${page.url()} asks for ${url}`);
  });
  return page;
};

const accessible = async (page, what) => {
  // A page's policy forbids scripts from elsewhere; this one comes from the tester.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document, {
    preload: false, // it would ask for the stylesheets once more
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  }));
  for (const one of violations) {
    failures.push(`${what}: axe: ${one.id}: ${one.help}: ${one.nodes[0].target}`);
  }
  return violations.length;
};

const fits = async (page, what) => {
  const [wide, window] = await page.evaluate(
    () => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  check(wide <= window, `${what}: ${wide} pixels wide in a window of ${window}`);
};

const shown = (page) => page.$$eval("[data-card]", (cards) =>
  cards.filter((card) => card.offsetParent !== null).map((card) => card.querySelector("a").textContent));

// The index: search and filters.
const page = await opened("light", DESKTOP);
await page.goto(new URL("index.html", base).href);
const cards = await page.$$eval("[data-card]", (all) => all.map((card) => ({
  name: card.querySelector("a").textContent, href: card.querySelector("a").href,
  text: card.dataset.text, license: card.dataset.license, language: card.dataset.language,
})));
check(cards.length > 0, "the index has no cards");
await page.fill("input[name=q]", "whisper english");
const words = (await shown(page)).sort();
const expected = cards.filter((c) => c.text.includes("whisper") && c.text.includes("english"))
  .map((c) => c.name).sort();
check(words.length > 0 && words.join() === expected.join(), `search found ${words}`);
check((await page.textContent("[data-count]")) === `${words.length} models`, "the count is wrong");
await page.fill("input[name=q]", "no such model anywhere");
check(await page.isVisible("[data-none]"), "nothing is said where nothing is found");
await page.click("[data-clear]");
for (const [name, of] of [["license", "license"], ["language", "language"]]) {
  const value = await page.$eval(`select[name=${name}]`, (s) => s.options[1].value);
  await page.selectOption(`select[name=${name}]`, value);
  const found = (await shown(page)).sort().join();
  const right = cards.filter((c) => c[of].split("|").includes(value)).map((c) => c.name).sort();
  check(found === right.join(), `the filter ${name}=${value} is wrong`);
  await page.reload();
  check((await shown(page)).sort().join() === found, `the filter ${name} is lost on reloading`);
  await page.selectOption(`select[name=${name}]`, "");
}
const before = (await shown(page)).length;
const more = page.locator("[data-more]:visible").first();
if (await more.count()) {
  await more.click();
  check((await shown(page)).length > before, "`Show all` shows no more");
}
await page.locator("input[name=q]").press("Control+A");
await page.keyboard.press("Tab");
console.log(`index: ${cards.length} cards; search, filters and their address hold`);

// The backend that is asked for is the one that code is shown for; code copies.
const first = cards.find((c) => c.name === "all_minilm_l6_v2") ?? cards[0];
await page.goto(first.href);
await page.locator("input[name=backend][value=torch]").check({ force: true });
const code = page.locator("[data-backend-code]:visible");
check((await code.count()) === 1, "code of one backend is shown");
check((await code.textContent()).includes('backend="torch"'), "code of the chosen backend");
await code.locator("[data-copy]").click();
await page.waitForFunction(() =>
  [...document.querySelectorAll("[data-copy]")].some((b) => b.textContent === "Copied"));
await page.evaluate(() => {
  const area = document.createElement("textarea");
  area.id = "paste";
  area.setAttribute("aria-label", "paste");
  document.querySelector("main").append(area);
  area.focus();
});
await page.keyboard.press("Control+V");
const pasted = await page.$eval("#paste", (area) => area.value);
check(pasted === await code.locator("code").textContent(), `copied: ${pasted}`);
await page.goto(cards.at(-1).href);
check(await page.isChecked("input[name=backend][value=torch]"), "the backend is forgotten");
console.log(`code: copied from ${first.name}, ${pasted.length} characters`);

// The theme: as the system has it, until it is chosen.
const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
const light = await ground();
await page.click("[data-theme-button]");
check(await ground() !== light, "the theme does not change");
await page.goto(new URL("index.html", base).href);
check(await ground() !== light, "the theme is forgotten");

// Every page, on a phone: no error, nothing too wide.
const phone = await opened("dark", PHONE, true);
for (const card of cards) {
  await phone.goto(card.href);
  check((await phone.textContent("h1")) === card.name, `${card.href}: another heading`);
  await fits(phone, card.name);
}
console.log(`pages: ${cards.length} opened on a phone's screen`);

// Accessibility, in both themes and sizes.
let runs = 0;
for (const scheme of ["light", "dark"]) {
  for (const [size, isPhone] of [[DESKTOP, false], [PHONE, true]]) {
    const one = await opened(scheme, size, isPhone);
    const names = ["all_minilm_l6_v2", "whisper_tiny_en", cards.at(-1).name];
    const pages = cards.filter((c) => names.includes(c.name));
    for (const [what, href] of [["index", new URL("index.html", base).href],
      ...pages.map((c) => [c.name, c.href])]) {
      await one.goto(href);
      await accessible(one, `${what}, ${scheme}, ${size.width}`);
      await fits(one, what);
      runs += 1;
    }
    if (pictures) {
      fs.mkdirSync(pictures, { recursive: true });
      const kind = `${isPhone ? "phone" : "desktop"}-${scheme}`;
      const href = isPhone ? first.href : new URL("index.html", base).href;
      await one.goto(href);
      await one.screenshot({ path: path.join(pictures, `catalog-${kind}.png`) });
      await one.goto(isPhone ? new URL("index.html", base).href : first.href);
      await one.screenshot({ path: path.join(pictures, `other-${kind}.png`) });
    }
    await one.context().close();
  }
}
console.log(`axe-core: ${runs} runs`);

// Without scripts all is there.
const plain = await browser.newContext({ javaScriptEnabled: false });
const bare = await plain.newPage();
await bare.goto(new URL("index.html", base).href);
check(await bare.locator("[data-card]:visible").count() === cards.length, "without scripts");

await browser.close();
for (const failure of [...new Set(failures)]) console.log(`FAILED ${failure}`);
console.log(failures.length ? `${failures.length} failures` : "all holds");
process.exit(failures.length ? 1 : 0);
