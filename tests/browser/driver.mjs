// Debian's Chromium, driven from another program: a line of JSON in, `[command, argument...]`, a line of JSON
// out, `{"value"}` or `{"error"}`. node driver.mjs NODE_MODULES CHROMIUM
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const [modules, chromium] = process.argv.slice(2);
const require = createRequire(join(modules, 'index.js'));
const playwright = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

const browser = await playwright.chromium.launch({ executablePath: chromium, headless: true, args: FLAGS });
let context;
let page;
let noise = []; // what the page complained about, and what it wanted from elsewhere

const commands = {
  // A new window; `options` are those of playwright's newContext.
  async open(url, options) {
    await context?.close();
    context = await browser.newContext({ bypassCSP: false, ...options });
    page = await context.newPage();
    noise = [];
    page.on('pageerror', (error) => noise.push(`error: ${error.message}`));
    page.on('console', (message) => message.type() === 'error' && noise.push(`console: ${message.text()}`));
    page.on('request', (request) => new URL(request.url()).origin !== new URL(url).origin && noise.push(`elsewhere: ${request.url()}`));
    await page.goto(url, { waitUntil: 'domcontentloaded' });
  },
  goto: (url) => page.goto(url, { waitUntil: 'domcontentloaded' }).then(() => null),
  // The text of each element, as a reader sees it.
  texts: (selector) => page.locator(selector).allInnerTexts(),
  attribute: (selector, name) => page.locator(selector).first().getAttribute(name),
  run: (code) => page.evaluate(code),
  press: (key) => page.keyboard.press(key),
  type: (text) => page.keyboard.type(text),
  focus: (selector) => page.locator(selector).first().focus(),
  click: (selector) => page.locator(selector).first().click(),
  offline: (value) => context.setOffline(value),
  picture: (path, full) => page.screenshot({ path, fullPage: full === true }).then(() => null),
  noise: () => noise.splice(0),
  // axe's findings of some weight: rule, impact, and where.
  async axe() {
    if (!(await page.evaluate('typeof axe === "object"'))) await page.evaluate(axe);
    const found = await page.evaluate('axe.run(document, {resultTypes: ["violations"]})');
    return found.violations.map(({ id, impact, nodes }) => ({ id, impact, where: nodes.slice(0, 4).map((n) => `${n.target.join(' ')}: ${n.any[0]?.message ?? n.all[0]?.message ?? ''}`) }));
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...words] = JSON.parse(line);
  const answer = await Promise.resolve()
    .then(() => commands[command](...words))
    .then((value) => ({ value: value ?? null }), (error) => ({ error: error.message }));
  process.stdout.write(JSON.stringify(answer) + '\n');
}
await browser.close();
